//! Reports about programs, services and patches.

use jiff::Timestamp;

use super::Rows;
use crate::ninjaone::api::Params;
use crate::ninjaone::api::device_json::Writer;
use crate::ninjaone::api::filter::moment;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::inventory::{self, OsPatch, SoftwarePatch};

/// Whether a moment lies between `installedAfter` and `installedBefore`.
fn in_window(params: &Params, at: Option<i64>) -> bool {
    let edge = |key: &str| params.get(key).and_then(moment);
    let Some(at) = at else { return true };
    edge("installedAfter").is_none_or(|edge| at > edge)
        && edge("installedBefore").is_none_or(|edge| at < edge)
}

/// Whether `key` asks for `value` or for nothing.
fn asks_for(params: &Params, key: &str, value: &str) -> bool {
    params
        .get(key)
        .is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
}

pub(super) fn software(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    for one in inventory::software(device) {
        if !in_window(params, Some(one.at)) {
            continue;
        }
        // A date, though the document says date-time.
        let date = Timestamp::from_millisecond(one.at)
            .unwrap_or_default()
            .strftime("%Y-%m-%d")
            .to_string();
        rows.row(|json| {
            json.string_at("installDate", &date);
            json.string_at("location", "");
            json.string_at("name", one.product.name);
            json.string_at("publisher", one.product.publisher);
            json.int_at("size", one.product.size);
            json.string_at("version", one.version);
            json.string_at(
                "productCode",
                &format!(
                    "{{{}}}",
                    uuid::Uuid::from_u128(inventory::product_uid(one.product))
                ),
            );
            json.bool_at("isSystemComponent", one.product.name.starts_with("Teams Machine"));
        });
    }
}

pub(super) fn windows_services(writer: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    if !device.kind.is_windows() {
        return;
    }
    for service in &inventory::SERVICES {
        let (state, start, user) = writer.estate.service(device, service);
        if !asks_for(params, "name", service.name) || !asks_for(params, "state", state) {
            continue;
        }
        rows.row(|json| {
            json.string_at("name", service.name);
            json.string_at("displayName", service.title);
            json.string_at("description", service.title);
            json.string_at("startType", &start);
            json.string_at("userName", &user);
            json.string_at("state", state);
        });
    }
}

pub(super) fn os_patches(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    os_rows(&inventory::os_patches(device, false), params, rows);
}

pub(super) fn os_patch_installs(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    os_rows(&inventory::os_patches(device, true), params, rows);
}

fn os_rows(patches: &[OsPatch], params: &Params, rows: &mut Rows<'_>) {
    for patch in patches {
        let wanted = asks_for(params, "status", patch.status)
            && asks_for(params, "type", patch.kind)
            && asks_for(params, "severity", patch.severity)
            && in_window(params, patch.at);
        if !wanted {
            continue;
        }
        rows.row(|json| {
            json.uuid_at("id", patch.id);
            json.string_at("name", &patch.name);
            json.string_at("severity", patch.severity);
            json.string_at("status", patch.status);
            json.string_at("type", patch.kind);
            if let Some(at) = patch.at {
                json.time_at("installedAt", at);
            }
            json.string_at("kbNumber", &patch.kb);
        });
    }
}

pub(super) fn software_patches(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    software_rows(&inventory::software_patches(device, false), params, rows);
}

pub(super) fn software_patch_installs(_: &Writer<'_>, device: &Device, params: &Params, rows: &mut Rows<'_>) {
    software_rows(&inventory::software_patches(device, true), params, rows);
}

fn software_rows(patches: &[SoftwarePatch], params: &Params, rows: &mut Rows<'_>) {
    for patch in patches {
        let product = uuid::Uuid::from_u128(inventory::product_uid(patch.product)).to_string();
        let wanted = asks_for(params, "status", patch.status)
            && asks_for(params, "impact", patch.impact)
            && asks_for(params, "type", "PATCH")
            && asks_for(params, "productIdentifier", &product)
            && in_window(params, patch.at);
        if !wanted {
            continue;
        }
        rows.row(|json| {
            json.uuid_at("id", patch.id);
            json.string_at("productIdentifier", &product);
            json.string_at("title", &patch.title);
            json.string_at("impact", patch.impact);
            json.string_at("status", patch.status);
            json.string_at("type", "PATCH");
            if let Some(at) = patch.at {
                json.time_at("installedAt", at);
            }
        });
    }
}
