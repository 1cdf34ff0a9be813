//! Custom fields: definitions, values, reports.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Map, Value};

use super::cursors::Place;
use super::filter::{Filter, moment};
use super::reports::{Rows, page_size, paged};
use super::{Answer, Params, Refusal, Site, array, body, id, object};
use crate::json::Json;
use crate::ninjaone::estate::fields::{FIELDS, Field, Held, Scope};
use crate::ninjaone::estate::{EPOCH_MS, Estate};
use crate::ninjaone::oauth::Access;
use crate::ninjaone::tenant::Tenant;

const DAY_MS: i64 = 86_400_000;

/// `GET /v2/device-custom-fields`
pub(super) async fn definitions(State(_tenant): Site, params: Params) -> Answer {
    let scopes = params.list("scopes");
    let wanted = |field: &&Field| {
        scopes.is_empty()
            || scopes.contains(&"all")
            || field
                .scopes
                .iter()
                .any(|scope| scopes.iter().any(|name| scope.name().eq_ignore_ascii_case(name)))
    };
    array(|json| {
        FIELDS
            .iter()
            .filter(wanted)
            .for_each(|field| json.object(|json| definition(json, field)))
    })
}

/// `GET /v2/custom-fields`. The document has `cursorName` but no cursor in the answer; the number of the page serves.
pub(super) async fn paged_definitions(params: Params) -> Answer {
    let size = params.size("pageSize", 5, 500)?.unwrap_or(50);
    let page = params.size("cursorName", 0, 1000)?.unwrap_or(0);
    let rows: Vec<&Field> = FIELDS.iter().skip(page * size).take(size).collect();
    object(|json| {
        json.int_at("page", page);
        json.int_at("pageSize", size);
        json.int_at("count", rows.len());
        json.array_at("results", |json| {
            rows.iter()
                .for_each(|field| json.object(|json| definition(json, field)))
        });
    })
}

/// `GET /v2/custom-fields/field-name/{fieldName}`
pub(super) async fn one_definition(Path(name): Path<String>) -> Answer {
    let field = Field::named(&name).ok_or_else(Refusal::not_found)?;
    object(|json| definition(json, field))
}

/// `GET /v2/custom-fields/entity-type/{entityType}/{entityId}/signed-urls`: no field here is a file.
pub(super) async fn signed_urls(State(tenant): Site, Path((kind, text)): Path<(String, String)>) -> Answer {
    let scope = match kind.as_str() {
        "NODE" => Scope::Node,
        "ORGANIZATION" => Scope::Organization,
        "LOCATION" => Scope::Location,
        "END_USER" => Scope::EndUser,
        _ => return Err(Refusal::bad_request(format!("Unknown entity type '{kind}'"))),
    };
    exists(&tenant.estate(), scope, id(&text)?)?;
    object(|_| {})
}

/// The fields of `AttributePublicApiDTO`. Nulls are present.
fn definition(json: &mut Json, field: &Field) {
    json.string_at("entityType", "NODE");
    json.string_at("scope", "NODE_GLOBAL");
    let scopes: Vec<&str> = field.scopes.iter().map(|scope| scope.name()).collect();
    json.strings_at("definitionScope", &scopes);
    json.string_at("type", field.kind);
    json.string_at("label", field.label);
    json.null_at("description");
    json.string_at("name", field.name);
    json.null_at("defaultValue");
    json.string_at("endUserPermission", "HIDDEN");
    json.string_at("technicianPermission", "EDITABLE");
    json.string_at("scriptPermission", "READ_WRITE");
    json.string_at("apiPermission", field.permission);
    json.object_at("content", |json| {
        json.bool_at("customizeForEndUser", false);
        json.array_at("values", |json| {
            for option in field.options {
                json.object(|json| {
                    json.string_at("id", &field.option_uid(option));
                    json.string_at("name", option);
                    json.bool_at("active", true);
                    json.bool_at("system", false);
                });
            }
        });
        json.bool_at("required", false);
        json.null_at("footerText");
        json.null_at("tooltipText");
    });
    json.bool_at("system", false);
    json.bool_at("active", true);
    json.time_at("createTime", EPOCH_MS - 500 * DAY_MS);
    json.time_at("updateTime", EPOCH_MS - 100 * DAY_MS);
}

