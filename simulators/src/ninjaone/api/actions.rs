//! What can be done to devices (facts §6.6, §6.7). Each answers 204; what came of it is in the activities.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, Refusal, Site, body, gate, id};
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::activity::{NODE_UPDATED, REBOOTED, SERVICE_STARTED, SERVICE_STOPPED};
use crate::ninjaone::estate::device::{Approval, Device, Maintenance, Warranty};
use crate::ninjaone::estate::inventory::{SERVICES, Service};
use crate::ninjaone::estate::work::{ACTIONS, SCRIPTS, action_uid};
use crate::ninjaone::oauth::Access;
use crate::ninjaone::quirks::ScriptAnswer;
use crate::ninjaone::tenant::Tenant;

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Whatever an action answers, its activities go to the webhook.
fn done_with(tenant: &Tenant) -> Answer {
    tenant.deliver();
    Ok(done())
}

/// The agent with this id.
fn agent<'a>(estate: &'a Estate, text: &str) -> Result<&'a Device, Refusal> {
    let device = estate.device(id(text)?).ok_or_else(Refusal::not_found)?;
    match device.kind.is_agent() {
        true => Ok(device),
        false => Err(Refusal::bad_request(format!("Device {} has no agent", device.id))),
    }
}

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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reboot {
    reason: Option<String>,
}

