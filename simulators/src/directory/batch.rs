//! Several creations and changes of assets in one request, each with an answer of its own.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, http};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::schema::Collection;
use super::tenant::Tenant;
use super::writes::parse;

/// Carries out the first half of a batch, then answers with this status.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfOnly(pub StatusCode);

pub(super) async fn batch(
    Shared(tenant): Shared<Arc<Tenant>>,
    half: Option<Extension<HalfOnly>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body = parse(&body)?;
    let Some(operations) = body.get("operations").and_then(Value::as_array) else {
        let message = "send {\"operations\": [...]}";
        return Err(Refusal::invalid("required", "operations", message));
    };
    if let Some(unknown) = body
        .as_object()
        .and_then(|body| body.keys().find(|key| *key != "operations"))
    {
        let message = format!("a batch has no property {unknown:?}; there is operations");
        return Err(Refusal::invalid("unknown_field", unknown.as_str(), message));
    }
    let most = tenant.behaviour().batch_limit;
    if operations.len() > most {
        let message = format!("{} operations are too many; {most} are allowed", operations.len());
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many", message));
    }
    if let Some(Extension(HalfOnly(status))) = half {
        for operation in &operations[..operations.len() / 2] {
            let _ = one(&tenant, operation);
        }
        return Ok((status, Json(failure())).into_response());
    }
    let results: Vec<Value> = operations
        .iter()
        .enumerate()
        .map(|(place, operation)| match one(&tenant, operation) {
            Ok((status, asset)) => json!({ "status": status.as_u16(), "asset": asset }),
            Err(refusal) => {
                let refusal = refusal.below(&format!("operations.{place}"));
                json!({ "status": refusal.status.as_u16(), "error": refusal.body()["error"] })
            }
        })
        .collect();
    Ok((StatusCode::MULTI_STATUS, Json(json!({ "results": results }))).into_response())
}

/// The body of an answer that says that something failed here.
pub(super) fn failure() -> Value {
    json!({ "error": { "code": "internal", "message": "something went wrong on our side" } })
}

fn one(tenant: &Tenant, operation: &Value) -> Result<(http::StatusCode, Value), Refusal> {
    let now = tenant.now();
    let known: &[&str] = match operation["op"].as_str() {
        Some("create") => &["op", "asset"],
        Some("update") => &["op", "id", "version", "changes"],
        _ => return Err(Refusal::invalid("format", "op", "op is \"create\" or \"update\"")),
    };
    let keys = operation
        .as_object()
        .into_iter()
        .flat_map(|operation| operation.keys());
    if let Some(unknown) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        let message = format!(
            "this operation has no property {unknown:?}; there are {}",
            known.join(", ")
        );
        return Err(Refusal::invalid("unknown_field", unknown.as_str(), message));
    }
    let (what, status, record) = if known.len() == 2 {
        let record = tenant
            .state()
            .create(Collection::Assets, &operation["asset"], now);
        let record = record.map_err(|refusal| refusal.below("asset"))?;
        ("create", StatusCode::CREATED, record)
    } else {
        let id = operation["id"].as_str();
        let id = id.ok_or_else(|| Refusal::invalid("required", "id", "an update names the asset's id"))?;
        let version = operation["version"].as_u64();
        let version = version
            .ok_or_else(|| Refusal::invalid("required", "version", "an update names the version you read"))?;
        let record = tenant
            .state()
            .change_asset(id, &operation["changes"], Some(version), now);
        let record = record.map_err(|refusal| refusal.below("changes"))?;
        ("update", StatusCode::OK, record)
    };
    tenant.count(|effects| effects.count_done(what, Collection::Assets.name()));
    Ok((status, record.json(Collection::Assets)))
}
