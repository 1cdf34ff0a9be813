//! Writes devices as JSON: the row of a list and the detailed document of each device type.

use super::catalog::{policy_fields, role_fields};
use super::device_kinds::{guest, host, monitor};
use super::expand::Expand;
use super::organizations;
use super::people::user_fields;
use crate::dice::Dice;
use crate::json::Json;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::hardware::{self, Volume};
use crate::ninjaone::estate::kind::Kind;
use crate::ninjaone::estate::{Estate, people};
use crate::ninjaone::quirks::{Part, Quirks};

const GIB: i64 = 1 << 30;

/// Writes devices of one estate.
pub(super) struct Writer<'a> {
    pub estate: &'a Estate,
    pub quirks: &'a Quirks,
    pub expand: Expand,
    /// The estate's time in milliseconds.
    pub present: i64,
}

impl Writer<'_> {
    /// A row of `/v2/devices`.
    pub fn brief(&self, json: &mut Json, device: &Device) {
        json.object(|json| self.base(json, device));
    }

    /// A row of `/v2/devices-detailed`, or the answer of `/v2/device/{id}`.
    pub fn detailed(&self, json: &mut Json, device: &Device) {
        json.object(|json| {
            self.base(json, device);
            let (addresses, macs, public) = hardware::network(device);
            if !device.kind.is_cloud_monitor() {
                json.strings_at("ipAddresses", &addresses);
                json.strings_at("macAddresses", &macs);
                json.string_at("publicIP", &public);
            }
            json.array_at("notes", |json| {
                if device.seed.is_multiple_of(23) {
                    json.object(|json| {
                        json.string_at("text", "Call before visiting; key at the front desk.")
                    });
                }
            });
            json.string_at("deviceType", device.kind.device_type());
            self.special(json, device);
        });
    }

    /// The fields every device has. What is not set is left out.
    pub fn base(&self, json: &mut Json, device: &Device) {
        json.int_at("id", device.id);
        json.uuid_at("uid", device.uid());
        if let Some(owner) = self.owner(device) {
            json.uuid_at("assignedOwnerUid", owner.uid);
        }
        if let Some(parent) = device.parent {
            json.int_at("parentDeviceId", parent);
        }
        json.int_at("organizationId", device.organization);
        json.int_at("locationId", device.location);
        json.string_at("nodeClass", device.kind.node_class());
        json.int_at("nodeRoleId", device.role);
        if let Some(policy) = self.estate.role_policy(device.organization, device.role) {
            json.int_at("rolePolicyId", policy);
        }
        if let Some(policy) = device.policy {
            json.int_at("policyId", policy);
        }
        json.string_at("approvalStatus", device.approval.name());
        json.bool_at("offline", device.offline);
        json.string_if("displayName", device.display_name.as_deref());
        self.names(json, device);
        json.time_at("created", device.created);
        json.time_at("lastContact", device.last_contact);
        json.time_at("lastUpdate", device.last_update);
        if let Some(data) = &device.user_data {
            json.any_at("userData", data);
        }
        json.array_at("tags", |json| {
            device
                .tags
                .iter()
                .filter_map(|tag| self.estate.tags().get(tag))
                .for_each(|tag| json.string(&tag.name));
        });
        if let Some(window) = &device.maintenance {
            let begun = window.start <= self.present;
            json.object_at("maintenance", |json| {
                json.string_at("status", if begun { "IN_MAINTENANCE" } else { "PENDING" });
                json.time_at("start", window.start);
                if let Some(end) = window.end {
                    json.time_at("end", end);
                }
                json.string_if("reasonMessage", window.reason.as_deref());
            });
        }
        if self.expand.asked && !self.quirks.without.contains(&Part::References) {
            json.object_at("references", |json| self.references(json, device));
        }
    }

    fn names(&self, json: &mut Json, device: &Device) {
        let name = &device.system_name;
        json.string_at("systemName", name);
        match device.kind {
            Kind::WindowsWorkstation | Kind::WindowsServer => {
                let domain = self
                    .estate
                    .organization(device.organization)
                    .map(|one| one.domain.as_str());
                let joined = !device.seed.is_multiple_of(5);
                match domain.filter(|_| joined) {
                    Some(domain) => {
                        json.string_at("dnsName", &format!("{}.{domain}", name.to_ascii_lowercase()))
                    }
                    None => json.string_at("dnsName", name),
                }
                let short: String = name.chars().take(15).collect();
                json.string_at("netbiosName", &short.to_ascii_uppercase());
            }
            kind if kind.is_agent() || matches!(kind, Kind::VmwareHost | Kind::HypervHost) => {
                json.string_at("dnsName", name);
            }
            _ => {}
        }
    }

    fn owner(&self, device: &Device) -> Option<people::Person> {
        people::end_user(self.estate.organization(device.organization)?, device.owner?)
    }

    /// What `expand` asked for, as far as the device has it.
    fn references(&self, json: &mut Json, device: &Device) {
        let expand = self.expand;
        if let Some(one) = self
            .estate
            .organization(device.organization)
            .filter(|_| expand.organization)
        {
            json.object_at("organization", |json| organizations::brief(json, one));
        }
        if let Some(one) = self.estate.location(device.location).filter(|_| expand.location) {
            json.object_at("location", |json| organizations::location_fields(json, one));
        }
        let by_role = self.estate.role_policy(device.organization, device.role);
        for (key, wanted, id) in [
            ("rolePolicy", expand.role_policy, by_role),
            ("policy", expand.policy, device.policy),
        ] {
            if let Some(policy) = id.filter(|_| wanted).and_then(|id| self.estate.policy(id)) {
                json.object_at(key, |json| policy_fields(json, policy));
            }
        }
        if let Some(role) = self.estate.role(device.role).filter(|_| expand.role) {
            json.object_at("role", |json| role_fields(json, role));
        }
        if expand.backup_usage && backed_up(device) {
            json.object_at("backupUsage", |json| {
                backup_sizes(device)
                    .into_iter()
                    .for_each(|(key, bytes)| json.int_at(key, bytes));
            });
        }
        if let Some(warranty) = device.warranty.filter(|_| expand.warranty) {
            json.object_at("warranty", |json| {
                let dates = [
                    ("startDate", warranty.start_date),
                    ("endDate", warranty.end_date),
                    (
                        "manufacturerFulfillmentDate",
                        warranty.manufacturer_fulfillment_date,
                    ),
                ];
                for (key, seconds) in dates {
                    if let Some(seconds) = seconds {
                        json.time_at(key, (seconds * 1000.0) as i64);
                    }
                }
            });
        }
        if let Some(owner) = self.owner(device).filter(|_| expand.assigned_owner) {
            json.object_at("assignedOwner", |json| user_fields(json, &owner, None, false));
        }
        if expand.backup_throttle && backed_up(device) {
            json.object_at("backupBandwidthThrottle", |json| {
                json.bool_at("enabled", true);
                json.int_at("workHoursKbps", 4096);
                json.int_at("nonWorkHoursKbps", 0);
            });
        }
    }

    /// The fields only this device type has.
    fn special(&self, json: &mut Json, device: &Device) {
        match device.kind.device_type() {
            "AgentDevice" => self.agent(json, device),
            "VMHost" => host(json, device),
            "VMGuest" => guest(json, device),
            "MdmDevice" => self.mobile(json, device),
            _ if device.kind.is_cloud_monitor() => monitor(json, device),
            _ => {}
        }
    }

    fn has(&self, part: Part) -> bool {
        !self.quirks.without.contains(&part)
    }

    fn agent(&self, json: &mut Json, device: &Device) {
        if !device.lacks.os && self.has(Part::Os) {
            json.object_at("os", |json| operating_system(json, device));
        }
        if !device.lacks.system && self.has(Part::System) {
            json.object_at("system", |json| self.system(json, device));
        }
        if !device.lacks.processors && self.has(Part::Memory) {
            json.object_at("memory", |json| json.int_at("capacity", hardware::memory(device)));
        }
        if !device.lacks.processors && self.has(Part::Processors) {
            json.array_at("processors", |json| {
                for _ in 0..hardware::chassis(device).sockets {
                    json.object(|json| processor(json, device));
                }
            });
        }
        if !device.lacks.volumes && self.has(Part::Volumes) {
            json.array_at("volumes", |json| {
                for volume in hardware::volumes(device) {
                    json.object(|json| self.volume(json, device, &volume, false));
                }
            });
        }
        if matches!(device.kind, Kind::WindowsWorkstation | Kind::Mac) {
            json.string_at("lastLoggedInUser", &hardware::last_user(device));
        }
    }

    /// The fields of `ComputerSystem`.
    pub fn system(&self, json: &mut Json, device: &Device) {
        let chassis = hardware::chassis(device);
        json.string_at("name", &device.system_name);
        json.string_at("manufacturer", chassis.manufacturer);
        json.string_at("model", chassis.model);
        json.string_if("biosSerialNumber", chassis.bios_serial.as_deref());
        json.string_if("serialNumber", chassis.serial.as_deref());
        if device.seed.is_multiple_of(9) {
            json.string_at("assetSerialNumber", &format!("AT-{:05}", device.seed % 100_000));
        }
        if device.kind.is_windows() {
            let domain = self
                .estate
                .organization(device.organization)
                .map(|one| one.domain.as_str());
            let joined = !device.seed.is_multiple_of(5);
            json.string_at("domain", domain.filter(|_| joined).unwrap_or("WORKGROUP"));
            json.string_at(
                "domainRole",
                match (joined, device.kind, device.role) {
                    (false, Kind::WindowsServer, _) => "Standalone Server",
                    (false, ..) => "Standalone Workstation",
                    (true, Kind::WindowsServer, 1000) => "Primary Domain Controller",
                    (true, Kind::WindowsServer, _) => "Member Server",
                    (true, ..) => "Member Workstation",
                },
            );
        }
        json.int_at("numberOfProcessors", chassis.sockets);
        json.int_at("totalPhysicalMemory", hardware::memory(device));
        json.bool_at("virtualMachine", chassis.is_virtual);
        let laptop = device.system_name.starts_with("LAPTOP") || chassis.model.contains("Book");
        json.string_at(
            "chassisType",
            match (laptop, device.seed % 17) {
                (true, _) => "LAPTOP",
                (false, 0) => "UNKNOWN",
                // Servers and virtual machines call themselves desktops too.
                (false, _) => "DESKTOP",
            },
        );
    }

    /// The fields of `Volume`. With `bitlocker`, its status too.
    pub fn volume(&self, json: &mut Json, device: &Device, volume: &Volume, bitlocker: bool) {
        if self.quirks.volume_node_id {
            json.int_at("nodeId", device.id);
        }
        json.string_at("name", volume.name);
        json.string_if("driveLetter", device.kind.is_windows().then_some(volume.name));
        json.string_at("label", volume.label);
        json.string_at("deviceType", "Local Disk");
        json.string_at("fileSystem", volume.file_system);
        json.bool_at("autoMount", true);
        json.bool_at("compressed", false);
        json.int_at("capacity", volume.capacity);
        json.int_at("freeSpace", volume.free);
        json.string_at("serialNumber", &format!("{:08X}", volume.serial));
        if let Some(encrypted) = volume.encrypted.filter(|_| bitlocker) {
            json.object_at("bitLockerStatus", |json| {
                json.string_at(
                    "conversionStatus",
                    if encrypted {
                        "FULLY_ENCRYPTED"
                    } else {
                        "FULLY_DECRYPTED"
                    },
                );
                json.string_at("encryptionMethod", if encrypted { "XTS_AES_256" } else { "NONE" });
                json.string_at(
                    "protectionStatus",
                    if encrypted { "PROTECTED" } else { "UNPROTECTED" },
                );
                json.string_at("lockStatus", "UNLOCKED");
                json.bool_at("initializedForProtection", encrypted);
            });
        }
    }

    fn mobile(&self, json: &mut Json, device: &Device) {
        let chassis = hardware::chassis(device);
        let model = match device.kind {
            Kind::Iphone => "iPhone15,2",
            Kind::Ipad => "iPad13,18",
            _ => chassis.model,
        };
        json.object_at("system", |json| {
            json.string_at("displayName", device.shown_name());
            json.string_at("name", &device.system_name);
            json.string_at("manufacturer", chassis.manufacturer);
            json.string_at("model", model);
            json.string_if("serialNumber", chassis.serial.as_deref());
            json.string_at(
                "build",
                if device.kind == Kind::Android {
                    "UP1A.231005.007"
                } else {
                    "22B83"
                },
            );
        });
        json.object_at("memory", |json| json.int_at("capacity", hardware::memory(device)));
        json.array_at("network", |json| {
            json.object(|json| {
                // 35-209900 is the range test equipment uses.
                json.string_at("imei", &format!("35209900{:07}", device.seed % 10_000_000));
                json.string_at("carrier", "Example Mobile");
            });
        });
        json.array_at("volumes", |json| {
            for volume in hardware::volumes(device) {
                json.object(|json| self.volume(json, device, &volume, false));
            }
        });
    }
}

