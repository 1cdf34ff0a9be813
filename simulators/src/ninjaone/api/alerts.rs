//! Alerts and running jobs.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

use super::body;
use super::device_json::Writer;
use super::expand::Expand;
use super::filter::Filter;
use super::{Answer, Params, Refusal, Site, array, id};
use crate::json::Json;
use crate::ninjaone::estate::condition::Alert;
use crate::ninjaone::estate::work::Job;
use crate::ninjaone::oauth::Access;
use crate::ninjaone::tenant::Tenant;

fn writer<'a>(tenant: &'a Tenant, estate: &'a crate::ninjaone::estate::Estate) -> Writer<'a> {
    Writer {
        estate,
        quirks: &tenant.quirks,
        expand: Expand::default(),
        present: tenant.at(estate.days()),
    }
}

/// `GET /v2/alerts`
pub(super) async fn list(State(tenant): Site, params: Params) -> Answer {
    let filter = Filter::of(params.get("df"))?;
    let source = params.get("sourceType");
    let estate = tenant.estate();
    let writer = writer(&tenant, &estate);
    array(|json| {
        for alert in estate.alerts() {
            let condition = estate.condition(alert.condition);
            let wanted = source.is_none_or(|source| condition.source == source)
                && estate
                    .device(alert.device)
                    .is_some_and(|device| filter.passes(device, &estate));
            if wanted {
                json.object(|json| alert_fields(json, alert, &writer));
            }
        }
    })
}

/// `GET /v2/device/{id}/alerts`
pub(super) async fn of_device(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let writer = writer(&tenant, &estate);
    array(|json| {
        for alert in estate.alerts_of(device.id) {
            json.object(|json| alert_fields(json, alert, &writer));
        }
    })
}

/// The fields of `Alert`.
fn alert_fields(json: &mut Json, alert: &Alert, writer: &Writer<'_>) {
    let condition = writer.estate.condition(alert.condition);
    json.uuid_at("uid", alert.uid);
    json.int_at("deviceId", alert.device);
    json.string_at("message", condition.message);
    json.time_at("createTime", alert.created);
    json.time_at("updateTime", alert.created);
    json.string_at("sourceType", condition.source);
    json.uuid_at("sourceConfigUid", condition.uid());
    json.string_at("sourceName", condition.name);
    json.string_at("subject", condition.subject);
    json.any_at("data", &condition.data());
    if let Some(device) = writer.estate.device(alert.device) {
        writer.brief(json.key("device"), device);
    }
    json.string_at("priority", condition.priority);
    json.string_at("severity", condition.severity);
    json.string_at("conditionName", condition.name);
    json.string_at(
        "conditionHealthStatus",
        match condition.severity {
            "MAJOR" | "CRITICAL" => "UNHEALTHY",
            "NONE" => "HEALTHY",
            _ => "NEEDS_ATTENTION",
        },
    );
    json.bool_at("useGlobalHealthStatus", false);
}

/// `DELETE /v2/alert/{uid}`
pub(super) async fn delete(
    State(tenant): Site,
    Path(uid): Path<String>,
    Extension(access): Extension<Access>,
) -> Answer {
    end(&tenant, &uid, &access, None)
}

/// `POST /v2/alert/{uid}/reset`, with or without activity data.
pub(super) async fn reset(
    State(tenant): Site,
    Path(uid): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    let data = if bytes.is_empty() {
        None
    } else {
        Some(body::any_object(&bytes)?)
    };
    end(&tenant, &uid, &access, data)
}

fn end(tenant: &Tenant, uid: &str, access: &Access, data: Option<serde_json::Value>) -> Answer {
    let uid = uuid::Uuid::try_parse(uid)
        .map_err(|_| Refusal::not_found())?
        .as_u128();
    let mut estate = tenant.estate_mut();
    let user = tenant.user_id(access);
    let now = tenant.at(estate.days());
    estate
        .reset_alert(uid, user, now, data)
        .ok_or_else(Refusal::not_found)?;
    drop(estate);
    tenant.deliver();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v2/jobs`
pub(super) async fn jobs(State(tenant): Site, params: Params) -> Answer {
    let filter = Filter::of(params.get("df"))?;
    let kind = params.get("jobType");
    let estate = tenant.estate();
    let writer = writer(&tenant, &estate);
    array(|json| {
        for job in estate.jobs() {
            let wanted = kind.is_none_or(|kind| job.kind == kind)
                && estate
                    .device(job.device)
                    .is_some_and(|device| filter.passes(device, &estate));
            if wanted {
                json.object(|json| job_fields(json, job, &writer));
            }
        }
    })
}

/// `GET /v2/device/{id}/jobs`
pub(super) async fn jobs_of(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let device = estate.device(id(&text)?).ok_or_else(Refusal::not_found)?;
    let writer = writer(&tenant, &estate);
    array(|json| {
        for job in estate.jobs_of(device.id) {
            json.object(|json| job_fields(json, job, &writer));
        }
    })
}

fn job_fields(json: &mut Json, job: &Job, writer: &Writer<'_>) {
    json.uuid_at("uid", job.uid);
    json.int_at("deviceId", job.device);
    json.string_at("message", &format!("'{}' requested", job.name));
    json.time_at("createTime", job.created);
    json.time_at("updateTime", job.created);
    json.string_at("sourceType", "SCHEDULED_TASK");
    json.string_at("sourceName", &job.name);
    if let Some(user) = job.user {
        json.int_at("userId", user);
    }
    if let Some(device) = writer.estate.device(job.device) {
        writer.brief(json.key("device"), device);
    }
    json.string_at("jobStatus", job.status);
    json.string_at("jobType", job.kind);
}
