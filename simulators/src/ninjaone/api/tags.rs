//! Asset tags.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::{Answer, Refusal, Site, body, id, object};
use crate::json::Json;
use crate::ninjaone::estate::tags::Tag;
use crate::ninjaone::oauth::Access;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    name: Option<String>,
    description: Option<String>,
}

fn checked(
    name: Option<String>,
    description: Option<String>,
) -> Result<(Option<String>, Option<String>), Refusal> {
    if name
        .as_ref()
        .is_some_and(|name| name.is_empty() || name.chars().count() > 40)
    {
        return Err(Refusal::bad_request("name: size must be between 1 and 40"));
    }
    if description
        .as_ref()
        .is_some_and(|text| text.chars().count() > 250)
    {
        return Err(Refusal::bad_request(
            "description: size must be between 0 and 250",
        ));
    }
    Ok((name, description))
}

/// `GET /v2/tag`
pub(super) async fn list(State(tenant): Site) -> Answer {
    let estate = tenant.estate();
    object(|json| {
        json.array_at("tags", |json| {
            for tag in estate.tags().values() {
                json.object(|json| {
                    fields(json, tag);
                    let targets = estate
                        .devices()
                        .iter()
                        .filter(|device| device.tags.contains(&tag.id))
                        .count();
                    json.int_at("targetsCount", targets);
                });
            }
        });
    })
}

fn fields(json: &mut Json, tag: &Tag) {
    json.int_at("id", tag.id);
    json.string_at("name", &tag.name);
    json.string_at("description", &tag.description);
    json.time_at("createTime", tag.created);
    json.time_at("updateTime", tag.updated);
    json.int_at("createdByUserId", tag.user.unwrap_or(1));
    json.int_at("updatedByUserId", tag.user.unwrap_or(1));
}

/// `POST /v2/tag`
pub(super) async fn create(
    State(tenant): Site,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    let Wording { name, description } = body::of(&bytes)?;
    let (name, description) = checked(name, description)?;
    let name = name.ok_or_else(|| Refusal::bad_request("name: must not be null"))?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let tag = estate.add_tag(
        name,
        description.unwrap_or_default(),
        tenant.user_id(&access),
        now,
    );
    let tag = tag.ok_or_else(|| Refusal::bad_request("A tag with this name exists already"))?;
    object(|json| fields(json, tag))
}

/// `PUT /v2/tag/{tagId}`
pub(super) async fn update(State(tenant): Site, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let Wording { name, description } = body::of(&bytes)?;
    let (name, description) = checked(name, description)?;
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    let tag = estate.tag_mut(id(&text)?).ok_or_else(Refusal::not_found)?;
    tag.name = name.unwrap_or_else(|| tag.name.clone());
    tag.description = description.unwrap_or_else(|| tag.description.clone());
    tag.updated = now;
    object(|json| fields(json, tag))
}

/// `DELETE /v2/tag/{tagId}`
pub(super) async fn delete(State(tenant): Site, Path(text): Path<String>) -> Answer {
    match tenant.estate_mut().remove_tags(&[id(&text)?]) {
        0 => Err(Refusal::not_found()),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Merge {
    tag_ids: Vec<u32>,
    merge_method: String,
    merge_into_tag_id: Option<u32>,
    name: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Batch {
    asset_ids: Vec<u32>,
    #[serde(default)]
    tag_ids_to_add: Vec<u32>,
    #[serde(default)]
    tag_ids_to_remove: Vec<u32>,
}

/// `POST /v2/tag/{delete|merge|device}`
pub(super) async fn post(
    State(tenant): Site,
    Path(what): Path<String>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer {
    match what.as_str() {
        "delete" => {
            let ids: Vec<u32> = body::of(&bytes)?;
            tenant.estate_mut().remove_tags(&ids);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        "merge" => merge(&tenant, &access, body::of(&bytes)?),
        "device" => {
            let batch: Batch = body::of(&bytes)?;
            let mut estate = tenant.estate_mut();
            known_tags(
                &estate,
                batch.tag_ids_to_add.iter().chain(&batch.tag_ids_to_remove),
            )?;
            if let Some(unknown) = batch.asset_ids.iter().find(|&&id| estate.device(id).is_none()) {
                return Err(Refusal::bad_request(format!("Asset {unknown} does not exist")));
            }
            for id in batch.asset_ids {
                let Some(device) = estate.device_mut(id) else {
                    continue;
                };
                device.tags.retain(|tag| !batch.tag_ids_to_remove.contains(tag));
                device.tags.extend(&batch.tag_ids_to_add);
                device.tags.sort_unstable();
                device.tags.dedup();
            }
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(Refusal::unknown_path()),
    }
}

fn merge(tenant: &crate::ninjaone::tenant::Tenant, access: &Access, merge: Merge) -> Answer {
    let mut estate = tenant.estate_mut();
    let now = tenant.at(estate.days());
    known_tags(&estate, merge.tag_ids.iter())?;
    let target = match (merge.merge_method.as_str(), merge.merge_into_tag_id) {
        ("MERGE_INTO_EXISTING_TAG", Some(id)) => id,
        ("MERGE_INTO_NEW_TAG", _) => {
            let (name, description) = checked(merge.name, merge.description)?;
            let name = name.ok_or_else(|| Refusal::bad_request("name: must not be null"))?;
            let tag = estate.add_tag(name, description.unwrap_or_default(), tenant.user_id(access), now);
            tag.ok_or_else(|| Refusal::bad_request("A tag with this name exists already"))?
                .id
        }
        _ => {
            return Err(Refusal::bad_request(
                "mergeMethod and its target do not fit together",
            ));
        }
    };
    known_tags(&estate, [target].iter())?;
    estate.replace_tags(&merge.tag_ids, target);
    let others: Vec<u32> = merge.tag_ids.into_iter().filter(|&id| id != target).collect();
    estate.remove_tags(&others);
    let tag = estate.tag_mut(target).ok_or_else(Refusal::not_found)?;
    object(|json| fields(json, tag))
}

fn known_tags<'a>(
    estate: &crate::ninjaone::estate::Estate,
    mut ids: impl Iterator<Item = &'a u32>,
) -> Result<(), Refusal> {
    match ids.find(|id| !estate.tags().contains_key(id)) {
        Some(unknown) => Err(Refusal::bad_request(format!("Tag {unknown} does not exist"))),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exactly {
    tag_ids: Vec<u32>,
}

/// `PUT /v2/tag/device/{assetId}`
pub(super) async fn set(
    State(tenant): Site,
    Path((kind, text)): Path<(String, String)>,
    bytes: Bytes,
) -> Answer {
    if kind != "device" {
        return Err(Refusal::unknown_path());
    }
    let mut wanted: Exactly = body::of(&bytes)?;
    let mut estate = tenant.estate_mut();
    known_tags(&estate, wanted.tag_ids.iter())?;
    wanted.tag_ids.sort_unstable();
    wanted.tag_ids.dedup();
    estate.device_mut(id(&text)?).ok_or_else(Refusal::not_found)?.tags = wanted.tag_ids;
    Ok(StatusCode::NO_CONTENT.into_response())
}
