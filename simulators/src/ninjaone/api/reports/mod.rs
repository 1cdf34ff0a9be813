//! Reports: rows about devices, either of one device (`/v2/device/{id}/disks`) or of all (`/v2/queries/disks`).
//!
//! Every report is one function that writes a device's rows. The query adds `deviceId` and, where the document has
//! it, `timestamp` to each row, and walks the devices with a cursor.

mod hardware;
mod health;
mod rows;
mod software;
mod usage;

use axum::extract::{Path, State};

use super::cursors::Place;
use super::device_json::Writer;
use super::expand::Expand;
use super::filter::Filter;
use super::{Answer, Params, Refusal, Site, answer, array, fields, id};
use crate::json::Json;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::quirks::CursorName;
use crate::ninjaone::tenant::Tenant;
pub(super) use rows::Rows;
pub(super) use usage::{location_usage, locations_usage};

/// Writes the rows one device has in a report.
type Report = fn(&Writer<'_>, &Device, &Params, &mut Rows<'_>);

/// The report of this name under `/v2/queries/`, and whether its rows carry a `timestamp`.
fn query_report(name: &str) -> Option<(Report, bool)> {
    Some(match name {
        "antivirus-status" => (health::antivirus_status, true),
        "antivirus-threats" => (health::antivirus_threats, true),
        "computer-systems" => (hardware::computer_systems, true),
        "device-health" => (health::device_health, false),
        "disks" => (hardware::disks, true),
        "logged-on-users" => (health::logged_on_users, false),
        "network-interfaces" => (hardware::network_interfaces, false),
        "operating-systems" => (hardware::operating_systems, true),
        "os-patch-installs" => (software::os_patch_installs, true),
        "os-patches" => (software::os_patches, true),
        "policy-overrides" => (health::policy_overrides, false),
        "processors" => (hardware::processors, true),
        "raid-controllers" => (hardware::raid_controllers, true),
        "raid-drives" => (hardware::raid_drives, true),
        "software" => (software::software, true),
        "software-patch-installs" => (software::software_patch_installs, true),
        "software-patches" => (software::software_patches, true),
        "volumes" => (hardware::volumes, true),
        "windows-services" => (software::windows_services, true),
        _ => return None,
    })
}

/// The list of this name under `/v2/device/{id}/`.
fn device_report(name: &str) -> Option<Report> {
    Some(match name {
        "disks" => hardware::disks,
        "network-interfaces" => hardware::network_interfaces,
        "os-patch-installs" => software::os_patch_installs,
        "os-patches" => software::os_patches,
        "processors" => hardware::processors,
        "software" => software::software,
        "software-patch-installs" => software::software_patch_installs,
        "software-patches" => software::software_patches,
        "volumes" => hardware::volumes,
        "windows-services" => software::windows_services,
        _ => return None,
    })
}

/// `GET /v2/device/{id}/{report}`
pub(super) async fn of_device(
    State(tenant): Site,
    Path((text, name)): Path<(String, String)>,
    params: Params,
) -> Answer {
    let report = device_report(&name).ok_or_else(Refusal::unknown_path)?;
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let writer = writer(&tenant, &estate);
    array(|json| report(&writer, device, &params, &mut Rows::all(json)))
}

/// `GET /v2/device/{id}/last-logged-on-user`
pub(super) async fn last_user(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let mut json = Json::default();
    let mut rows = Rows::all(&mut json);
    health::logged_on_users(&writer(&tenant, &estate), device, &params, &mut rows);
    if rows.written() == 0 {
        json.object(|_| {});
    }
    Ok(answer(json))
}

/// `GET /v2/device/{id}/policy/overrides`
pub(super) async fn overrides_of(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    super::object(|json| json.strings_at("overrides", health::overrides(device)))
}

/// `GET /v2/queries/{report}`
pub(super) async fn query(State(tenant): Site, Path(name): Path<String>, params: Params) -> Answer {
    if let Some(report) = fields::query_report(&name) {
        return fields::query(&tenant, &name, report, &params);
    }
    let (report, stamped) = query_report(&name).ok_or_else(Refusal::unknown_path)?;
    let whole = name == "device-health" && tenant.quirks.health_without_cursor;
    let limited = matches!(
        name.as_str(),
        "windows-services" | "logged-on-users" | "policy-overrides"
    );
    walk_devices(
        &tenant,
        &name,
        &params,
        Walk {
            stamped,
            whole,
            limited,
            usage: false,
        },
        report,
    )
}

