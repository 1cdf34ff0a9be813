//! Users of both sorts.

use std::collections::BTreeMap;

use axum::extract::{Path, State};

use super::{Answer, Params, Refusal, Site, array, id, object};
use crate::json::Json;
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::people::Person;

/// The devices each end user was assigned.
pub(super) type Assigned = BTreeMap<u32, Vec<u32>>;

/// `GET /v2/users`
pub(super) async fn users(State(tenant): Site, params: Params) -> Answer {
    let estate = tenant.estate();
    let (technicians, end_users) = match params.get("userType") {
        Some("TECHNICIAN") => (true, false),
        Some("END_USER") => (false, true),
        _ => (true, true),
    };
    let assigned = assigned(&estate);
    let roles = params.is_true("includeRoles");
    array(|json| {
        let chosen = estate.technicians().filter(|_| technicians);
        for person in chosen.chain(estate.end_users().filter(|_| end_users)) {
            json.object(|json| user_fields(json, &person, assigned.get(&person.id), roles));
        }
    })
}

/// Who was assigned what.
pub(super) fn assigned(estate: &Estate) -> Assigned {
    let mut assigned = Assigned::new();
    for device in estate.devices() {
        if let Some(owner) = device.owner {
            assigned.entry(owner).or_default().push(device.id);
        }
    }
    assigned
}

/// The fields of `User`. Here the vendor writes nulls, unlike on devices.
pub(super) fn user_fields(json: &mut Json, person: &Person, assigned: Option<&Vec<u32>>, roles: bool) {
    let technician = person.organization.is_none();
    json.int_at("id", person.id);
    json.uuid_at("uid", person.uid);
    json.string_at("firstName", &person.first_name);
    json.string_at("lastName", &person.last_name);
    json.string_at("email", &person.email);
    json.string_or_null("phone", person.phone.as_deref());
    json.bool_at("enabled", person.enabled);
    json.bool_at("administrator", person.administrator);
    json.bool_at("permitAllClients", technician);
    json.bool_at("notifyAllClients", person.administrator);
    json.bool_at("mustChangePw", false);
    json.bool_at("mfaConfigured", technician);
    json.string_at("userType", if technician { "TECHNICIAN" } else { "END_USER" });
    json.string_at("invitationStatus", person.invitation);
    match person.organization {
        Some(organization) => json.int_at("organizationId", organization),
        None => json.null_at("organizationId"),
    }
    let ids = assigned.map(Vec::as_slice).unwrap_or_default();
    for key in ["deviceIds", "assignedDeviceIds"] {
        json.array_at(key, |json| ids.iter().for_each(|&id| json.int(i64::from(id))));
    }
    if roles {
        json.strings_at("roles", person.roles);
    }
}

/// `GET /v2/organization/{id}/end-users`
pub(super) async fn of_organization(State(tenant): Site, Path(text): Path<String>, params: Params) -> Answer {
    let estate = tenant.estate();
    let organization = estate.organization(id(&text)?).ok_or_else(Refusal::not_found)?.id;
    let assigned = assigned(&estate);
    let roles = params.is_true("includeRoles");
    array(|json| {
        for person in estate
            .end_users()
            .filter(|person| person.organization == Some(organization))
        {
            json.object(|json| user_fields(json, &person, assigned.get(&person.id), roles));
        }
    })
}

/// `GET /v2/user/end-users`
pub(super) async fn end_users(State(tenant): Site, params: Params) -> Answer {
    let estate = tenant.estate();
    let assigned = assigned(&estate);
    let roles = params.is_true("includeRoles");
    array(|json| {
        for person in estate.end_users() {
            json.object(|json| account_fields(json, &person, assigned.get(&person.id), roles));
        }
    })
}

/// `GET /v2/user/technicians`
pub(super) async fn technicians(State(tenant): Site, params: Params) -> Answer {
    let estate = tenant.estate();
    let roles = params.is_true("includeRoles");
    array(|json| {
        for person in estate.technicians() {
            json.object(|json| account_fields(json, &person, None, roles));
        }
    })
}

/// `GET /v2/user/end-user/{id}`
pub(super) async fn end_user(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let person = estate
        .person(id(&text)?)
        .filter(|person| person.organization.is_some());
    let person = person.ok_or_else(Refusal::not_found)?;
    object(|json| account_fields(json, &person, assigned(&estate).get(&person.id), true))
}

