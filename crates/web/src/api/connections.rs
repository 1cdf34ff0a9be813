//! Connections: list, show, check, read, pause.

use super::caller::{Caller, Connections, Plan, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::request::{Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use engine::Verdict;
use jiff::Timestamp;
use model::{ConnectionId, JobKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An authenticated link to one account of one vendor. Secrets are never part of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connection {
    /// Its id; it survives a new authorization.
    id: String,
    /// The vendor, e.g. `ninjaone`.
    kind: String,
    /// What people call it; unique.
    name: String,
    /// Where it stands.
    state: ConnectionState,
    /// Why it needs attention and what to do, if it does.
    reason: Option<String>,
    /// Its settings; their shape is the vendor's own.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// Whether nothing is ever written to it.
    read_only: bool,
    /// Whether an Owner allowed hosts of this machine and of private networks.
    allow_private_hosts: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was last used with success.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success: Option<Timestamp>,
}

/// Where a connection stands. Only a connected one is read from or written to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    NotConfigured,
    NeedsAuthorization,
    Connected,
    NeedsAttention,
    /// The account lacks a part this is made for; the reason says which, and who can enable it.
    NotEnabled,
    Paused,
}

/// One point of a check.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckPoint {
    /// What was checked.
    point: String,
    /// How it turned out.
    verdict: CheckVerdict,
    /// What the vendor answered, and what to do.
    detail: String,
}

/// How a point of a check turned out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    Passed,
    Failed,
    /// An earlier point failed.
    NotTried,
}

/// Why something is paused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Why {
    /// For whoever looks at it later.
    reason: Option<String>,
}

/// Whether a connection is only read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {
    /// Whether nothing is written to it from now on.
    read_only: bool,
    /// For whoever looks at it later.
    #[serde(default)]
    reason: Option<String>,
}

impl From<model::Connection> for Connection {
    fn from(connection: model::Connection) -> Self {
        use model::ConnectionState as S;
        let (state, reason) = match connection.state {
            S::NotConfigured => (ConnectionState::NotConfigured, None),
            S::NeedsAuthorization => (ConnectionState::NeedsAuthorization, None),
            S::Connected => (ConnectionState::Connected, None),
            S::NeedsAttention { reason } => (ConnectionState::NeedsAttention, Some(reason)),
            S::NotEnabled { reason, .. } => (ConnectionState::NotEnabled, Some(reason)),
            S::Paused => (ConnectionState::Paused, None),
        };
        Self {
            id: connection.id.0,
            kind: connection.kind,
            name: connection.name,
            state,
            reason,
            settings: connection.settings,
            read_only: connection.read_only,
            allow_private_hosts: connection.allow_private_hosts,
            created: connection.created,
            last_success: connection.last_success,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(check))
        .routes(routes!(read))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(set_read_only))
}

/// Every connection, by name.
#[utoipa::path(
    get, path = "/connections", tag = "Connections", operation_id = "list_connections",
    security(("key" = ["read"]), ("session" = [])),
    responses((status = 200, description = "The connections", body = Vec<Connection>)),
)]
async fn list(State(web): State<Web>, caller: Caller<Read>) -> Answer<Vec<Connection>> {
    let all = web.engine.connections(&caller.actor).await?;
    Ok(Json(all.into_iter().map(Connection::from).collect()))
}

/// One connection.
#[utoipa::path(
    get, path = "/connections/{id}", tag = "Connections", operation_id = "show_connection",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    responses((status = 200, description = "The connection", body = Connection)),
)]
async fn show(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Connection> {
    Ok(Json(
        web.engine.find_connection(&caller.actor, Some(&id)).await?.into(),
    ))
}

/// Asks the vendor, point by point, whether everything is as it must be. Nothing is changed there.
#[utoipa::path(
    post, path = "/connections/{id}/check", tag = "Connections", operation_id = "check_connection",
    security(("key" = ["connections"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    responses((status = 200, description = "The points, in the order they were tried", body = Vec<CheckPoint>)),
)]
async fn check(
    State(web): State<Web>,
    caller: Caller<Connections>,
    Path(id): Path<String>,
) -> Answer<Vec<CheckPoint>> {
    let connection = web.engine.find_connection(&caller.actor, Some(&id)).await?;
    let points = web.engine.check(&caller.actor, &connection.id).await?;
    let points = points.into_iter().map(|point| CheckPoint {
        point: point.point,
        verdict: match point.verdict {
            Verdict::Passed => CheckVerdict::Passed,
            Verdict::Failed => CheckVerdict::Failed,
            Verdict::NotTried => CheckVerdict::NotTried,
        },
        detail: point.detail,
    });
    Ok(Json(points.collect()))
}

/// Reads the source into a snapshot, as a job.
#[utoipa::path(
    post, path = "/connections/{id}/read", tag = "Connections", operation_id = "read_connection",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name"), Once),
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn read(
    State(web): State<Web>,
    caller: Caller<Plan>,
    once: Once,
    Path(id): Path<String>,
) -> Result<Accepted, Failure> {
    let connection = web.engine.find_connection(&caller.actor, Some(&id)).await?.id;
    put(&web, &caller.actor, once, &JobKind::Read { connection }).await
}

/// Pauses a connection: nothing is read from it or written to it.
#[utoipa::path(
    post, path = "/connections/{id}/pause", tag = "Connections", operation_id = "pause_connection",
    security(("key" = ["connections"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    request_body = Why,
    responses((status = 200, description = "The connection as it is now", body = Connection)),
)]
async fn pause(
    State(web): State<Web>,
    caller: Caller<Connections>,
    Path(id): Path<String>,
    Sent(why): Sent<Why>,
) -> Answer<Connection> {
    let id = id_of(&web, &caller.actor, &id).await?;
    let paused = web
        .engine
        .pause_connection(&caller.actor, &id, why.reason.as_deref());
    Ok(Json(paused.await?.into()))
}

/// Lets a paused connection go on.
#[utoipa::path(
    post, path = "/connections/{id}/resume", tag = "Connections", operation_id = "resume_connection",
    security(("key" = ["connections"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    responses((status = 200, description = "The connection as it is now", body = Connection)),
)]
async fn resume(
    State(web): State<Web>,
    caller: Caller<Connections>,
    Path(id): Path<String>,
) -> Answer<Connection> {
    let id = id_of(&web, &caller.actor, &id).await?;
    Ok(Json(
        web.engine.resume_connection(&caller.actor, &id).await?.into(),
    ))
}

/// Says whether a connection may be written to. Plans are made of a read-only one all the same.
#[utoipa::path(
    put, path = "/connections/{id}/read-only", tag = "Connections", operation_id = "set_connection_read_only",
    security(("key" = ["connections"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id, or its name")),
    request_body = ReadOnly,
    responses((status = 200, description = "The connection as it is now", body = Connection)),
)]
async fn set_read_only(
    State(web): State<Web>,
    caller: Caller<Connections>,
    Path(id): Path<String>,
    Sent(wanted): Sent<ReadOnly>,
) -> Answer<Connection> {
    let id = id_of(&web, &caller.actor, &id).await?;
    let reason = wanted.reason.as_deref();
    let changed = web
        .engine
        .set_read_only(&caller.actor, &id, wanted.read_only, reason);
    Ok(Json(changed.await?.into()))
}

async fn id_of(web: &Web, actor: &model::Actor, id: &str) -> Result<ConnectionId, Failure> {
    Ok(web.engine.find_connection(actor, Some(id)).await?.id)
}
