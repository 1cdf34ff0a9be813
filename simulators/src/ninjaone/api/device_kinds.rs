//! The fields of device types that are no agents.

use crate::dice::Dice;
use crate::json::Json;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::kind::Kind;
use crate::ninjaone::estate::{EPOCH_MS, hardware};

const DAY_MS: i64 = 86_400_000;
const GIB: i64 = 1 << 30;

pub(super) fn host(json: &mut Json, device: &Device) {
    let processor = hardware::processor(device);
    let chassis = hardware::chassis(device);
    let vmware = device.kind == Kind::VmwareHost;
    json.int_at("cpuMhz", processor.clock / 1_000_000);
    json.string_at("cpuModel", processor.name);
    json.bool_at("htActive", processor.threads > processor.cores);
    json.bool_at("htAvailable", processor.threads > processor.cores);
    json.time_at(
        "lastBootTime",
        EPOCH_MS - (20 + (device.seed % 200) as i64) * DAY_MS,
    );
    json.int_at("memorySize", i64::from(device.memory_gib) * GIB);
    json.string_at("model", chassis.model);
    json.string_at("name", &device.system_name);
    json.int_at("cpuCores", processor.cores * 2);
    json.int_at("cpuPackages", 2);
    json.int_at("cpuThreads", processor.threads * 2);
    json.string_if("serviceTag", chassis.serial.as_deref());
    json.string_at("vendor", chassis.manufacturer);
    json.string_at(
        "releaseName",
        if vmware {
            "VMware ESXi"
        } else {
            "Microsoft Hyper-V"
        },
    );
    json.string_at("version", if vmware { "7.0.3" } else { "10.0.20348" });
    json.string_at("buildNumber", if vmware { "23794027" } else { "20348" });
}

pub(super) fn guest(json: &mut Json, device: &Device) {
    let mut dice = Dice::new(device.seed, 0x6775_6573);
    let cores = *dice.pick(&[2_i64, 4, 8]);
    let on = !device.offline;
    let (name, family, id) = *dice.pick(&[
        (
            "Microsoft Windows Server 2019 (64-bit)",
            "windowsGuest",
            "windows2019srv_64Guest",
        ),
        ("Ubuntu Linux (64-bit)", "linuxGuest", "ubuntu64Guest"),
        (
            "Microsoft Windows Server 2022 (64-bit)",
            "windowsGuest",
            "windows2019srvNext_64Guest",
        ),
    ]);
    json.string_at("files", &format!("[datastore1] {0}/{0}.vmx", device.system_name));
    json.string_at("fullName", name);
    json.time_at("lastBootTime", EPOCH_MS - dice.between(1, 90) as i64 * DAY_MS);
    json.int_at("memorySize", i64::from(device.memory_gib) * GIB);
    json.int_at("coresPerSocket", cores / 2);
    json.int_at("cpuCores", cores);
    json.string_at("powerState", if on { "poweredOn" } else { "poweredOff" });
    json.string_at("toolsInstallType", "guestToolsTypeMSI");
    json.string_at("toolStatus", if on { "toolsOk" } else { "toolsNotRunning" });
    json.string_at("toolsVersion", "12352");
    json.string_at("guestOSFullName", name);
    json.string_at("guestOSFamily", family);
    json.string_at("guestOSId", id);
    json.string_at("toolsVersionStatus", "guestToolsCurrent");
    let snapshots = dice.below(3) as i64;
    json.int_at("snapshotCount", snapshots);
    json.int_at("snapshotTotalSize", snapshots * 7 * GIB);
}

pub(super) fn monitor(json: &mut Json, device: &Device) {
    json.bool_at("enabled", !device.seed.is_multiple_of(13));
    json.int_at("interval", 300);
    json.int_at("timeout", 30);
    match device.kind {
        Kind::CloudHttp => json.string_at("target", &format!("https://{}/", device.system_name)),
        _ => json.string_at("target", &device.system_name),
    }
    if device.kind == Kind::CloudEmail {
        json.int_at("smtpPort", 587);
        json.string_at("senderEmail", "probe@msp.example");
        json.string_at("recipientEmail", "loop@msp.example");
    }
}
