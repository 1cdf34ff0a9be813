//! What backups take.

use axum::extract::{Path, State};

use super::Rows;
use crate::json::Json;
use crate::ninjaone::api::device_json::{Writer, backed_up, backup_sizes};
use crate::ninjaone::api::{Answer, Params, Refusal, Site, array, id, object};
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::device::Device;
use crate::ninjaone::estate::organization::{Location, Organization};

/// A row of `/v2/queries/backup/usage`: the device with its usage among the references.
pub(super) fn devices(writer: &Writer<'_>, device: &Device, _: &Params, rows: &mut Rows<'_>) {
    if backed_up(device) {
        rows.row(|json| {
            writer.base(json, device);
            json.object_at("references", |json| {
                json.object_at("backupUsage", |json| sizes(json, &backup_sizes(device)));
            });
        });
    }
}

fn sizes(json: &mut Json, sizes: &[(&'static str, i64)]) {
    for (key, bytes) in sizes {
        json.int_at(key, *bytes);
    }
}

/// `GET /v2/organization/{id}/locations/backup/usage`
pub(in crate::ninjaone::api) async fn locations_usage(
    State(tenant): Site,
    Path(text): Path<String>,
) -> Answer {
    let estate = tenant.estate();
    let organization = estate.organization(id(&text)?).ok_or_else(Refusal::not_found)?;
    array(|json| {
        for location in estate.locations_of(organization.id) {
            json.object(|json| summary(json, &estate, organization, location));
        }
    })
}

/// `GET /v2/organization/{id}/locations/{locationId}/backup/usage`
pub(in crate::ninjaone::api) async fn location_usage(
    State(tenant): Site,
    Path((text, location)): Path<(String, String)>,
) -> Answer {
    let estate = tenant.estate();
    let organization = estate.organization(id(&text)?).ok_or_else(Refusal::not_found)?;
    let location = estate
        .location(id(&location)?)
        .filter(|one| one.organization == organization.id);
    let location = location.ok_or_else(Refusal::not_found)?;
    object(|json| summary(json, &estate, organization, location))
}

fn summary(json: &mut Json, estate: &Estate, organization: &Organization, location: &Location) {
    json.int_at("locationId", location.id);
    json.string_at("locationName", &location.name);
    json.string_if("locationDescription", location.description.as_deref());
    let mut total: Vec<(&'static str, i64)> = Vec::new();
    for device in estate
        .devices()
        .iter()
        .filter(|one| one.location == location.id && backed_up(one))
    {
        let own = backup_sizes(device);
        match total.is_empty() {
            true => total = own.to_vec(),
            false => total.iter_mut().zip(own).for_each(|(sum, one)| sum.1 += one.1),
        }
    }
    sizes(json, &total);
    json.int_at("organizationId", organization.id);
    json.string_at("organizationName", &organization.name);
}