/// `POST /v2/device/{id}/reboot/{mode}`
pub(super) async fn reboot(
    State(tenant): Site,
    Path((text, mode)): Path<(String, String)>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    let reboot: Reboot = body::or_default(&bytes)?;
    let name = match mode.as_str() {
        "NORMAL" => "Reboot",
        "FORCED" => "Forced reboot",
        _ => return Err(Refusal::unknown_path()),
    };
    let name = reboot
        .reason
        .map_or_else(|| name.to_owned(), |reason| format!("{name}: {reason}"));
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let device = agent(&estate, &text)?;
    let (id, online) = (device.id, !device.offline);
    estate.start_work(
        id,
        ("ACTION", "Action"),
        &name,
        tenant.user_id(&access),
        now,
        false,
    );
    if online {
        estate
            .log_mut()
            .push(now, Some(id), REBOOTED, "System was rebooted".into());
    }
    drop(estate);
    done_with(&tenant)
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

fn service(estate: &Estate, text: &str, name: &str) -> Result<(u32, &'static Service), Refusal> {
    let device = agent(estate, text)?;
    let service = SERVICES
        .iter()
        .find(|service| service.name.eq_ignore_ascii_case(name));
    let service = service
        .filter(|_| device.kind.is_windows())
        .ok_or_else(Refusal::not_found)?;
    match device.offline {
        true => Err(Refusal::bad_request(format!("Device {} is offline", device.id))),
        false => Ok((device.id, service)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    action: String,
}

/// `POST /v2/device/{id}/windows-service/{serviceId}/control`
pub(super) async fn control_service(
    State(tenant): Site,
    Path((text, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Answer {
    let control: Control = body::of(&bytes)?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let (device, service) = service(&estate, &text, &name)?;
    let steps: &[_] = match control.action.as_str() {
        "START" => &[("RUNNING", SERVICE_STARTED)],
        "STOP" => &[("STOPPED", SERVICE_STOPPED)],
        "PAUSE" => &[("PAUSED", SERVICE_STOPPED)],
        "RESTART" => &[("STOPPED", SERVICE_STOPPED), ("RUNNING", SERVICE_STARTED)],
        other => return Err(Refusal::bad_request(format!("Unknown action '{other}'"))),
    };
    for &(state, what) in steps {
        estate.bring_service(device, service, state);
        let message = format!("Windows Service '{}' is {}", service.title, state.to_lowercase());
        let entry = estate.log_mut().push(now, Some(device), what, message.into());
        entry.subject = Some(service.name.into());
        entry.data = Some(Box::new(
            json!({ "message": { "code": what.code, "params": { "service": service.name } } }),
        ));
    }
    drop(estate);
    done_with(&tenant)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Configuration {
    start_type: Option<String>,
    user_name: Option<String>,
}

/// `POST /v2/device/{id}/windows-service/{serviceId}/configure`
pub(super) async fn configure_service(
    State(tenant): Site,
    Path((text, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Answer {
    let wanted: Configuration = body::of(&bytes)?;
    let known = [
        "AUTO_START",
        "AUTO_START_DELAYED",
        "BOOT_START",
        "DEMAND_START",
        "DISABLED",
        "SYSTEM_START",
    ];
    if let Some(other) = wanted
        .start_type
        .as_ref()
        .filter(|one| !known.contains(&one.as_str()))
    {
        return Err(Refusal::bad_request(format!("Unknown start type '{other}'")));
    }
    let mut estate = tenant.estate_mut();
    let (device, service) = service(&estate, &text, &name)?;
    estate.configure_service(device, service, wanted.start_type, wanted.user_name);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    #[serde(rename = "type")]
    kind: String,
    id: Option<u32>,
    uid: Option<uuid::Uuid>,
    #[expect(dead_code, reason = "accepted; what a script does with it is not simulated")]
    parameters: Option<String>,
    run_as: Option<String>,
}

const RUN_AS: [&str; 6] = [
    "system",
    "loggedonuser",
    "SR_MAC_SCRIPT",
    "SR_LINUX_SCRIPT",
    "SR_LOCAL_ADMINISTRATOR",
    "SR_DOMAIN_ADMINISTRATOR",
];

/// `POST /v2/device/{id}/script/run`; needs a user.
pub(super) async fn run_script(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    gate::need_user(&tenant, &access)?;
    let run: Run = body::of(&bytes)?;
    let (name, kind, fails) = match (run.kind.as_str(), run.id, run.uid) {
        ("SCRIPT", Some(id), _) => SCRIPTS
            .iter()
            .find(|script| script.id == id)
            .map(|script| (script.name, ("SCRIPTING", "Scripting"), script.fails)),
        ("ACTION", _, Some(uid)) => ACTIONS
            .iter()
            .find(|(label, _)| action_uid(*label) == uid.as_u128())
            .map(|&(_, name)| (name, ("ACTION", "Action"), false)),
        _ => return Err(Refusal::bad_request("SCRIPT needs id, ACTION needs uid")),
    }
    .ok_or_else(|| Refusal::bad_request("The script or action does not exist"))?;
    let run_as = run.run_as.as_deref().unwrap_or("system");
    if !RUN_AS.contains(&run_as) && run_as.parse::<u32>().is_err() {
        return Err(Refusal::bad_request(format!("Unknown credential '{run_as}'")));
    }
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let device = agent(&estate, &text)?.id;
    let uid = estate.start_work(device, kind, name, tenant.user_id(&access), now, fails);
    drop(estate);
    tenant.deliver();
    Ok(match tenant.quirks.script_answer {
        ScriptAnswer::NoContent => done(),
        ScriptAnswer::Number => axum::Json((uid >> 100) as u32).into_response(),
        ScriptAnswer::JobUid => axum::Json(json!({ "jobUid": uuid::Uuid::from_u128(uid) })).into_response(),
    })
}

/// `POST /v2/device/{id}/patch/{os|software}/{scan|apply}`
pub(super) async fn patch(
    State(tenant): Site,
    Path((text, what, step)): Path<(String, String, String)>,
    Extension(access): Extension<Access>,
) -> Answer {
    let (kind, name) = match (what.as_str(), step.as_str()) {
        ("os", "scan") => (("PATCH_MANAGEMENT", "Patch Management"), "OS patch scan"),
        ("os", "apply") => (("PATCH_MANAGEMENT", "Patch Management"), "OS patch apply"),
        ("software", "scan") => (
            ("SOFTWARE_PATCH_MANAGEMENT", "Software Patch Management"),
            "Software patch scan",
        ),
        ("software", "apply") => (
            ("SOFTWARE_PATCH_MANAGEMENT", "Software Patch Management"),
            "Software patch apply",
        ),
        _ => return Err(Refusal::unknown_path()),
    };
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let device = agent(&estate, &text)?;
    if !device.kind.is_windows() {
        return Err(Refusal::bad_request(format!(
            "Device is not applicable for {what} {step}"
        )));
    }
    let device = device.id;
    estate.start_work(device, kind, name, tenant.user_id(&access), now, false);
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

/// Lets a device come back and do what waited for it; a handle of the simulator, not of the API.
pub(in crate::ninjaone) fn bring_online(tenant: &Tenant, device: u32, online: bool) -> bool {
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let Some(one) = estate.device_mut(device) else {
        return false;
    };
    one.offline = !online;
    if online {
        one.last_contact = now;
        estate.finish_waiting(device, now);
    }
    drop(estate);
    tenant.deliver();
    true
}