/// 404 unless the entity exists.
fn exists(estate: &Estate, scope: Scope, id: u32) -> Result<(), Refusal> {
    let found = match scope {
        Scope::Node => estate.device(id).is_some(),
        Scope::Organization => estate.organization(id).is_some(),
        Scope::Location => estate.location(id).is_some(),
        Scope::EndUser => estate
            .person(id)
            .is_some_and(|person| person.organization.is_some()),
    };
    found.then_some(()).ok_or_else(Refusal::not_found)
}

fn read(tenant: &Tenant, scope: Scope, text: &str, inherit: bool) -> Answer {
    let estate = tenant.estate();
    let id = id(text)?;
    exists(&estate, scope, id)?;
    let values = if inherit {
        estate.inherited_values(scope, id)
    } else {
        estate.field_values(scope, id)
    };
    object(|json| flat(json, &values))
}

/// `{name: value}`; secrets are hidden.
fn flat(json: &mut Json, values: &BTreeMap<&'static str, Held>) {
    for (name, held) in values {
        json.key(name);
        shown(json, name, &held.value, false);
    }
}

fn shown(json: &mut Json, name: &str, value: &Value, secrets: bool) {
    let secret = Field::named(name).is_some_and(|field| field.kind == "TEXT_ENCRYPTED");
    if secret && !secrets {
        json.string("************")
    } else {
        json.any(value)
    }
}

