//! Reports about protection, health and people.

use super::Rows;
use crate::dice::Dice;
use crate::ninjaone::api::Params;
use crate::ninjaone::api::device_json::Writer;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::kind::Kind;
use crate::ninjaone::estate::{EPOCH_MS, hardware, inventory};

pub(super) fn antivirus_status(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    let Some((name, state, definitions, version)) = inventory::antivirus(device) else {
        return;
    };
    let wanted = |key: &str, value: &str| {
        params
            .get(key)
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    if wanted("productName", name) && wanted("productState", state) {
        rows.row(|json| {
            json.string_at("productName", name);
            json.string_at("productState", state);
            json.string_at("definitionStatus", definitions);
            json.string_at("version", version);
        });
    }
}

pub(super) fn antivirus_threats(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if inventory::has_threat(device) {
        rows.row(|json| {
            json.string_at("name", "EICAR-Test-File");
            json.string_at("productCode", "BITDEFENDER");
            json.string_at("quarantineId", &format!("Q{}", device.seed % 100_000));
            json.string_at("status", "QUARANTINED");
            json.string_at("type", "VIRUS");
            json.int_at("threatId", (device.seed % 1_000_000) as i64);
            json.string_at("category", "TEST");
            json.string_at("level", "LOW");
            json.string_at("detectionSource", "ON_ACCESS");
            json.string_at("traceList", "C:\\Users\\Public\\eicar.com");
        });
    }
}

pub(super) fn device_health(writer: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    let alerts = writer.estate.alerts_of(device.id).count();
    let health = match alerts {
        0 => "HEALTHY",
        1 => "NEEDS_ATTENTION",
        _ => "UNHEALTHY",
    };
    if params
        .get("health")
        .is_some_and(|wanted| !wanted.eq_ignore_ascii_case(health))
    {
        return;
    }
    let patches = inventory::os_patches(device, false);
    let failed = inventory::os_patches(device, true)
        .iter()
        .filter(|patch| patch.status == "FAILED")
        .count();
    let mut dice = Dice::new(device.seed, 0x6865_616c);
    let mut found = |most: u64| {
        if device.kind.is_agent() {
            dice.below(most) as i64
        } else {
            0
        }
    };
    let vulnerabilities = [found(3), found(9), found(30), found(12)];
    let host = device.parent.and_then(|id| writer.estate.device(id));
    rows.row(|json| {
        json.int_at("activeThreatsCount", 0);
        json.int_at(
            "quarantinedThreatsCount",
            i64::from(inventory::has_threat(device)),
        );
        json.int_at("blockedThreatsCount", 0);
        json.int_at("failedOSPatchesCount", failed);
        json.int_at("pendingOSPatchesCount", patches.len());
        json.int_at("alertCount", alerts);
        json.int_at("activeJobCount", writer.estate.jobs_of(device.id).count());
        json.int_at("failedSoftwarePatchesCount", 0);
        json.int_at(
            "pendingSoftwarePatchesCount",
            inventory::software_patches(device, false).len(),
        );
        if device.kind.is_agent() && !device.lacks.os && hardware::system(device).needs_reboot {
            json.string_at("pendingRebootReason", "OS_PATCH");
        }
        if inventory::antivirus(device).is_some() {
            json.string_at("avInstallStatus", "INSTALLED");
        }
        json.object_at("productsInstallationStatuses", |json| {
            if device.seed.is_multiple_of(2) {
                json.string_at("SPLASHTOP", "INSTALLED");
            }
        });
        json.bool_at("offline", device.offline);
        if let Some(host) = host {
            json.int_at("parentDeviceId", host.id);
            json.bool_at("parentOffline", host.offline);
        }
        json.string_at("healthStatus", health);
        let keys = ["critical", "high", "medium", "low"];
        for (key, count) in keys.iter().zip(vulnerabilities) {
            json.int_at(&format!("{key}VulnerabilityCount"), count);
        }
        json.int_at("installationIssuesCount", 0);
    });
}

pub(super) fn logged_on_users(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if matches!(
        device.kind,
        Kind::WindowsWorkstation | Kind::WindowsServer | Kind::Mac
    ) {
        rows.row(|json| {
            json.string_at("userName", &hardware::last_user(device));
            json.time_at("logonTime", EPOCH_MS - (device.seed % 400_000_000) as i64);
        });
    }
}

/// The policy sections overridden on a device.
pub(super) fn overrides(device: &Device) -> &'static [&'static str] {
    if !device.kind.is_agent() {
        return &[];
    }
    match device.seed % 30 {
        0 => &["CONDITIONS", "PATCHING"],
        1 => &["ANTIVIRUS"],
        _ => &[],
    }
}

pub(super) fn policy_overrides(_: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    let sections = overrides(device);
    if !sections.is_empty() {
        rows.row(|json| json.strings_at("overrides", sections));
    }
}
