//! Roles, policies and groups.

use axum::extract::{Path, State};

use super::filter::Filter;
use super::{Answer, Refusal, Site, array, id};
use crate::json::Json;
use crate::ninjaone::estate::catalog::{Group, Policy, Role};
use crate::ninjaone::estate::{EPOCH_MS, Estate};

const DAY_MS: i64 = 86_400_000;

/// `GET /v2/roles`
pub(super) async fn roles(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| {
        estate
            .roles()
            .iter()
            .for_each(|role| json.object(|json| role_fields(json, role)))
    })
}

/// The fields of `NodeRole`.
pub(super) fn role_fields(json: &mut Json, role: &Role) {
    json.int_at("id", role.id);
    json.string_at("name", role.name);
    json.string_at("description", role.description);
    json.string_at("nodeClass", role.node_class);
    json.bool_at("custom", role.custom());
    json.string_at("chassisType", role.chassis);
    json.time_at("created", EPOCH_MS - (2000 - i64::from(role.id)) * DAY_MS);
    if let Some(parent) = role.parent {
        json.int_at("nodeRoleParentId", parent);
    }
    json.string_if("icon", role.custom().then_some("fa-server"));
}

/// `GET /v2/policies`
pub(super) async fn policies(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| {
        estate
            .policies()
            .iter()
            .for_each(|policy| json.object(|json| policy_fields(json, policy)))
    })
}

/// The fields of `Policy`.
pub(super) fn policy_fields(json: &mut Json, policy: &Policy) {
    json.int_at("id", policy.id);
    if let Some(parent) = policy.parent {
        json.int_at("parentPolicyId", parent);
    }
    json.string_at("name", &policy.name);
    json.string_at("description", "");
    json.string_at("nodeClass", policy.node_class);
    json.time_at("updated", EPOCH_MS - i64::from(policy.id) * DAY_MS);
    json.bool_at("nodeClassDefault", policy.default);
}

/// `GET /v2/groups`
pub(super) async fn groups(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    array(|json| {
        for group in estate.groups() {
            json.object(|json| group_fields(json, group, &estate));
        }
    })
}

fn group_fields(json: &mut Json, group: &Group, estate: &Estate) {
    json.int_at("id", group.id);
    json.string_at("name", group.name);
    json.string_at("description", group.filter);
    json.bool_at("shared", group.shared);
    json.time_at("created", EPOCH_MS - 400 * DAY_MS);
    json.time_at("updated", EPOCH_MS - 30 * DAY_MS);
    json.int_at("deviceCount", members(group, estate).map_or(0, |ids| ids.len()));
    json.time_at("lastEvaluated", EPOCH_MS);
}

fn members(group: &Group, estate: &Estate) -> Result<Vec<u32>, Refusal> {
    let filter = Filter::of(Some(group.filter))?;
    Ok(estate
        .devices()
        .iter()
        .filter(|device| filter.passes(device, estate))
        .map(|device| device.id)
        .collect())
}

/// `GET /v2/group/{id}/device-ids`
pub(super) async fn group_devices(State(tenant): Site, Path(text): Path<String>) -> Answer {
    let wanted = id(&text)?;
    let estate = tenant.estate();
    let group = estate
        .groups()
        .iter()
        .find(|group| group.id == wanted)
        .ok_or_else(Refusal::not_found)?;
    let ids = members(group, &estate)?;
    array(|json| ids.iter().for_each(|&id| json.int(i64::from(id))))
}
