//! Creating, changing and archiving, one record at a time.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::records::Record;
use super::refusal::Refusal;
use super::schema::Collection;
use super::tenant::Tenant;

pub(super) type Answer = Result<(StatusCode, Json<Value>), Refusal>;

/// A body as JSON.
pub(super) fn parse(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is not JSON: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, "json", message)
    })
}

/// The version an `If-Match` header names.
fn version(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match version.and_then(|version| version.parse().ok()) {
        Some(version) => Ok(Some(version)),
        None => {
            let message = format!("If-Match is a version in quotation marks, e.g. \"3\", not {text:?}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, "if_match", message))
        }
    }
}

pub(super) async fn create(
    Shared(tenant): Shared<Arc<Tenant>>,
    collection: Collection,
    body: Bytes,
) -> Answer {
    let body = parse(&body)?;
    let record = tenant.state().create(collection, &body, tenant.now())?;
    tenant.count(|effects| effects.count_done("create", collection.name()));
    Ok((StatusCode::CREATED, Json(record.json(collection))))
}

pub(super) async fn create_field(Shared(tenant): Shared<Arc<Tenant>>, body: Bytes) -> Answer {
    let added = tenant.state().add_field(&parse(&body)?)?;
    tenant.count(|effects| effects.count_done("create", "asset_fields"));
    Ok((StatusCode::CREATED, Json(added)))
}

fn changed(tenant: &Tenant, what: &str, record: &Record) -> Answer {
    tenant.count(|effects| effects.count_done(what, Collection::Assets.name()));
    Ok((StatusCode::OK, Json(record.json(Collection::Assets))))
}

pub(super) async fn update(
    Shared(tenant): Shared<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let Some(version) = version(&headers)? else {
        let message = "send the version you read as If-Match";
        return Err(Refusal::new(
            StatusCode::PRECONDITION_REQUIRED,
            "if_match",
            message,
        ));
    };
    let body = parse(&body)?;
    let record = tenant
        .state()
        .change_asset(&id, &body, Some(version), tenant.now())?;
    changed(&tenant, "update", &record)
}

pub(super) async fn archive(
    Shared(tenant): Shared<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let version = version(&headers)?;
    let record = tenant.state().set_archived(&id, true, version, tenant.now())?;
    changed(&tenant, "archive", &record)
}

pub(super) async fn restore(
    Shared(tenant): Shared<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let version = version(&headers)?;
    let record = tenant.state().set_archived(&id, false, version, tenant.now())?;
    changed(&tenant, "restore", &record)
}