/// `GET /v2/user/technician/{id}`
pub(super) async fn technician(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let person = estate
        .person(id(&text)?)
        .filter(|person| person.organization.is_none());
    let person = person.ok_or_else(Refusal::not_found)?;
    object(|json| account_fields(json, &person, None, true))
}

/// The fields of `EndUser` or `Technician`, which differ in a few.
fn account_fields(json: &mut Json, person: &Person, assigned: Option<&Vec<u32>>, roles: bool) {
    json.int_at("id", person.id);
    json.uuid_at("uid", person.uid);
    json.bool_at("enabled", person.enabled);
    json.string_at("firstName", &person.first_name);
    json.string_at("lastName", &person.last_name);
    json.string_at("email", &person.email);
    json.string_or_null("phone", person.phone.as_deref());
    json.bool_at("mustChangePw", false);
    json.bool_at("mfaConfigured", person.organization.is_none());
    json.bool_at("scimUser", false);
    json.string_at("authType", "NATIVE");
    json.string_at("invitationStatus", person.invitation);
    let ids = assigned.map(Vec::as_slice).unwrap_or_default();
    let mut list = |key: &str| json.array_at(key, |json| ids.iter().for_each(|&id| json.int(i64::from(id))));
    list("assignedDeviceIds");
    match person.organization {
        Some(organization) => {
            list("accessibleDeviceIds");
            json.int_at("organizationId", organization);
            json.bool_at("fullPortalAccess", false);
        }
        None => {
            json.string_at("userType", "TECHNICIAN");
            json.bool_at("notifyAllClients", person.administrator);
            json.bool_at("administrator", person.administrator);
        }
    }
    if roles {
        json.strings_at("roles", person.roles);
    }
}

/// `GET /v2/user/roles`
pub(super) async fn roles(State(tenant): Site, params: Params) -> Answer {
    let estate = tenant.estate();
    let wanted = params.get("roleType");
    array(|json| {
        let kinds = [
            (1, "System Administrator", "TECHNICIAN"),
            (2, "Technician", "TECHNICIAN"),
            (5, "End user", "END_USER"),
        ];
        for (id, name, kind) in kinds
            .into_iter()
            .filter(|role| wanted.is_none_or(|wanted| wanted == role.2))
        {
            json.object(|json| {
                json.int_at("id", id);
                json.string_at("name", name);
                json.string_at("type", kind);
                json.string_at("description", "");
                json.array_at("members", |json| {
                    for person in estate.technicians().filter(|person| person.roles.contains(&name)) {
                        json.object(|json| {
                            json.int_at("id", person.id);
                            json.string_at("email", &person.email);
                            json.string_at("name", &format!("{} {}", person.first_name, person.last_name));
                            json.string_at("source", "MANUAL");
                        });
                    }
                });
            });
        }
    })
}

/// The contacts: of every third end user one, with an id of its own.
pub(super) fn contacts_of(estate: &Estate) -> impl Iterator<Item = (u32, Person)> {
    estate
        .end_users()
        .filter(|person| person.id % 3 == 0)
        .map(|person| (person.id / 3, person))
}

/// `GET /v2/contacts`
pub(super) async fn contacts(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| contacts_of(&estate).for_each(|contact| json.object(|json| contact_fields(json, &contact))))
}

/// `GET /v2/contact/{id}`
pub(super) async fn contact(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let estate = tenant.estate();
    let wanted = id(&text)?;
    let contact = contacts_of(&estate)
        .find(|(id, _)| *id == wanted)
        .ok_or_else(Refusal::not_found)?;
    object(|json| contact_fields(json, &contact))
}

/// The uid of a contact: not that of the end user it was made from.
pub(super) fn contact_uid(contact: &(u32, Person)) -> u128 {
    crate::dice::uuid_bits(contact.1.uid as u64, 0x636f_6e74)
}

fn contact_fields(json: &mut Json, contact: &(u32, Person)) {
    let (id, person) = contact;
    json.int_at("id", *id);
    if let Some(organization) = person.organization {
        json.int_at("organizationId", organization);
    }
    json.uuid_at("uid", contact_uid(contact));
    json.string_at("firstName", &person.first_name);
    json.string_at("lastName", &person.last_name);
    json.string_at("email", &person.email);
    json.string_or_null("phone", person.phone.as_deref());
    json.string_at("jobTitle", "Office manager");
}
