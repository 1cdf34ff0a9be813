//! Work on devices: reboots, scripts, patches, services. Each answers 204; what came of it is in
//! the activities.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Refusal, Site, body, gate, id};
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::activity::{REBOOTED, SERVICE_STARTED, SERVICE_STOPPED};
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::inventory::{SERVICES, Service};
use crate::ninjaone::estate::work::{ACTIONS, SCRIPTS, action_uid};
use crate::ninjaone::oauth::Access;
use crate::ninjaone::quirks::ScriptAnswer;
use crate::ninjaone::tenant::Tenant;

pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Whatever an action answers, its activities go to the webhook.
pub(super) fn done_with(tenant: &Tenant) -> Answer {
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
