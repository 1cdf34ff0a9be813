//! Lists of documents and clients, and one document.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::auth::refusal;
use super::quirks::{DetailKeys, Names, Quirks};
use super::records::Document;
use super::template;
use super::tenant::Tenant;

type Asked = Query<BTreeMap<String, String>>;

/// The types of document there are.
const TYPES: [&str; 19] = [
    "asset",
    "active_directory",
    "application",
    "backup",
    "email",
    "file_sharing",
    "contact",
    "location",
    "internet",
    "lan",
    "printing",
    "remote_access",
    "vendor",
    "virtualization",
    "voice",
    "wireless",
    "licencing",
    "custom",
    "ssl",
];

fn encoded(text: &str, names: Names) -> String {
    match names {
        Names::Plain => text.to_owned(),
        Names::Url => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        Names::Html => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#039;"),
    }
}

/// Which page is asked for, and how long it is.
fn page(asked: &BTreeMap<String, String>, quirks: &Quirks) -> Result<(usize, usize), &'static str> {
    let number = |key: &str, usual: usize| match asked.get(key) {
        None => Some(usual),
        Some(text) => text.parse().ok().filter(|n: &usize| *n > 0),
    };
    let page = number("pageNum", 1)
        .filter(|page| *page <= 9999)
        .ok_or("pageNum needs to be an integer between 1 and 9999.")?;
    let size = number("resultsPerPage", 100).ok_or("resultsPerPage needs to be an integer.")?;
    Ok((page, size.min(quirks.largest_page)))
}

fn list(rows: Vec<Value>, (page, size): (usize, usize), quirks: &Quirks, description: &str) -> Response {
    let rows: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    let results = match rows.is_empty() && quirks.end_is_null {
        true => Value::Null,
        false => Value::Array(rows),
    };
    Json(json!({
        "success": true, "apiRequestUid": "simulated-1", "results": results, "description": description,
    }))
    .into_response()
}

fn row(document: &Document, names: Names) -> Value {
    json!({
        "id": document.id,
        "organization_id": 1,
        "label": encoded(&document.label, names),
        "description": "",
        "client_id": document.client,
        "customId": null,
        "templateId": template::ID,
        "templateName": template::NAME,
        "type": "asset",
    })
}

fn has(document: &Document, text: &str, labels_alone: bool) -> bool {
    let text = text.to_lowercase();
    let hit = |of: &str| of.to_lowercase().contains(&text);
    hit(&document.label) || (!labels_alone && document.fields.values().any(|property| hit(&property.text)))
}

pub(super) async fn documents(State(tenant): State<Arc<Tenant>>, Query(asked): Asked) -> Response {
    let quirks = tenant.quirks();
    let page = match page(&asked, &quirks) {
        Ok(page) => page,
        Err(message) => return refusal(StatusCode::NOT_FOUND, 0, message),
    };
    if let Some(kind) = asked.get("type").filter(|kind| !TYPES.contains(&kind.as_str())) {
        return refusal(StatusCode::BAD_REQUEST, 0, &format!("invalid type {kind}"));
    }
    let filter = |key: &str| asked.get(key).filter(|_| !quirks.ignores_filters);
    // The table of the vendor's page and its example write it in two ways.
    let client = filter("clientId").or_else(|| filter("clientID"));
    let of_template = filter("templateUid").map(|uid| uid.trim_start_matches("tpl-").to_owned());
    let other = filter("type").is_some_and(|kind| kind != "asset")
        || of_template.is_some_and(|id| id != template::ID.to_string());
    let state = tenant.state();
    let mut found: Vec<&Document> = state
        .documents
        .values()
        .filter(|document| !other && tenant.is_listed(document))
        .filter(|document| client.is_none_or(|client| *client == document.client.to_string()))
        .filter(|document| filter("searchTxt").is_none_or(|text| has(document, text, quirks.searches_labels)))
        .collect();
    if asked.get("orderBy").map(String::as_str) != Some("id") {
        found.sort_by(|a, b| (&a.label, a.id).cmp(&(&b.label, b.id)));
    }
    if asked.get("orderDir").map(String::as_str) == Some("desc") {
        found.reverse();
    }
    let rows = found.into_iter().map(|document| row(document, quirks.names));
    list(rows.collect(), page, &quirks, "List of documents")
}

pub(super) async fn clients(State(tenant): State<Arc<Tenant>>, Query(asked): Asked) -> Response {
    let quirks = tenant.quirks();
    let page = match page(&asked, &quirks) {
        Ok(page) => page,
        Err(message) => return refusal(StatusCode::NOT_FOUND, 0, message),
    };
    let state = tenant.state();
    let rows = state
        .clients
        .iter()
        .map(|(id, name)| json!({ "id": id, "name": encoded(name, quirks.names) }));
    list(rows.collect(), page, &quirks, "List of clients")
}

/// What a missing document is answered with.
pub(super) fn missing() -> Response {
    refusal(StatusCode::FORBIDDEN, 0, "not found.")
}

pub(super) async fn one(State(tenant): State<Arc<Tenant>>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<u64>() else {
        return refusal(StatusCode::BAD_REQUEST, 0, "invalid id");
    };
    let quirks = tenant.quirks();
    let state = tenant.state();
    let Some(document) = state.documents.get(&id) else {
        return missing();
    };
    let mut details = Map::new();
    for (at, name) in (0_u8..).zip(template::FIELDS) {
        let key = match quirks.details {
            DetailKeys::Positions => at.to_string(),
            // The document's own name has this key.
            DetailKeys::Names if at == 0 => continue,
            DetailKeys::Names => template::slug(name),
        };
        let value = document.fields.get(&at).map(|property| {
            let mut value = json!({ "type": property.kind, "text": property.text });
            if let Some(id) = property.id {
                value["id"] = json!(id);
            }
            let mut entry = json!({ "name": name, "description": property.description, "value": value });
            if !property.attribute.is_empty() {
                entry["attribute"] = json!(property.attribute);
            }
            entry
        });
        details.insert(key, value.unwrap_or(Value::Null));
    }
    let own = document.text(0).unwrap_or(&document.label);
    let own = match quirks.name_is_object || quirks.details == DetailKeys::Names {
        true => json!({ "name": "Name", "description": "", "value": { "type": "string", "text": own } }),
        false => json!(own),
    };
    details.insert("name".to_owned(), own);
    details.insert("tags".to_owned(), json!(document.tags));
    Json(json!({
        "success": true, "templateUid": format!("tpl-{}", template::ID), "id": document.id,
        "details": details, "apiRequestUid": "simulated-1",
    }))
    .into_response()
}
