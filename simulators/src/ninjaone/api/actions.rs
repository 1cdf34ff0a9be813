//! What can be set on devices: names, places, warranties, approval, owners, maintenance.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::work::{done, done_with};
use super::{Answer, Refusal, Site, body, gate, id};
use crate::ninjaone::estate::activity::NODE_UPDATED;
use crate::ninjaone::estate::device::{Approval, Maintenance, Warranty};
use crate::ninjaone::oauth::Access;

/// A present value, even if it is null.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(input).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[serde(default, deserialize_with = "present")]
    display_name: Option<Option<String>>,
    user_data: Option<Map<String, Value>>,
    node_role_id: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    policy_id: Option<Option<u32>>,
    organization_id: Option<u32>,
    location_id: Option<u32>,
    warranty: Option<Warranty>,
}

/// `PATCH /v2/device/{id}`
pub(super) async fn change(State(tenant): Site, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let change: Change = body::of(&bytes)?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let organization = change.organization_id.unwrap_or(device.organization);
    let location = change.location_id.unwrap_or(device.location);
    if estate
        .location(location)
        .is_none_or(|one| one.organization != organization)
    {
        let problem = format!("Location {location} does not belong to organization {organization}");
        return Err(Refusal::bad_request(problem));
    }
    let class = device.kind.node_class();
    if change
        .node_role_id
        .is_some_and(|role| estate.role(role).is_none_or(|role| role.node_class != class))
    {
        return Err(Refusal::bad_request(format!(
            "The role does not exist or is not for {class}"
        )));
    }
    if change
        .policy_id
        .flatten()
        .is_some_and(|policy| estate.policy(policy).is_none())
    {
        return Err(Refusal::bad_request("The policy does not exist"));
    }
    let device = estate.device_mut(id(&text)?).ok_or_else(Refusal::not_found)?;
    (device.organization, device.location) = (organization, location);
    if let Some(name) = change.display_name {
        device.display_name = name.filter(|name| !name.is_empty()).map(String::into_boxed_str);
    }
    if let Some(data) = change.user_data {
        device.user_data = Some(Box::new(data));
    }
    device.role = change.node_role_id.unwrap_or(device.role);
    device.policy = change.policy_id.unwrap_or(device.policy);
    device.warranty = change.warranty.or(device.warranty);
    let (id, name) = (device.id, device.shown_name().to_owned());
    estate.log_mut().push(
        now,
        Some(id),
        NODE_UPDATED,
        format!("Device '{name}' was updated").into(),
    );
    drop(estate);
    done_with(&tenant)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    devices: Vec<u32>,
}

/// `POST /v2/devices/approval/{mode}`; needs a user.
pub(super) async fn approve(
    State(tenant): Site,
    Path(mode): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    gate::need_user(&tenant, &access)?;
    let chosen: Chosen = body::of(&bytes)?;
    let approval = match mode.as_str() {
        "APPROVE" => Approval::Approved,
        "REJECT" => Approval::Decommissioned,
        _ => return Err(Refusal::unknown_path()),
    };
    let mut estate = tenant.estate_mut();
    if let Some(unknown) = chosen.devices.iter().find(|&&id| estate.device(id).is_none()) {
        return Err(Refusal::bad_request(format!("Device {unknown} does not exist")));
    }
    for id in chosen.devices {
        if let Some(device) = estate.device_mut(id) {
            device.approval = approval;
        }
    }
    Ok(done())
}

/// A moment as seconds, milliseconds or ISO 8601: the document says milliseconds, clients send seconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Number(f64),
    Text(String),
}

impl Moment {
    fn millis(&self) -> Result<i64, Refusal> {
        match self {
            // No date before 1973 in milliseconds, none after 5138 in seconds.
            Moment::Number(number) if *number >= 1e11 => Ok(*number as i64),
            Moment::Number(number) => Ok((number * 1000.0) as i64),
            Moment::Text(text) => text
                .parse::<Timestamp>()
                .map(Timestamp::as_millisecond)
                .map_err(|_| Refusal::bad_request(format!("Not a date: '{text}'"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Window {
    #[serde(default)]
    disabled_features: Vec<String>,
    start: Option<Moment>,
    end: Option<Moment>,
    reason_message: Option<String>,
}

/// `PUT /v2/device/{id}/maintenance`
pub(super) async fn maintain(State(tenant): Site, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let window: Window = body::of(&bytes)?;
    let known = ["ALERTS", "PATCHING", "AVSCANS", "TASKS"];
    if let Some(other) = window
        .disabled_features
        .iter()
        .find(|one| !known.contains(&one.as_str()))
    {
        return Err(Refusal::bad_request(format!("Unknown feature '{other}'")));
    }
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let start = window
        .start
        .as_ref()
        .map(Moment::millis)
        .transpose()?
        .unwrap_or(now);
    let end = window.end.as_ref().map(Moment::millis).transpose()?;
    // A minute's grace for clocks that differ.
    if start < now - 60_000 || end.is_some_and(|end| end <= now) {
        return Err(Refusal::coded("node_maintenance_date_in_past"));
    }
    let device = estate.device_mut(id(&text)?).ok_or_else(Refusal::not_found)?;
    let (reason, disabled) = (window.reason_message, window.disabled_features);
    device.maintenance = Some(Box::new(Maintenance {
        start,
        end,
        reason,
        disabled,
    }));
    let id = device.id;
    estate
        .log_mut()
        .push(now, Some(id), NODE_UPDATED, "Maintenance was scheduled".into());
    drop(estate);
    done_with(&tenant)
}

/// `DELETE /v2/device/{id}/maintenance`
pub(super) async fn end_maintenance(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let device = estate.device_mut(id(&text)?).ok_or_else(Refusal::not_found)?;
    device.maintenance = None;
    let id = device.id;
    estate
        .log_mut()
        .push(now, Some(id), NODE_UPDATED, "Maintenance was cancelled".into());
    drop(estate);
    done_with(&tenant)
}

/// `POST /v2/device/{id}/owner/{ownerUid}`
pub(super) async fn set_owner(State(tenant): Site, Path((text, uid)): Path<(String, String)>) -> Answer {
    let uid = uuid::Uuid::try_parse(&uid)
        .map_err(|_| Refusal::not_found())?
        .as_u128();
    let mut estate = tenant.estate_mut();
    let organization = estate
        .device(id(&text)?)
        .ok_or_else(Refusal::not_found)?
        .organization;
    let owner = estate
        .end_users()
        .find(|person| person.uid == uid && person.organization == Some(organization));
    let owner =
        owner.ok_or_else(|| Refusal::bad_request("The user does not belong to the device's organization"))?;
    if let Some(device) = estate.device_mut(id(&text)?) {
        device.owner = Some(owner.id);
    }
    Ok(done())
}

/// `DELETE /v2/device/{id}/owner`
pub(super) async fn remove_owner(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let mut estate = tenant.estate_mut();
    estate
        .device_mut(id(&text)?)
        .ok_or_else(Refusal::not_found)?
        .owner = None;
    Ok(done())
}

/// `POST /v2/device/{id}/decommission`
pub(super) async fn decommission(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let mut estate = tenant.estate_mut();
    estate
        .device_mut(id(&text)?)
        .ok_or_else(Refusal::not_found)?
        .approval = Approval::Decommissioned;
    Ok(done())
}
