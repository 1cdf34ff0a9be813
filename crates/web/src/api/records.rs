//! Single records that need somebody: what failed, and what a person can say about it.

use super::caller::{Apply, Caller, Plan, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::request::{Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::row_errors::RowError;
use jiff::Timestamp;
use model::{JobKind, Outcome, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most records of one request.
const MOST_RECORDS: usize = 5_000;

/// What a source record becomes in the destination.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    Client,
    Site,
    AssetType,
    Asset,
}

impl From<model::RecordKind> for RecordKind {
    fn from(kind: model::RecordKind) -> Self {
        match kind {
            model::RecordKind::Client => Self::Client,
            model::RecordKind::Site => Self::Site,
            model::RecordKind::AssetType => Self::AssetType,
            model::RecordKind::Asset => Self::Asset,
        }
    }
}

impl From<RecordKind> for model::RecordKind {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::Client => Self::Client,
            RecordKind::Site => Self::Site,
            RecordKind::AssetType => Self::AssetType,
            RecordKind::Asset => Self::Asset,
        }
    }
}

/// How the write of a record ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Done,
    /// The destination refused it.
    Failed,
    /// The record had changed since the plan; nothing was written.
    Skipped,
    /// No answer came: it may have been carried out.
    Unknown,
}

/// An outcome, and the words that go with it.
pub fn outcome(outcome: &Outcome) -> (OutcomeKind, Option<String>) {
    match outcome {
        Outcome::Done { .. } => (OutcomeKind::Done, None),
        Outcome::Failed { message } => (OutcomeKind::Failed, Some(message.clone())),
        Outcome::Skipped { message } => (OutcomeKind::Skipped, Some(message.clone())),
        Outcome::Unknown { message } => (OutcomeKind::Unknown, Some(message.clone())),
    }
}

/// A record whose last write did not end well, and that was not written since.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordError {
    /// What it is in the destination.
    kind: RecordKind,
    /// The source's id of it.
    source_id: String,
    /// What people call it.
    label: String,
    /// The name of its client; empty for what belongs to none.
    client: String,
    /// What was to be done.
    action: String,
    /// How it ended.
    outcome: OutcomeKind,
    /// What the destination said, and what to do.
    message: Option<String>,
    /// When it did not end well for the first time since its last success.
    #[schema(value_type = String, format = DateTime)]
    first: Timestamp,
    /// When it last did not.
    #[schema(value_type = String, format = DateTime)]
    last: Timestamp,
    /// In how many plans since then.
    times: u32,
    /// The run it last happened in.
    run: String,
    /// The plan that run applied.
    plan: String,
    /// The destination record, where there is one.
    record: Option<String>,
    /// The page of the source record.
    source_url: Option<String>,
    /// The page of the destination record.
    record_url: Option<String>,
}

/// One record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What it is in the destination.
    kind: RecordKind,
    /// The source's id of it.
    source_id: String,
}

/// Records to be left alone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// The records, up to 5,000.
    #[schema(max_items = 5000)]
    records: Vec<Record>,
    /// Why, for whoever looks at it later.
    reason: String,
}

impl From<RowError> for RecordError {
    fn from(error: RowError) -> Self {
        let (outcome, message) = outcome(&error.outcome);
        Self {
            kind: error.kind.into(),
            source_id: error.source.0,
            label: error.label,
            client: error.client,
            action: error.action,
            outcome,
            message,
            first: error.first,
            last: error.last,
            times: error.times,
            run: error.run.0,
            plan: error.plan.0,
            record: error.record.map(|id| id.0),
            source_url: error.source_url,
            record_url: error.record_url,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
        .routes(routes!(ignore))
}

/// Every record of a bridge whose last write did not end well and that still needs it; the newest first.
#[utoipa::path(
    get, path = "/bridges/{id}/errors", tag = "Records", operation_id = "list_errors",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    responses((status = 200, description = "The records", body = Vec<RecordError>)),
)]
async fn list(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Answer<Vec<RecordError>> {
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let errors = web.engine.row_errors(&caller.actor, &bridge).await?;
    Ok(Json(errors.into_iter().map(RecordError::from).collect()))
}

/// Plans one record anew and applies that plan alone, as a job.
#[utoipa::path(
    post, path = "/bridges/{id}/errors/retry", tag = "Records", operation_id = "retry_record",
    security(("key" = ["apply"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name"), Once),
    request_body = Record,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn retry(
    State(web): State<Web>,
    caller: Caller<Apply>,
    once: Once,
    Path(id): Path<String>,
    Sent(record): Sent<Record>,
) -> Result<Accepted, Failure> {
    let kind = JobKind::Retry {
        bridge: web.engine.find_bridge(&caller.actor, Some(&id)).await?.id,
        record: record.kind.into(),
        source: SourceId(record.source_id),
    };
    put(&web, &caller.actor, once, &kind).await
}

/// Leaves records alone from now on, for a reason: plans skip them, whatever changes.
#[utoipa::path(
    post, path = "/bridges/{id}/errors/ignore", tag = "Records", operation_id = "ignore_records",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    request_body = Ignore,
    responses((status = 204, description = "They are ignored")),
)]
async fn ignore(
    State(web): State<Web>,
    caller: Caller<Plan>,
    Path(id): Path<String>,
    Sent(ignore): Sent<Ignore>,
) -> Result<StatusCode, Failure> {
    if ignore.records.len() > MOST_RECORDS {
        return Err(Failure::field(
            "records",
            format!("At most {MOST_RECORDS} at once."),
        ));
    }
    if ignore.reason.trim().is_empty() {
        return Err(Failure::field(
            "reason",
            "say why, for whoever looks at it later.",
        ));
    }
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let records = ignore.records.into_iter();
    let records: Vec<_> = records.map(|r| (r.kind.into(), SourceId(r.source_id))).collect();
    web.engine
        .ignore_records(&caller.actor, &bridge, &records, &ignore.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
