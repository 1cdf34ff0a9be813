//! What kinds of device there are, and what each is called in the API.

/// A kind of device. It decides the node class, the `deviceType` and which parts a detailed document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An agent on Windows 10 or 11.
    WindowsWorkstation,
    /// An agent on Windows Server.
    WindowsServer,
    /// An agent on macOS.
    Mac,
    /// An agent on a Mac used as a server.
    MacServer,
    /// An agent on a Linux server.
    LinuxServer,
    /// An agent on a Linux desktop.
    LinuxWorkstation,
    /// A VMware ESXi host.
    VmwareHost,
    /// A virtual machine on a [`Kind::VmwareHost`].
    VmwareGuest,
    /// A Hyper-V host.
    HypervHost,
    /// A virtual machine on a [`Kind::HypervHost`].
    HypervGuest,
    /// The monitoring agent that polls network devices.
    NmsServer,
    /// A switch polled over SNMP.
    NmsSwitch,
    /// A router polled over SNMP.
    NmsRouter,
    /// A firewall polled over SNMP.
    NmsFirewall,
    /// A printer polled over SNMP.
    NmsPrinter,
    /// A wireless access point polled over SNMP.
    NmsAccessPoint,
    /// A desk phone.
    NmsPhone,
    /// A storage box or power supply polled over SNMP.
    NmsAppliance,
    /// Anything else with an address.
    NmsOther,
    /// A cloud monitor that pings.
    CloudPing,
    /// A cloud monitor that fetches a page.
    CloudHttp,
    /// A cloud monitor that resolves a name.
    CloudDns,
    /// A cloud monitor that opens ports.
    CloudPort,
    /// A cloud monitor that sends a mail.
    CloudEmail,
    /// An Android phone under management.
    Android,
    /// An iPhone under management.
    Iphone,
    /// An iPad under management.
    Ipad,
    /// A device entered by hand.
    Unmanaged,
}

use Kind::*;

/// How often each kind occurs, in a thousand.
pub(super) const SHARES: [(Kind, u64); 28] = [
    (WindowsWorkstation, 560),
    (WindowsServer, 115),
    (Mac, 80),
    (MacServer, 3),
    (LinuxServer, 40),
    (LinuxWorkstation, 12),
    (VmwareHost, 12),
    (VmwareGuest, 40),
    (HypervHost, 8),
    (HypervGuest, 20),
    (NmsServer, 4),
    (NmsSwitch, 20),
    (NmsRouter, 6),
    (NmsFirewall, 12),
    (NmsPrinter, 14),
    (NmsAccessPoint, 10),
    (NmsPhone, 4),
    (NmsAppliance, 4),
    (NmsOther, 3),
    (CloudPing, 5),
    (CloudHttp, 5),
    (CloudDns, 2),
    (CloudPort, 2),
    (CloudEmail, 2),
    (Android, 4),
    (Iphone, 4),
    (Ipad, 2),
    (Unmanaged, 7),
];

