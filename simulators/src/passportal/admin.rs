//! The simulator's own handles below `/simulator`, for programs of their own. No key: it listens on loopback and holds
//! nothing real.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenant::Tenant;
use crate::directory::Fault;

pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route("/simulator/records", get(records))
        .route("/simulator/requests", get(requests))
        .route("/simulator/clients", post(add_client))
        .route("/simulator/quirks", post(set_quirk))
        .route(
            "/simulator/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/simulator/faults/{number}", delete(remove_fault))
        .with_state(tenant)
}

type Answer = (StatusCode, Json<Value>);

fn refused(text: impl Into<String>) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": text.into() })))
}

fn unread(rejection: &JsonRejection, hint: &str) -> Answer {
    refused(format!("{}; send JSON such as {hint}", rejection.body_text()))
}

async fn records(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(tenant.state().dump())
}

async fn requests(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!(tenant.requests()))
}

/// A client somebody creates in Passportal's own pages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewClient {
    name: String,
}

async fn add_client(
    State(tenant): State<Arc<Tenant>>,
    new: Result<Json<NewClient>, JsonRejection>,
) -> Answer {
    match new {
        Ok(Json(NewClient { name })) if !name.trim().is_empty() => {
            let id = tenant.state().add_client(&name);
            (StatusCode::CREATED, Json(json!({ "id": id })))
        }
        Ok(_) => refused("a client has a name"),
        Err(rejection) => unread(&rejection, r#"{"name": "Fabrikam Labs"}"#),
    }
}

/// A switch, as the command line takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    quirk: String,
}

async fn set_quirk(State(tenant): State<Arc<Tenant>>, switch: Result<Json<Switch>, JsonRejection>) -> Answer {
    match switch {
        Ok(Json(Switch { quirk })) => match tenant.quirks_mut().set(&quirk) {
            Ok(()) => (StatusCode::OK, Json(json!({ "set": quirk }))),
            Err(error) => refused(error.to_string()),
        },
        Err(rejection) => unread(&rejection, r#"{"quirk": "documentation-manager=forbidden"}"#),
    }
}

async fn faults(State(tenant): State<Arc<Tenant>>) -> Json<Value> {
    Json(json!({ "faults": tenant.faults.standing() }))
}

async fn add_fault(State(tenant): State<Arc<Tenant>>, fault: Result<Json<Fault>, JsonRejection>) -> Answer {
    let hint = r#"{"on": "POST /documents", "times": 1, "mode": {"kind": "lost_answer"}}"#;
    match fault {
        Ok(Json(fault)) => match tenant.faults.add(fault) {
            Ok(number) => (StatusCode::CREATED, Json(json!({ "number": number }))),
            Err(unknown) => refused(unknown.to_string()),
        },
        Err(rejection) => unread(&rejection, hint),
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
