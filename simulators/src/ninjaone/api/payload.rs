//! The webhook: its configuration and what is delivered.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::activities::entry_fields;
use super::device_json::Writer;
use super::expand::Expand;
use super::{Answer, Refusal, Site, body};
use crate::json::Json;
use crate::ninjaone::oauth::Access;
use crate::ninjaone::tenant::Tenant;
use crate::ninjaone::webhook::Hook;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    url: String,
    activities: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    expand: Vec<String>,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    organization_ids: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

/// `PUT /v2/webhook`; whoever consented must be an administrator, so a token without a user is refused.
pub(super) async fn configure(
    State(tenant): Site,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    let administrator = "Only system administrators can configure webhooks";
    access
        .user
        .as_ref()
        .ok_or_else(|| Refusal::with_status(403, administrator))?;
    let wanted: Configuration = body::of(&bytes)?;
    let url: Uri = wanted
        .url
        .parse()
        .map_err(|_| Refusal::bad_request(format!("Not an address: '{}'", wanted.url)))?;
    if url.scheme_str() != Some("http") || url.authority().is_none() {
        return Err(Refusal::bad_request(
            "This simulator delivers to http:// addresses only",
        ));
    }
    let headers = wanted.headers.iter().map(|header| {
        let name = HeaderName::try_from(header.name.as_str()).ok()?;
        Some((name, HeaderValue::try_from(header.value.as_str()).ok()?))
    });
    let headers: Option<Vec<_>> = headers.collect();
    let headers =
        headers.ok_or_else(|| Refusal::bad_request("A header has a name or value that cannot be sent"))?;
    let sent = tenant.estate().log().entries().last().map_or(0, |entry| entry.id);
    let hook = Hook {
        url,
        activities: wanted.activities,
        expand: wanted.expand,
        headers,
        organizations: wanted.organization_ids,
        sent,
    };
    tenant.hooks.put(&access.client_id, hook);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /v2/webhook`
pub(super) async fn disable(State(tenant): Site, Extension(access): Extension<Access>) -> Answer {
    tenant.hooks.remove(&access.client_id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The activities a webhook has not got yet, with their bodies, and the id of the newest one looked at.
pub(in crate::ninjaone) fn due(tenant: &Tenant, hook: &Hook) -> (Vec<(u64, String)>, u64) {
    let estate = tenant.estate();
    let asked = |name: &str| hook.expand.iter().any(|one| one == name);
    let expand = Expand {
        asked: asked("organization") || asked("location"),
        organization: asked("organization"),
        location: asked("location"),
        ..Expand::default()
    };
    let writer = Writer {
        estate: &estate,
        quirks: &tenant.quirks,
        expand,
        present: tenant.at(estate.days()),
    };
    let entries = estate.log().entries();
    let from = entries.partition_point(|entry| entry.id <= hook.sent);
    let mut due = Vec::new();
    for entry in &entries[from..] {
        let device = entry.device.and_then(|id| estate.device(id));
        let here = hook.organizations.is_empty()
            || device.is_some_and(|device| hook.organizations.contains(&device.organization));
        if !here || !hook.wants(entry.what.activity_type, entry.what.code) {
            continue;
        }
        let mut json = Json::default();
        json.object(|json| {
            entry_fields(json, entry);
            if let Some(device) = device.filter(|_| asked("device")) {
                writer.brief(json.key("device"), device);
            }
        });
        due.push((entry.id, json.into_string()));
    }
    (due, entries.last().map_or(hook.sent, |entry| entry.id))
}
