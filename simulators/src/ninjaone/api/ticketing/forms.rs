//! What tickets are made of: statuses, forms, attributes, and the people they concern.

use axum::extract::{Path, State};

use crate::json::Json;
use crate::ninjaone::api::people::{contact_uid, contacts_of};
use crate::ninjaone::api::{Answer, Params, Refusal, Site, array, id, object};
use crate::ninjaone::estate::EPOCH_MS;
use crate::ninjaone::estate::tickets::{ATTRIBUTES, FORMS, STATUSES, Status};

const DAY_MS: i64 = 86_400_000;

/// `GET /v2/ticketing/statuses`
pub(in crate::ninjaone::api) async fn statuses() -> Answer {
    array(|json| {
        STATUSES
            .iter()
            .for_each(|status| json.object(|json| status_fields(json, status)))
    })
}

/// The fields of `TicketStatusPublicApiDTO`.
pub(super) fn status_fields(json: &mut Json, &(id, name, shown, parent): &Status) {
    json.string_at("name", name);
    json.string_at("displayName", shown);
    if let Some(parent) = parent {
        json.int_at("parentId", parent);
    }
    json.int_at("statusId", id);
}

/// `GET /v2/ticketing/attributes`
pub(in crate::ninjaone::api) async fn attributes() -> Answer {
    array(|json| {
        ATTRIBUTES
            .iter()
            .for_each(|attribute| json.object(|json| attribute_fields(json, attribute)))
    })
}

fn attribute_fields(json: &mut Json, &(id, kind, name): &(u32, &str, &str)) {
    json.int_at("id", id);
    json.string_at("attributeType", kind);
    json.string_at("name", name);
    json.string_at("description", "");
    json.bool_at("customizeForEndUser", false);
    json.null_at("nameForEndUser");
    json.null_at("descriptionForEndUser");
    json.string_at("endUserOption", "EDITABLE_OPTIONAL");
    json.string_at("technicianOption", "OPTIONAL");
    json.object_at("content", |json| {
        json.array_at("values", |json| {
            for (place, option) in ["Hardware", "Software", "Access"]
                .iter()
                .enumerate()
                .filter(|_| kind == "DROPDOWN")
            {
                json.object(|json| {
                    json.uuid_at("id", crate::dice::uuid_bits(place as u64, 0x6361_7465));
                    json.string_at("name", option);
                    json.bool_at("active", true);
                    json.bool_at("system", false);
                });
            }
        });
        json.bool_at("required", id == 1);
    });
    json.bool_at("system", id <= 2);
    json.bool_at("active", true);
    json.time_at("createTime", EPOCH_MS - 700 * DAY_MS);
    json.time_at("updateTime", EPOCH_MS - 300 * DAY_MS);
}

/// `GET /v2/ticketing/ticket-form`
pub(in crate::ninjaone::api) async fn forms() -> Answer {
    array(|json| {
        FORMS
            .iter()
            .for_each(|form| json.object(|json| form_fields(json, form)))
    })
}

/// `GET /v2/ticketing/ticket-form/{id}`
pub(in crate::ninjaone::api) async fn form(Path(text): Path<String>) -> Answer {
    let wanted = id(&text)?;
    let form = FORMS
        .iter()
        .find(|form| form.0 == wanted)
        .ok_or_else(Refusal::not_found)?;
    object(|json| form_fields(json, form))
}

fn form_fields(json: &mut Json, &(id, name, attributes): &(u32, &str, &[u32])) {
    json.int_at("id", id);
    json.string_at("name", name);
    json.string_at("description", "");
    json.string_at("endUserTitle", name);
    json.object_at("content", |json| {
        json.array_at("fields", |json| {
            attributes.iter().for_each(|&one| json.int(i64::from(one)))
        });
        json.object_at("timerSettings", |json| {
            json.bool_at("enabled", true);
            json.string_at("mode", "MANUAL");
        });
    });
    json.bool_at("active", true);
    json.time_at("createTime", EPOCH_MS - 700 * DAY_MS);
    json.time_at("updateTime", EPOCH_MS - 300 * DAY_MS);
    json.array_at("fields", |json| {
        for attribute in ATTRIBUTES
            .iter()
            .filter(|attribute| attributes.contains(&attribute.0))
        {
            json.object(|json| attribute_fields(json, attribute));
        }
    });
    json.bool_at("default", id == 1);
}

/// `GET /v2/ticketing/contact/contacts`
pub(in crate::ninjaone::api) async fn contacts(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| {
        for contact in contacts_of(&estate) {
            let (id, person) = &contact;
            json.object(|json| {
                json.int_at("id", *id);
                if let Some(organization) = person.organization.and_then(|id| estate.organization(id)) {
                    json.int_at("clientId", organization.id);
                    json.string_at("clientName", &organization.name);
                }
                json.uuid_at("uid", contact_uid(&contact));
                json.string_at("firstName", &person.first_name);
                json.string_at("lastName", &person.last_name);
                json.string_at("email", &person.email);
                json.string_or_null("phone", person.phone.as_deref());
                json.string_at("jobTitle", "Office manager");
                json.string_at(
                    "displayName",
                    &format!("{} {}", person.first_name, person.last_name),
                );
                json.time_at("createTime", EPOCH_MS - 300 * DAY_MS);
                json.time_at("updateTime", EPOCH_MS - 100 * DAY_MS);
            });
        }
    })
}

/// `GET /v2/ticketing/app-user-contact`
pub(in crate::ninjaone::api) async fn app_user_contacts(State(tenant): Site, params: Params) -> Answer {
    let size = params.size("pageSize", 1, 10_000)?.unwrap_or(50);
    let after = params.int("anchorNaturalId")?.unwrap_or(0);
    let client = params.int("clientId")?;
    let needle = params.get("searchCriteria").unwrap_or_default().to_lowercase();
    let kind = params.get("userType");
    let estate = tenant.estate();
    // The natural id runs through all three sorts.
    let technicians = estate
        .technicians()
        .map(|person| (person.uid, person, "TECHNICIAN"));
    let end_users = estate.end_users().map(|person| (person.uid, person, "END_USER"));
    let contacts = contacts_of(&estate).map(|contact| (contact_uid(&contact), contact.1, "CONTACT"));
    let rows =
        technicians
            .chain(end_users)
            .chain(contacts)
            .zip(1_i64..)
            .filter(|((_, person, sort), natural)| {
                *natural > after
                    && kind.is_none_or(|kind| kind == *sort)
                    && client.is_none_or(|client| person.organization.map(i64::from) == Some(client))
                    && [&person.first_name, &person.last_name, &person.email]
                        .iter()
                        .any(|field| field.to_lowercase().contains(&needle))
            });
    array(|json| {
        for ((uid, person, sort), natural) in rows.take(size) {
            json.object(|json| {
                json.uuid_at("uid", uid);
                json.int_at("id", person.id);
                if let Some(organization) = person.organization {
                    json.int_at("clientId", organization);
                }
                json.string_at("firstName", &person.first_name);
                json.string_at("lastName", &person.last_name);
                json.string_at("email", &person.email);
                json.string_at("userType", sort);
                json.string_at("naturalId", &natural.to_string());
            });
        }
    })
}
