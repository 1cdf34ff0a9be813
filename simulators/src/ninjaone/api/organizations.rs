//! Organizations and locations.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Answer, Page, Params, Refusal, Site, array, body, id, object};
use crate::json::Json;
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::activity::CLIENT_UPDATED;
use crate::ninjaone::estate::organization::{Location, Organization};

/// `GET /v2/organizations`
pub(super) async fn list(State(tenant): Site, params: Params) -> Answer {
    let page = Page::of(&params, &tenant.quirks)?;
    let estate = tenant.estate();
    array(|json| {
        for organization in page.cut(estate.organizations().iter(), |one| one.id) {
            json.object(|json| brief(json, organization));
        }
    })
}

/// `GET /v2/organizations-detailed`
pub(super) async fn list_detailed(State(tenant): Site, params: Params) -> Answer {
    let page = Page::of(&params, &tenant.quirks)?;
    let estate = tenant.estate();
    array(|json| {
        for organization in page.cut(estate.organizations().iter(), |one| one.id) {
            json.object(|json| detailed(json, organization, &estate));
        }
    })
}

/// `GET /v2/organization/{id}`
pub(super) async fn one(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let organization = estate.organization(id(&text)?).ok_or_else(Refusal::not_found)?;
    object(|json| detailed(json, organization, &estate))
}

/// `GET /v2/locations`
pub(super) async fn locations(State(tenant): Site, params: Params) -> Answer {
    let page = Page::of(&params, &tenant.quirks)?;
    let estate = tenant.estate();
    array(|json| {
        for location in page.cut(estate.locations().iter(), |one| one.id) {
            json.object(|json| {
                location_fields(json, location);
                json.int_at("organizationId", location.organization);
            });
        }
    })
}

/// `GET /v2/organization/{id}/locations`
pub(super) async fn locations_of(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let organization = estate.organization(id(&text)?).ok_or_else(Refusal::not_found)?;
    array(|json| {
        for location in estate.locations_of(organization.id) {
            json.object(|json| location_fields(json, location));
        }
    })
}

/// The fields of `Organization`.
pub(super) fn brief(json: &mut Json, organization: &Organization) {
    json.string_at("name", &organization.name);
    json.string_if("description", organization.description.as_deref());
    if let Some(data) = &organization.user_data {
        json.any_at("userData", data);
    }
    json.string_at("nodeApprovalMode", &organization.approval);
    json.int_at("id", organization.id);
}

/// The fields of `OrganizationDetailed`.
pub(super) fn detailed(json: &mut Json, organization: &Organization, estate: &Estate) {
    brief(json, organization);
    json.array_at("locations", |json| {
        for location in estate.locations_of(organization.id) {
            json.object(|json| location_fields(json, location));
        }
    });
    json.array_at("policies", |json| {
        for role in estate.roles() {
            let Some(policy) = estate.role_policy(organization.id, role.id) else {
                continue;
            };
            json.object(|json| {
                json.int_at("nodeRoleId", role.id);
                json.int_at("policyId", policy);
            });
        }
    });
    json.object_at("settings", |json| settings(json, organization));
}

/// The fields of `Location`.
pub(super) fn location_fields(json: &mut Json, location: &Location) {
    json.string_at("name", &location.name);
    json.string_if("address", location.address.as_deref());
    json.string_if("description", location.description.as_deref());
    if let Some(data) = &location.user_data {
        json.any_at("userData", data);
    }
    json.int_at("id", location.id);
}

fn settings(json: &mut Json, organization: &Organization) {
    let mut feature = |name: &str, product: Option<&str>| {
        json.object_at(name, |json| {
            json.string_if("product", product);
            json.bool_at("enabled", product.is_some());
            let targets: &[&str] = if product.is_some() {
                &["WINDOWS_SERVER", "WINDOWS_WORKSTATION"]
            } else {
                &[]
            };
            json.strings_at("targets", targets);
            json.object_at("options", |_| {});
        });
    };
    feature("trayicon", Some("SYSTRAY"));
    feature(
        "splashtop",
        organization.seed.is_multiple_of(2).then_some("SPLASHTOP"),
    );
    feature("teamviewer", None);
    feature(
        "backup",
        organization.seed.is_multiple_of(3).then_some("NINJA_BACKUP"),
    );
    feature("psa", None);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    name: Option<String>,
    description: Option<String>,
    user_data: Option<Map<String, Value>>,
    /// Accepted and ignored, as reported of the vendor.
    #[serde(rename = "nodeApprovalMode")]
    _approval: Option<String>,
}

/// `PATCH /v2/organization/{id}`
pub(super) async fn change(State(tenant): Site, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let change: Change = body::of(&bytes)?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let organization = estate
        .organization_mut(id(&text)?)
        .ok_or_else(Refusal::not_found)?;
    if change.name.as_ref().is_some_and(String::is_empty) {
        return Err(Refusal::bad_request("name: must not be empty"));
    }
    organization.name = change.name.unwrap_or_else(|| organization.name.clone());
    organization.description = change.description.or_else(|| organization.description.take());
    organization.user_data = change.user_data.or_else(|| organization.user_data.take());
    let message = format!("Organization '{}' was updated", organization.name);
    estate.log_mut().push(now, None, CLIENT_UPDATED, message.into());
    drop(estate);
    tenant.deliver();
    Ok(StatusCode::NO_CONTENT.into_response())
}