impl Kind {
    /// The `nodeClass`.
    pub fn node_class(self) -> &'static str {
        match self {
            WindowsWorkstation => "WINDOWS_WORKSTATION",
            WindowsServer => "WINDOWS_SERVER",
            Mac => "MAC",
            MacServer => "MAC_SERVER",
            LinuxServer => "LINUX_SERVER",
            LinuxWorkstation => "LINUX_WORKSTATION",
            VmwareHost => "VMWARE_VM_HOST",
            VmwareGuest => "VMWARE_VM_GUEST",
            HypervHost => "HYPERV_VMM_HOST",
            HypervGuest => "HYPERV_VMM_GUEST",
            NmsServer => "NMS_SERVER",
            NmsSwitch => "NMS_SWITCH",
            NmsRouter => "NMS_ROUTER",
            NmsFirewall => "NMS_FIREWALL",
            NmsPrinter => "NMS_PRINTER",
            NmsAccessPoint => "NMS_WAP",
            NmsPhone => "NMS_PHONE",
            NmsAppliance => "NMS_APPLIANCE",
            NmsOther => "NMS_OTHER",
            CloudPing | CloudHttp | CloudDns | CloudPort | CloudEmail => "CLOUD_MONITOR_TARGET",
            Android => "ANDROID",
            Iphone => "APPLE_IOS",
            Ipad => "APPLE_IPADOS",
            Unmanaged => "UNMANAGED_DEVICE",
        }
    }

    /// The discriminator of the detailed document.
    pub fn device_type(self) -> &'static str {
        match self {
            VmwareHost | HypervHost => "VMHost",
            VmwareGuest | HypervGuest => "VMGuest",
            NmsServer => "NMSServer",
            NmsSwitch | NmsRouter | NmsFirewall | NmsPrinter | NmsAccessPoint | NmsPhone | NmsAppliance
            | NmsOther => "NMSTarget",
            CloudPing => "CloudMonitorPing",
            CloudHttp => "CloudMonitorHTTP",
            CloudDns => "CloudMonitorDNS",
            CloudPort => "CloudMonitorPortScan",
            CloudEmail => "CloudMonitorEmailServer",
            Android | Iphone | Ipad => "MdmDevice",
            Unmanaged => "UnmanagedDevice",
            _ => "AgentDevice",
        }
    }

    /// Whether our agent runs on it, so that it has an operating system, hardware, software and scripts.
    pub fn is_agent(self) -> bool {
        self.device_type() == "AgentDevice"
    }

    /// Whether it is an agent on Windows.
    pub fn is_windows(self) -> bool {
        matches!(self, WindowsWorkstation | WindowsServer)
    }

    /// Whether it is a virtual machine of a host.
    pub fn is_guest(self) -> bool {
        matches!(self, VmwareGuest | HypervGuest)
    }

    /// Whether it is a phone or tablet.
    pub fn is_mobile(self) -> bool {
        matches!(self, Android | Iphone | Ipad)
    }

    /// Whether it is polled by a network monitoring agent.
    pub fn is_network_target(self) -> bool {
        self.device_type() == "NMSTarget"
    }

    /// Whether it is a cloud monitor.
    pub fn is_cloud_monitor(self) -> bool {
        matches!(self, CloudPing | CloudHttp | CloudDns | CloudPort | CloudEmail)
    }
}

/// Every node class of the published document, in its order; the built-in roles are made from it.
pub const NODE_CLASSES: [&str; 33] = [
    "WINDOWS_SERVER",
    "WINDOWS_WORKSTATION",
    "LINUX_WORKSTATION",
    "MAC",
    "ANDROID",
    "APPLE_IOS",
    "APPLE_IPADOS",
    "VMWARE_VM_HOST",
    "VMWARE_VM_GUEST",
    "HYPERV_VMM_HOST",
    "HYPERV_VMM_GUEST",
    "LINUX_SERVER",
    "MAC_SERVER",
    "CLOUD_MONITOR_TARGET",
    "NMS_SWITCH",
    "NMS_ROUTER",
    "NMS_FIREWALL",
    "NMS_PRIVATE_NETWORK_GATEWAY",
    "NMS_PRINTER",
    "NMS_SCANNER",
    "NMS_DIAL_MANAGER",
    "NMS_WAP",
    "NMS_IPSLA",
    "NMS_COMPUTER",
    "NMS_VM_HOST",
    "NMS_APPLIANCE",
    "NMS_OTHER",
    "NMS_SERVER",
    "NMS_PHONE",
    "NMS_VIRTUAL_MACHINE",
    "NMS_NETWORK_MANAGEMENT_AGENT",
    "UNMANAGED_DEVICE",
    "MANAGED_DEVICE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_make_a_thousand_and_classes_are_known() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), 1000);
        for (kind, _) in SHARES {
            assert!(NODE_CLASSES.contains(&kind.node_class()), "{kind:?}");
        }
    }
}
