//! Reports about hardware and the operating system.

use super::Rows;
use crate::dice::Dice;
use crate::ninjaone::api::Params;
use crate::ninjaone::api::device_json::{self, Writer};
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::{EPOCH_MS, hardware, inventory};
use crate::ninjaone::quirks::Part;

pub(super) fn computer_systems(writer: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if device.kind.is_agent() && !device.lacks.system {
        rows.row(|json| writer.system(json, device));
    }
}

pub(super) fn operating_systems(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if device.kind.is_agent() && !device.lacks.os {
        rows.row(|json| device_json::operating_system(json, device));
    }
}

pub(super) fn processors(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if device.kind.is_agent() && !device.lacks.processors {
        for _ in 0..hardware::chassis(device).sockets {
            rows.row(|json| device_json::processor(json, device));
        }
    }
}

pub(super) fn volumes(writer: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    let bitlocker = params.list("include").contains(&"bl");
    for volume in hardware::volumes(device) {
        if bitlocker && rows.loses_bitlocker && volume.encrypted.is_some() {
            continue;
        }
        rows.row(|json| writer.volume(json, device, &volume, bitlocker));
    }
}

pub(super) fn disks(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    for (place, disk) in inventory::disks(device).iter().enumerate() {
        rows.row(|json| {
            json.int_at("bytesPerSector", 512);
            json.string_at("description", "Disk drive");
            json.string_at("interfaceType", disk.interface);
            json.string_at("manufacturer", disk.manufacturer);
            json.string_at("mediaType", "Fixed hard disk media");
            json.string_at("model", disk.model);
            json.string_at("name", &format!("\\\\.\\PHYSICALDRIVE{place}"));
            json.int_at("partitionCount", disk.partitions);
            json.string_at("serialNumber", &disk.serial);
            json.int_at("size", disk.size);
            json.bool_at("smartCapable", disk.interface != "SCSI");
            json.string_at("status", disk.status);
        });
    }
}

pub(super) fn network_interfaces(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if !device.kind.is_agent() {
        return;
    }
    let (addresses, macs, _) = hardware::network(device);
    for (place, (address, mac)) in addresses.iter().zip(&macs).enumerate() {
        let gateway = address
            .rsplit_once('.')
            .map_or(String::new(), |(net, _)| format!("{net}.1"));
        rows.row(|json| {
            json.string_at("adapterName", "Intel(R) Ethernet Connection");
            json.string_at("defaultGateway", &gateway);
            json.string_at("interfaceType", "ETHERNET");
            json.string_at("dnsHostName", &device.system_name);
            json.string_at("dnsServers", &gateway);
            json.string_at("interfaceIndex", &(place + 3).to_string());
            json.string_at("interfaceName", &format!("Ethernet {}", place + 1));
            json.strings_at("ipAddress", &[address]);
            json.string_at("linkSpeed", "1000000000");
            json.strings_at("macAddress", &[mac]);
            json.string_at("mtu", "1500");
            json.string_at("status", "UP");
            json.string_at("subnetMask", "255.255.255.0");
        });
    }
}

pub(super) fn raid_controllers(writer: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if !inventory::has_raid(device) || writer.quirks.without.contains(&Part::System) {
        return;
    }
    rows.row(|json| {
        json.string_at("backupBatteryStatus", "OK");
        json.int_at("batteryTemperature", 31);
        json.string_at("biosVersion", "7.23.00.0");
        json.int_at("cacheSize", 8_i64 << 30);
        json.int_at("controllerIndex", 0);
        json.string_at("driverName", "megasas35");
        json.string_at("driverVersion", "7.728.04.00");
        json.string_at("family", "PERC");
        json.string_at("firmwareVersion", "52.26.0-5179");
        json.string_at("hardwareRevision", "A01");
        json.string_at("manufacturer", "Broadcom");
        json.time_at("manufacturingDate", EPOCH_MS - 900 * 86_400_000);
        json.string_at("model", "PERC H755 Front");
        json.int_at("physicalDriveCount", 2);
        json.string_at("slot", "0");
        json.string_at("systemHealthStatus", "OPTIMAL");
        json.int_at("virtualDriveCount", 1);
    });
}

pub(super) fn raid_drives(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if !inventory::has_raid(device) {
        return;
    }
    let mut dice = Dice::new(device.seed, 0x7261_6964);
    for slot in 0..2 {
        let serial = format!("S{:08X}", dice.next() as u32);
        rows.row(|json| {
            json.int_at("controllerIndex", 0);
            json.string_at("driveGroup", "0");
            json.string_at("driveId", &slot.to_string());
            json.string_at("interfaceType", "SAS");
            json.string_at("location", &format!("32:{slot}"));
            json.string_at("mediaType", "SSD");
            json.string_at("model", "KPM6XRUG960G");
            json.string_at("protectionInfo", "NO");
            json.bool_at("selfEncrypted", false);
            json.string_at("serial", &serial);
            json.int_at("size", 960_i64 * 1_000_000_000);
            json.bool_at("spun", true);
            json.string_at("status", "ONLINE");
        });
    }
}
