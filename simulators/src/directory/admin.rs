//! The simulator's own handles below `/simulator`, for programs of their own. No key: it listens on loopback and holds
//! nothing real.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::tenant::{Behaviour, Tenant};

pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route("/simulator/effects", get(effects))
        .route("/simulator/records", get(records))
        .route("/simulator/keys", get(keys))
        .route(
            "/simulator/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/simulator/faults/{number}", delete(remove_fault))
        .route("/simulator/behaviour", get(behaviour).put(set_behaviour))
        .route("/simulator/reset", post(reset))
        .route("/simulator/snapshot", post(snapshot))
        .with_state(tenant)
}

type Answer = (StatusCode, Json<Value>);

fn refused(status: StatusCode, text: impl Into<String>) -> Answer {
    (status, Json(json!({ "error": text.into() })))
}

fn parse<T: DeserializeOwned>(body: &Bytes, hint: &str) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| {
        refused(
            StatusCode::BAD_REQUEST,
            format!("{error}; send JSON such as {hint}"),
        )
    })
}

async fn effects(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    let duplicates = tenant.state().duplicates();
    Json(json!({
        "effects": tenant.effects(), "unsettled": tenant.unsettled(), "duplicates": duplicates
    }))
}

async fn records(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    let records = tenant.state().dump();
    Json(records)
}

async fn keys(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    let keys = tenant.state().by_external_key();
    Json(json!(keys))
}

async fn faults(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!({ "faults": tenant.faults.standing() }))
}

async fn add_fault(State(tenant): State<Arc<Tenant>>, body: Bytes) -> Result<Answer, Answer> {
    let hint = r#"{"on": "POST /assets", "times": 1, "mode": {"kind": "lost_answer"}}"#;
    let fault: Fault = parse(&body, hint)?;
    match tenant.faults.add(fault) {
        Ok(number) => Ok((StatusCode::CREATED, Json(json!({ "number": number })))),
        Err(unknown) => Err(refused(StatusCode::BAD_REQUEST, unknown.to_string())),
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
            refused(StatusCode::NOT_FOUND, text)
        }
    }
}

async fn behaviour(State(tenant): State<Arc<Tenant>>) -> Json<Behaviour> {
    Json(tenant.behaviour())
}

async fn set_behaviour(State(tenant): State<Arc<Tenant>>, body: Bytes) -> Result<Json<Behaviour>, Answer> {
    let behaviour: Behaviour = parse(&body, r#"{"latency_ms": 50, "index_lag_ms": 200}"#)?;
    tenant.set_behaviour(behaviour);
    Ok(Json(tenant.behaviour()))
}

async fn reset(State(tenant): State<Arc<Tenant>>) -> StatusCode {
    tenant.reset();
    StatusCode::NO_CONTENT
}

async fn snapshot(State(tenant): State<Arc<Tenant>>) -> Result<StatusCode, Answer> {
    match tenant.save() {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(refused(StatusCode::CONFLICT, error.to_string())),
    }
}
