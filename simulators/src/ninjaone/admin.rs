//! The simulator's own handles below `/simulator`, for programs in any language. No authentication: it listens on
//! loopback and holds nothing real.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::bring_online;
use super::estate::condition::CONDITIONS;
use super::tenant::Tenant;
use crate::faults::Fault;

pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route(
            "/simulator/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/simulator/faults/{number}", delete(remove_fault))
        .route("/simulator/day", post(day))
        .route("/simulator/online", post(online))
        .route("/simulator/alerts", post(alert))
        .route("/simulator/deliveries", get(deliveries))
        .route("/simulator/requests", get(requests).delete(reset_requests))
        .route(
            "/simulator/organizations",
            get(organizations).put(name_organizations),
        )
        .with_state(tenant)
}

type Answer = (StatusCode, Json<Value>);

fn refused(rejection: &JsonRejection, hint: &str) -> Answer {
    let text = format!("{}; {hint}", rejection.body_text());
    (StatusCode::BAD_REQUEST, Json(json!({ "error": text })))
}

async fn faults(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!({ "faults": tenant.faults.standing() }))
}

async fn add_fault(State(tenant): State<Arc<Tenant>>, fault: Result<Json<Fault>, JsonRejection>) -> Answer {
    match fault {
        Ok(Json(fault)) => (
            StatusCode::CREATED,
            Json(json!({ "number": tenant.faults.add(fault) })),
        ),
        Err(rejection) => refused(
            &rejection,
            r#"send JSON such as {"path": "/v2/devices*", "times": 2, "effect": {"kind": "status", "status": 503}}"#,
        ),
    }
}

async fn clear_faults(State(tenant): State<Arc<Tenant>>) -> StatusCode {
    tenant.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(tenant): State<Arc<Tenant>>, Path(number): Path<u64>) -> Answer {
    match tenant.faults.remove(number) {
        true => (StatusCode::OK, Json(json!({ "removed": number }))),
        false => {
            let text = format!("no fault has the number {number}; GET /simulator/faults lists them");
            (StatusCode::NOT_FOUND, Json(json!({ "error": text })))
        }
    }
}

/// How much a day changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DayWanted {
    /// From 0 to 1.
    share: f64,
}

async fn day(State(tenant): State<Arc<Tenant>>, wanted: Result<Json<DayWanted>, JsonRejection>) -> Answer {
    let hint = r#"send JSON such as {"share": 0.01}, a share from 0 to 1"#;
    match wanted {
        Ok(Json(DayWanted { share })) if (0.0..=1.0).contains(&share) => {
            (StatusCode::OK, Json(json!(tenant.let_a_day_pass(share))))
        }
        Ok(Json(DayWanted { share })) => (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": format!("the share {share} is out of range; {hint}") })),
        ),
        Err(rejection) => refused(&rejection, hint),
    }
}

async fn requests(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!(tenant.requests.counters()))
}

async fn reset_requests(State(tenant): State<Arc<Tenant>>) -> StatusCode {
    tenant.requests.reset();
    StatusCode::NO_CONTENT
}

/// A device to be switched on or off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    device: u32,
    online: bool,
}

fn no_device(id: u32) -> Answer {
    let text = format!("no device has the id {id}; GET /v2/devices lists them");
    (StatusCode::NOT_FOUND, Json(json!({ "error": text })))
}

async fn online(State(tenant): State<Arc<Tenant>>, wanted: Result<Json<Switch>, JsonRejection>) -> Answer {
    match wanted {
        Ok(Json(Switch { device, online })) if bring_online(&tenant, device, online) => (
            StatusCode::OK,
            Json(json!({ "device": device, "online": online })),
        ),
        Ok(Json(Switch { device, .. })) => no_device(device),
        Err(rejection) => refused(&rejection, r#"send JSON such as {"device": 7, "online": true}"#),
    }
}

/// A condition to be met on a device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Met {
    device: u32,
    /// The condition's `sourceType`.
    condition: String,
}

async fn alert(State(tenant): State<Arc<Tenant>>, met: Result<Json<Met>, JsonRejection>) -> Answer {
    let Met { device, condition } = match met {
        Ok(Json(met)) => met,
        Err(rejection) => {
            return refused(
                &rejection,
                r#"send JSON such as {"device": 7, "condition": "CONDITION_AGENT_MEMORY"}"#,
            );
        }
    };
    let Some(place) = CONDITIONS.iter().position(|one| one.source == condition) else {
        let known: Vec<&str> = CONDITIONS.iter().map(|one| one.source).collect();
        let text = format!(
            "no condition is called {condition:?}; choose one of {}",
            known.join(", ")
        );
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": text })));
    };
    let mut estate = tenant.estate_mut();
    if estate.device(device).is_none() {
        return no_device(device);
    }
    let now = tenant.at(estate.days());
    let uid = estate.raise_alert(device, u8::try_from(place).unwrap_or(0), now);
    drop(estate);
    tenant.deliver();
    (
        StatusCode::CREATED,
        Json(json!({ "uid": uuid::Uuid::from_u128(uid).to_string() })),
    )
}

async fn deliveries(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!({ "deliveries": tenant.hooks.deliveries() }))
}

async fn organizations(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    let estate = tenant.estate();
    let rows = estate
        .organizations()
        .iter()
        .map(|one| json!({ "id": one.id, "name": one.name }));
    Json(rows.collect())
}

/// A name for an organization.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Naming {
    id: u32,
    name: String,
}

async fn name_organizations(
    State(tenant): State<Arc<Tenant>>,
    namings: Result<Json<Vec<Naming>>, JsonRejection>,
) -> Answer {
    match namings {
        Ok(Json(namings)) => {
            let names = namings.iter().map(|naming| (naming.id, naming.name.as_str()));
            let unknown = tenant.estate_mut().name_organizations(names);
            (StatusCode::OK, Json(json!({ "unknown": unknown })))
        }
        Err(rejection) => refused(&rejection, r#"send JSON such as [{"id": 2, "name": "Acme Inc"}]"#),
    }
}