fn write(tenant: &Tenant, scope: Scope, text: &str, access: &Access, bytes: &[u8]) -> Answer {
    let values: Map<String, Value> = body::of(bytes)?;
    let mut estate = tenant.estate_mut();
    let id = id(text)?;
    exists(&estate, scope, id)?;
    let mut checked = Vec::new();
    for (name, value) in values {
        let field = Field::named(&name).filter(|field| field.scopes.contains(&scope));
        let field =
            field.ok_or_else(|| Refusal::bad_request(format!("Custom field '{name}' does not exist")))?;
        if !field.is_writable() {
            return Err(Refusal::bad_request(format!(
                "Custom field '{name}' cannot be written through the API"
            )));
        }
        if !field.takes(&value) {
            return Err(Refusal::bad_request(format!(
                "Custom field '{name}' ({}) does not take {value}",
                field.kind
            )));
        }
        checked.push((field, value));
    }
    let user = tenant.user_id(access);
    let now = tenant.at(estate.days());
    estate.write_fields(scope, id, checked, user, now);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v2/device/{id}/custom-fields`
pub(super) async fn of_device(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    read(&tenant, Scope::Node, &text, params.is_true("withInheritance"))
}

/// `PATCH /v2/device/{id}/custom-fields`
pub(super) async fn write_device(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    write(&tenant, Scope::Node, &text, &access, &bytes)
}

/// `GET /v2/organization/{id}/custom-fields`
pub(super) async fn of_organization(State(tenant): Site, Path(text): Path<String>) -> Answer {
    read(&tenant, Scope::Organization, &text, false)
}

/// `PATCH /v2/organization/{id}/custom-fields`
pub(super) async fn write_organization(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    write(&tenant, Scope::Organization, &text, &access, &bytes)
}

/// `GET /v2/organization/{id}/location/{locationId}/custom-fields`
pub(super) async fn of_location(
    State(tenant): Site,
    Path((organization, text)): Path<(String, String)>,
    params: Params,
) -> Answer {
    belongs(&tenant.estate(), &organization, &text)?;
    read(&tenant, Scope::Location, &text, params.is_true("withInheritance"))
}

/// `PATCH /v2/organization/{id}/location/{locationId}/custom-fields`
pub(super) async fn write_location(
    State(tenant): Site,
    Path((organization, text)): Path<(String, String)>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    belongs(&tenant.estate(), &organization, &text)?;
    write(&tenant, Scope::Location, &text, &access, &bytes)
}

fn belongs(estate: &Estate, organization: &str, location: &str) -> Result<(), Refusal> {
    let organization = id(organization)?;
    let found = estate
        .location(id(location)?)
        .is_some_and(|one| one.organization == organization);
    found.then_some(()).ok_or_else(Refusal::not_found)
}

/// `GET /v2/user/end-user/{id}/custom-fields`
pub(super) async fn of_end_user(State(tenant): Site, Path(text): Path<String>) -> Answer {
    read(&tenant, Scope::EndUser, &text, false)
}

/// `PATCH /v2/user/end-user/{id}/custom-fields`
pub(super) async fn write_end_user(
    State(tenant): Site,
    Path(text): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    write(&tenant, Scope::EndUser, &text, &access, &bytes)
}

/// A report about custom fields.
#[derive(Clone, Copy)]
pub(super) struct FieldReport {
    detailed: bool,
    scoped: bool,
}

/// The report of this name under `/v2/queries/`.
pub(super) fn query_report(name: &str) -> Option<FieldReport> {
    let (detailed, scoped) = match name {
        "custom-fields" => (false, false),
        "custom-fields-detailed" => (true, false),
        "scoped-custom-fields" => (false, true),
        "scoped-custom-fields-detailed" => (true, true),
        _ => return None,
    };
    Some(FieldReport { detailed, scoped })
}

/// Answers a page of `report`.
pub(super) fn query(tenant: &Tenant, name: &str, report: FieldReport, params: &Params) -> Answer {
    let size = page_size(params, true)?;
    let filter = Filter::of(params.get("df").filter(|_| !report.scoped))?;
    let names = params.list("fields");
    let after = params
        .get("updatedAfter")
        .and_then(|text| text.parse().ok().or_else(|| moment(text)));
    let secrets = params.is_true("showSecureValues");
    let estate = tenant.estate();
    let entities = entities(&estate, report, params, &filter);
    paged(tenant, name, params, size, true, |json, place: Place| {
        let mut rows = Rows::page(json, size, place);
        let from = usize::try_from(place.record).unwrap_or(0);
        for (at, &(scope, id)) in entities.iter().enumerate().skip(from) {
            rows.begin(at as i64, None, None);
            let mut values = estate.field_values(scope, id);
            values.retain(|name, held| {
                (names.is_empty() || names.contains(name)) && after.is_none_or(|edge| held.updated > edge)
            });
            if !values.is_empty() {
                rows.row(|json| row(json, report, scope, id, &values, secrets));
            }
            if rows.is_full() {
                break;
            }
        }
        rows.place(place)
    })
}

/// The entities a report walks, in order.
fn entities(estate: &Estate, report: FieldReport, params: &Params, filter: &Filter) -> Vec<(Scope, u32)> {
    let scopes = params.list("scopes");
    let wanted = |name: &str| scopes.is_empty() || scopes.contains(&"all") || scopes.contains(&name);
    let mut entities = Vec::new();
    if !report.scoped || wanted("node") {
        let devices = estate
            .devices()
            .iter()
            .filter(|device| filter.passes(device, estate));
        entities.extend(devices.map(|device| (Scope::Node, device.id)));
    }
    if report.scoped && wanted("organization") {
        entities.extend(
            estate
                .organizations()
                .iter()
                .map(|one| (Scope::Organization, one.id)),
        );
    }
    if report.scoped && wanted("location") {
        entities.extend(estate.locations().iter().map(|one| (Scope::Location, one.id)));
    }
    entities
}

fn row(
    json: &mut Json,
    report: FieldReport,
    scope: Scope,
    id: u32,
    values: &BTreeMap<&'static str, Held>,
    secrets: bool,
) {
    match (report.scoped, report.detailed) {
        (true, _) => {
            json.string_at("scope", scope.name());
            json.int_at("entityId", id);
        }
        (false, true) => {
            json.int_at("deviceId", id);
            json.string_at("entityType", scope.name());
            json.int_at("entityId", id);
        }
        (false, false) => json.int_at("deviceId", id),
    }
    if !report.detailed {
        return json.object_at("fields", |json| {
            for (name, held) in values {
                json.key(name);
                shown(json, name, &held.value, secrets);
            }
        });
    }
    json.array_at("fields", |json| {
        for (name, held) in values {
            json.object(|json| {
                json.string_at("name", name);
                json.key("value");
                shown(json, name, &held.value, secrets);
                json.time_at("updated", held.updated);
                json.object_at("updatedBy", |json| {
                    json.string_at("source", if held.user.is_some() { "API" } else { "SCRIPT" });
                });
            });
        }
    });
}
