//! Lists of devices and single devices.

use axum::extract::{Path, State};

use super::device_json::Writer;
use super::expand::Expand;
use super::filter::Filter;
use super::{Answer, Page, Params, Refusal, Site, answer, id, object};
use crate::json::Json;
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::hardware;
use crate::ninjaone::tenant::Tenant;

/// `GET /v2/devices`
pub(super) async fn list(State(tenant): Site, params: Params) -> Answer {
    let filter = Filter::of(params.get("df"))?;
    page_of(
        &tenant,
        &params,
        600,
        |device, estate| filter.passes(device, estate),
        |writer, json, device| {
            writer.brief(json, device);
        },
    )
}

/// `GET /v2/devices-detailed`
pub(super) async fn list_detailed(State(tenant): Site, params: Params) -> Answer {
    let filter = Filter::of(params.get("df"))?;
    page_of(
        &tenant,
        &params,
        2600,
        |device, estate| filter.passes(device, estate),
        |writer, json, device| {
            writer.detailed(json, device);
        },
    )
}

/// `GET /v2/organization/{id}/devices`
pub(super) async fn of_organization(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let organization = id(&text)?;
    if tenant.estate().organization(organization).is_none() {
        return Err(Refusal::not_found());
    }
    let approved = Filter::default();
    page_of(
        &tenant,
        &params,
        600,
        |device, estate| device.organization == organization && approved.passes(device, estate),
        |writer, json, device| writer.brief(json, device),
    )
}

/// `GET /v2/device/{id}`
pub(super) async fn one(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let expand = match tenant.quirks.expand_on_device {
        true => Expand::of(&params),
        false => Expand::default(),
    };
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let mut json = Json::with_capacity(4096);
    let writer = Writer {
        estate: &estate,
        quirks: &tenant.quirks,
        expand,
        present: tenant.at(estate.days()),
    };
    writer.detailed(&mut json, device);
    Ok(answer(json))
}

/// One page of the devices that pass. `usual` is how many bytes a device takes about.
fn page_of(
    tenant: &Tenant,
    params: &Params,
    usual: usize,
    passes: impl Fn(&Device, &Estate) -> bool,
    write: impl Fn(&Writer<'_>, &mut Json, &Device),
) -> Answer {
    let page = Page::of(params, &tenant.quirks)?;
    let estate = tenant.estate();
    let writer = Writer {
        estate: &estate,
        quirks: &tenant.quirks,
        expand: Expand::of(params),
        present: tenant.at(estate.days()),
    };
    let rows = estate.devices_after(page.after);
    let mut json = Json::with_capacity(rows.len().min(page.size) * usual);
    json.array(|json| {
        for device in rows
            .iter()
            .filter(|device| passes(device, &estate))
            .take(page.size)
        {
            write(&writer, json, device);
        }
    });
    Ok(answer(json))
}

/// `GET /v2/devices/search`: finds devices by name, address or last user.
pub(super) async fn search(State(tenant): Site, params: Params) -> Answer {
    let query = params.get("q").unwrap_or_default();
    let needle = query.to_lowercase();
    let limit = params.size("limit", 1, 1000)?.unwrap_or(50);
    let estate = tenant.estate();
    let writer = Writer {
        estate: &estate,
        quirks: &tenant.quirks,
        expand: Expand::default(),
        present: tenant.at(estate.days()),
    };
    let approved = Filter::default();
    let found = estate
        .devices()
        .iter()
        .filter(|device| !needle.is_empty() && approved.passes(device, &estate))
        .filter_map(|device| Some((device, found_in(device, &needle)?)))
        .take(limit);
    object(|json| {
        json.string_at("query", query);
        json.array_at("devices", |json| {
            for (device, (key, value)) in found {
                json.object(|json| {
                    writer.base(json, device);
                    json.int_at("score", 1);
                    json.string_at("matchAttr", key);
                    json.string_at("matchAttrValue", &value);
                });
            }
        });
    })
}

/// Which attribute of a device contains `needle`, and its value.
fn found_in(device: &Device, needle: &str) -> Option<(&'static str, String)> {
    let has = |value: &str| value.to_lowercase().contains(needle);
    if has(&device.system_name) {
        return Some(("systemName", device.system_name.to_string()));
    }
    if let Some(name) = device.display_name.as_deref().filter(|name| has(name)) {
        return Some(("displayName", name.to_owned()));
    }
    if let Some(address) = hardware::network(device)
        .0
        .into_iter()
        .find(|address| has(address))
    {
        return Some(("ipAddress", address));
    }
    let user = hardware::last_user(device);
    (device.kind.is_agent() && has(&user)).then_some(("lastLoggedOnUser", user))
}