/// `GET /v2/queries/backup/usage`
pub(super) async fn backup_usage(State(tenant): Site, params: Params) -> Answer {
    let walk = Walk {
        stamped: false,
        whole: false,
        limited: false,
        usage: true,
    };
    walk_devices(&tenant, "backup/usage", &params, walk, usage::devices)
}

/// How a report is walked.
struct Walk {
    /// Rows carry a `timestamp`.
    stamped: bool,
    /// Everything in one answer without a cursor.
    whole: bool,
    /// The document limits the page size to 10 to 10,000.
    limited: bool,
    /// Rows are devices themselves and carry no `deviceId`.
    usage: bool,
}

fn walk_devices(tenant: &Tenant, name: &str, params: &Params, walk: Walk, report: Report) -> Answer {
    let filter = Filter::of(params.get("df"))?;
    let size = if walk.whole {
        usize::MAX
    } else {
        let most = tenant.quirks.largest_report_page.unwrap_or(usize::MAX);
        page_size(params, walk.limited)?.min(most)
    };
    let estate = tenant.estate();
    let writer = writer(tenant, &estate);
    paged(tenant, name, params, size, !walk.whole, |json, place| {
        let mut rows = Rows::page(json, size, place);
        // The vendor's paging loses rows with a BitLocker status when pages are small.
        rows.loses_bitlocker =
            tenant.quirks.bitlocker_paging_bug && name == "volumes" && size < estate.devices().len();
        for device in estate
            .devices_after(place.record - 1)
            .iter()
            .filter(|device| filter.passes(device, &estate))
        {
            let stamp = walk.stamped.then_some(device.last_update);
            rows.begin(i64::from(device.id), (!walk.usage).then_some(device.id), stamp);
            report(&writer, device, params, &mut rows);
            if rows.is_full() {
                break;
            }
        }
        rows.place(place)
    })
}

/// The page size of a report.
pub(super) fn page_size(params: &Params, limited: bool) -> Result<usize, Refusal> {
    let (low, high) = if limited {
        (10, 10_000)
    } else {
        (1, i64::from(i32::MAX))
    };
    Ok(params.size("pageSize", low, high)?.unwrap_or(1000))
}

/// One page of a report: `fill` writes the rows from a place on and says where the next page begins.
pub(super) fn paged(
    tenant: &Tenant,
    report: &str,
    params: &Params,
    size: usize,
    with_cursor: bool,
    fill: impl FnOnce(&mut Json, Place) -> Place,
) -> Answer {
    let now = tenant.now_ms();
    let asked = params.get("cursor");
    let place = match asked {
        None => Place::default(),
        Some(name) => tenant
            .cursors
            .place(name, report, now)
            .ok_or_else(|| Refusal::bad_request(format!("Cursor '{name}' is invalid or has expired")))?,
    };
    let mut json = Json::with_capacity(size.min(2000) * 200);
    let mut used_up = false;
    json.object(|json| {
        let mut next = place;
        json.array_at("results", |json| next = fill(json, place));
        let count = next.offset - place.offset;
        if !with_cursor || count == 0 {
            used_up = count == 0;
            return;
        }
        let expires = now + i64::from(tenant.quirks.cursor_seconds) * 1000;
        let kept = asked.filter(|_| tenant.quirks.cursor_name == CursorName::Stays);
        let name = tenant.cursors.put(kept, report, next, now, expires);
        json.object_at("cursor", |json| {
            json.string_at("name", &name);
            json.int_at("offset", next.offset);
            json.int_at("count", count);
            json.time_at("expires", expires);
        });
    });
    match asked.filter(|_| used_up && tenant.quirks.used_up_cursor_refused) {
        Some(name) => Err(Refusal::bad_request(format!(
            "Cursor '{name}' is invalid or has expired"
        ))),
        None => Ok(answer(json)),
    }
}

fn writer<'a>(tenant: &'a Tenant, estate: &'a crate::ninjaone::estate::Estate) -> Writer<'a> {
    Writer {
        estate,
        quirks: &tenant.quirks,
        expand: Expand::default(),
        present: tenant.at(estate.days()),
    }
}
