//! New documents, and documents that are replaced. The answers name no id.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::auth::refusal;
use super::documents::missing;
use super::quirks::CreateBody;
use super::records::Property;
use super::template;
use super::tenant::Tenant;

fn bad(message: &str) -> Response {
    refusal(StatusCode::BAD_REQUEST, 0, message)
}

/// The batch in a body.
fn batch(body: &Bytes, takes: CreateBody) -> Result<Vec<Map<String, Value>>, &'static str> {
    const INVALID: &str = "invalid input";
    match (serde_json::from_slice(body).map_err(|_| "invalid JSON")?, takes) {
        (Value::Object(one), CreateBody::Either | CreateBody::Object) => Ok(vec![one]),
        (Value::Array(many), CreateBody::Either | CreateBody::Array) if !many.is_empty() => many
            .into_iter()
            .map(|one| match one {
                Value::Object(one) => Ok(one),
                _ => Err(INVALID),
            })
            .collect(),
        _ => Err(INVALID),
    }
}

/// A field as a body gives it; `None` for a blank one.
fn property(given: &Value) -> Option<Property> {
    if let Some(text) = given.as_str() {
        return (!text.is_empty()).then(|| Property::text(text));
    }
    let value = given.get("value")?;
    let text = value.get("text")?.as_str()?;
    let described = given.get("description").and_then(Value::as_str);
    (!text.is_empty()).then(|| Property {
        kind: value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("string")
            .to_owned(),
        id: value.get("id").and_then(Value::as_u64),
        description: described.unwrap_or_default().to_owned(),
        attribute: given
            .get("attribute")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        ..Property::text(text)
    })
}

/// The fields a body gives; keys that stand for none are passed over.
fn fields(body: &Map<String, Value>) -> BTreeMap<u8, Property> {
    let mut fields = BTreeMap::new();
    for (key, given) in body {
        // A body's own id is the document's; the field of that name goes by its position alone.
        let position = template::position(key).filter(|_| key != "id");
        if let (Some(position), Some(property)) = (position, property(given)) {
            fields.insert(position, property);
        }
    }
    fields
}

fn is_asset_template(body: &Map<String, Value>) -> bool {
    let uid = match &body.get("templateUid") {
        Some(Value::String(uid)) => uid.to_lowercase().trim_start_matches("tpl-").to_owned(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return false,
    };
    uid == template::ID.to_string()
}

fn title(body: &Map<String, Value>) -> Option<&str> {
    body.get("title")?
        .as_str()
        .filter(|title| !title.trim().is_empty())
}

pub(super) async fn create(State(tenant): State<Arc<Tenant>>, body: Bytes) -> Response {
    let quirks = tenant.quirks();
    let batch = match batch(&body, quirks.create_body) {
        Ok(batch) => batch,
        Err(message) => return bad(message),
    };
    let now = tenant.now();
    let mut state = tenant.state();
    let mut ready = Vec::new();
    // All or nothing.
    for one in &batch {
        if !is_asset_template(one) {
            return bad("invalid templateUid");
        }
        let Some(title) = title(one) else {
            return bad("title is required");
        };
        let client = one.get("clientId").and_then(Value::as_u64);
        let Some(client) = client.filter(|client| state.clients.contains_key(client)) else {
            return bad("invalid clientId");
        };
        let mut fields = fields(one);
        if quirks.drops_fields {
            fields.clear();
        }
        fields.entry(0).or_insert_with(|| Property::text(title));
        ready.push((client, title.to_owned(), fields));
    }
    for (client, title, fields) in ready {
        if let Err(message) = state.add(client, &title, fields, now) {
            return bad(&message);
        }
    }
    Json(json!({ "success": "true" })).into_response()
}

/// Replaces the fields of a document: those that are not given are gone.
fn replace(tenant: &Tenant, id: u64, title: Option<&str>, body: &Map<String, Value>) -> bool {
    let mut state = tenant.state();
    let Some(document) = state.documents.get_mut(&id) else {
        return false;
    };
    document.fields = fields(body);
    let label = title.map(str::to_owned);
    let label = label.or_else(|| document.text(0).map(str::to_owned));
    document.label = label.unwrap_or_else(|| document.label.clone());
    document.tags = body
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect();
    document.replaced += 1;
    true
}

pub(super) async fn update(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(id) = id.parse::<u64>() else {
        return bad("invalid id");
    };
    let Ok(Value::Object(body)) = serde_json::from_slice(&body) else {
        return bad("invalid JSON");
    };
    match replace(&tenant, id, None, &body) {
        true => Json(json!({ "success": true })).into_response(),
        false => missing(),
    }
}

pub(super) async fn update_batch(State(tenant): State<Arc<Tenant>>, body: Bytes) -> Response {
    let batch = match batch(&body, CreateBody::Either) {
        Ok(batch) => batch,
        Err(message) => return bad(message),
    };
    for one in &batch {
        let (Some(id), Some(title), true) = (
            one.get("id").and_then(Value::as_u64),
            title(one),
            is_asset_template(one),
        ) else {
            return bad("templateUid, id and title are required");
        };
        if !replace(&tenant, id, Some(title), one) {
            return missing();
        }
    }
    Json(json!({ "success": true })).into_response()
}
