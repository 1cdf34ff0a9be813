//! Bridges: list, show, make, set, sync, and letting one go on after an undo.

use super::caller::{Apply, Caller, Plan, Read, Settings};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::request::{Once, Sent};
use super::settings::BridgeSettings;
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::JobKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// One source joined to one destination.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bridge {
    /// Its id.
    id: String,
    /// What people call it; unique.
    name: String,
    /// The connection devices are read from.
    source: String,
    /// The connection clients and assets are kept in.
    destination: String,
    /// The preset it started from.
    preset: String,
    /// Counts changes of its settings and people's decisions. A plan of an earlier generation is refused.
    generation: i64,
    /// Why its schedule is paused, if it is.
    paused: Option<String>,
    /// How it works.
    #[schema(value_type = BridgeSettings)]
    settings: model::BridgeSettings,
}

/// A bridge to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBridge {
    /// What people will call it.
    name: String,
    /// The connection devices are read from, by id or name.
    source: String,
    /// The connection clients and assets are kept in, by id or name.
    destination: String,
    /// The preset its settings start from: `default`, `humanizeit`, `passportal`, and others to come.
    preset: String,
}

/// New settings of a bridge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedSettings {
    /// The generation the change was made from: nothing is changed once it moved on.
    generation: i64,
    /// All of the settings: what is left out takes its default.
    #[schema(value_type = BridgeSettings)]
    settings: model::BridgeSettings,
}

/// How a sync goes about it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HowToSync {
    /// Write even what the brakes would stop.
    confirm: bool,
}

impl From<model::Bridge> for Bridge {
    fn from(bridge: model::Bridge) -> Self {
        Self {
            id: bridge.id.0,
            name: bridge.name,
            source: bridge.source.0,
            destination: bridge.destination.0,
            preset: bridge.preset,
            generation: bridge.generation,
            paused: bridge.paused,
            settings: bridge.settings,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(create))
        .routes(routes!(show))
        .routes(routes!(set))
        .routes(routes!(sync))
        .routes(routes!(resume))
}

/// Every bridge, by name.
#[utoipa::path(
    get, path = "/bridges", tag = "Bridges", operation_id = "list_bridges",
    security(("key" = ["read"]), ("session" = [])),
    responses((status = 200, description = "The bridges", body = Vec<Bridge>)),
)]
async fn list(State(web): State<Web>, caller: Caller<Read>) -> Answer<Vec<Bridge>> {
    let all = web.engine.bridges(&caller.actor).await?;
    Ok(Json(all.into_iter().map(Bridge::from).collect()))
}

/// One bridge.
#[utoipa::path(
    get, path = "/bridges/{id}", tag = "Bridges", operation_id = "show_bridge",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    responses((status = 200, description = "The bridge", body = Bridge)),
)]
async fn show(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Bridge> {
    Ok(Json(
        web.engine.find_bridge(&caller.actor, Some(&id)).await?.into(),
    ))
}

/// Joins a source to a destination, with the settings of a preset.
#[utoipa::path(
    post, path = "/bridges", tag = "Bridges", operation_id = "create_bridge",
    security(("key" = ["settings"]), ("session" = [])),
    request_body = NewBridge,
    responses((status = 201, description = "The bridge", body = Bridge)),
)]
async fn create(
    State(web): State<Web>,
    caller: Caller<Settings>,
    Sent(new): Sent<NewBridge>,
) -> Result<(StatusCode, Json<Bridge>), Failure> {
    let (engine, actor) = (&web.engine, &caller.actor);
    if new.name.trim().is_empty() {
        return Err(Failure::field("name", "give it a name."));
    }
    let source = engine.find_connection(actor, Some(&new.source)).await?.id;
    let destination = engine.find_connection(actor, Some(&new.destination)).await?.id;
    let made = engine.add_bridge(actor, new.name.trim(), &source, &destination, &new.preset);
    Ok((StatusCode::CREATED, Json(made.await?.into())))
}

/// Changes the settings of a bridge. Plans made before are refused from then on.
#[utoipa::path(
    put, path = "/bridges/{id}/settings", tag = "Bridges", operation_id = "set_bridge",
    security(("key" = ["settings"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    request_body = ChangedSettings,
    responses((status = 200, description = "The bridge as it is now", body = Bridge)),
)]
async fn set(
    State(web): State<Web>,
    caller: Caller<Settings>,
    Path(id): Path<String>,
    Sent(changed): Sent<ChangedSettings>,
) -> Answer<Bridge> {
    let mut bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    // The store changes it only where it still is of this generation.
    bridge.generation = changed.generation;
    let changed = web.engine.change_bridge(&caller.actor, &bridge, changed.settings);
    Ok(Json(changed.await?.into()))
}

/// Reads, plans and applies within the brakes, as a job.
#[utoipa::path(
    post, path = "/bridges/{id}/sync", tag = "Bridges", operation_id = "sync_bridge",
    security(("key" = ["apply"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name"), Once),
    request_body = HowToSync,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn sync(
    State(web): State<Web>,
    caller: Caller<Apply>,
    once: Once,
    Path(id): Path<String>,
    Sent(how): Sent<HowToSync>,
) -> Result<Accepted, Failure> {
    let kind = JobKind::Sync {
        bridge: web.engine.find_bridge(&caller.actor, Some(&id)).await?.id,
        client: None,
        confirmed: how.confirm,
    };
    put(&web, &caller.actor, once, &kind).await
}

/// Lets the schedule of a bridge go on that an undo paused.
#[utoipa::path(
    post, path = "/bridges/{id}/resume", tag = "Bridges", operation_id = "resume_bridge",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    responses((status = 200, description = "The bridge as it is now", body = Bridge)),
)]
async fn resume(State(web): State<Web>, caller: Caller<Plan>, Path(id): Path<String>) -> Answer<Bridge> {
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    Ok(Json(
        web.engine.resume_bridge(&caller.actor, &bridge).await?.into(),
    ))
}