/// Whether the device is backed up.
pub(super) fn backed_up(device: &Device) -> bool {
    device.kind == Kind::WindowsServer || device.seed.is_multiple_of(11)
}

/// The fields of `BackupUsage` with their sizes in bytes.
pub(super) fn backup_sizes(device: &Device) -> [(&'static str, i64); 13] {
    let mut dice = Dice::new(device.seed, 0x6261_636b);
    let mut gib = |most: u64| dice.below(most) as i64 * GIB;
    let (local, cloud, files) = (gib(900), gib(400), gib(90));
    [
        ("revisionsCurrentSize", local),
        ("revisionsPreviousSize", local / 4),
        ("revisionsDeletedSize", 0),
        ("localFileFolderSize", files),
        ("localImageSize", local),
        ("localImageV2Size", 0),
        ("cloudFileFolderSize", files),
        ("cloudImageSize", cloud),
        ("cloudImageV2Size", 0),
        ("cloudNetworkShareSize", 0),
        ("revisionsTotalSize", local + local / 4),
        ("cloudTotalSize", cloud + files),
        ("localTotalSize", local + files),
    ]
}

/// The fields of `OperatingSystem`.
pub(super) fn operating_system(json: &mut Json, device: &Device) {
    let system = hardware::system(device);
    json.string_at("manufacturer", system.manufacturer);
    json.string_at("name", system.name);
    json.string_at("architecture", system.architecture);
    json.time_at("lastBootTime", system.last_boot);
    json.string_at("buildNumber", &system.build);
    json.string_at("releaseId", system.release);
    if device.kind.is_windows() {
        json.int_at("servicePackMajorVersion", 0);
        json.int_at("servicePackMinorVersion", 0);
    }
    json.string_at("locale", "en-US");
    json.string_at("language", "English");
    json.bool_at("needsReboot", system.needs_reboot);
}

/// The fields of `Processor`.
pub(super) fn processor(json: &mut Json, device: &Device) {
    let processor = hardware::processor(device);
    json.string_at("architecture", processor.architecture);
    json.int_at("maxClockSpeed", processor.clock);
    json.int_at("clockSpeed", processor.clock);
    json.string_at("name", processor.name);
    json.int_at("numCores", processor.cores);
    json.int_at("numLogicalCores", processor.threads);
}
