//! Runs: the history of what was read and written.

use super::caller::{Caller, Plan as Planning, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::paging::Page;
use super::records::{OutcomeKind, RecordKind, outcome};
use super::request::{Asked, Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::runs::{FailedItem, RunFilter};
use jiff::Timestamp;
use model::JobKind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// One execution of a read or of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    /// Its id.
    id: String,
    /// What was executed.
    kind: RunKind,
    /// The source, of a read.
    connection: Option<String>,
    /// The bridge, of an apply or an undo.
    bridge: Option<String>,
    /// The plan that was applied.
    plan: Option<String>,
    /// The earlier run that was taken back, of an undo.
    undoes: Option<String>,
    /// How it stands.
    state: RunState,
    /// Why it failed and what to do, if it did.
    reason: Option<String>,
    /// Who asked for it.
    asked_by: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished: Option<Timestamp>,
    /// Items that were written, or devices that were read.
    done: u64,
    /// Items that failed.
    failed: u64,
    /// Items left alone since their record had changed after the plan.
    skipped: u64,
    /// Items whose outcome is not known.
    unknown: u64,
}

/// What was executed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    Read,
    Apply,
    Undo,
}

/// How a run stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Finished,
    Failed,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunPage {
    /// The runs of this page, newest first.
    items: Vec<Run>,
    /// How many there are on all pages.
    total: u64,
    /// The page, from 1.
    page: u64,
    /// Runs of a page.
    per_page: u64,
}

/// An item of a run that did not end well.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunItem {
    /// Number of the operation in the plan; null where the plan is no longer kept.
    number: Option<u32>,
    /// What was to be done.
    action: Option<String>,
    /// What the record is in the destination.
    kind: Option<RecordKind>,
    /// The source's id of the record.
    source_id: Option<String>,
    /// What people call it.
    label: Option<String>,
    /// The name of its client.
    client: Option<String>,
    /// How it ended.
    outcome: OutcomeKind,
    /// What the destination said, and what to do.
    message: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only runs of this sort
    kind: Option<RunKind>,
    /// Only runs on this bridge, by id or name
    bridge: Option<String>,
    /// Only runs that failed, or of which some items did
    trouble: Option<bool>,
    /// The page, from 1
    #[param(minimum = 1)]
    page: Option<u64>,
    /// Runs of a page, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
}

impl From<model::Run> for Run {
    fn from(run: model::Run) -> Self {
        use model::{RunKind as K, RunState as S};
        let (kind, connection, bridge, plan, undoes) = match run.kind {
            K::Read { connection } => (RunKind::Read, Some(connection.0), None, None, None),
            K::Apply { bridge, plan } => (RunKind::Apply, None, Some(bridge.0), Some(plan.0), None),
            K::Undo { bridge, plan, run } => (RunKind::Undo, None, Some(bridge.0), Some(plan.0), Some(run.0)),
        };
        let (state, reason) = match run.state {
            S::Running => (RunState::Running, None),
            S::Finished => (RunState::Finished, None),
            S::Failed { reason } => (RunState::Failed, Some(reason)),
        };
        Self {
            id: run.id.0,
            kind,
            connection,
            bridge,
            plan,
            undoes,
            state,
            reason,
            asked_by: run.actor,
            started: run.started,
            finished: run.finished,
            done: run.counts.done,
            failed: run.counts.failed,
            skipped: run.counts.skipped,
            unknown: run.counts.unknown,
        }
    }
}

impl From<FailedItem> for RunItem {
    fn from(item: FailedItem) -> Self {
        let (ended, message) = outcome(&item.outcome);
        let operation = item.operation.as_ref();
        Self {
            number: operation.map(|o| o.number),
            action: operation.map(|o| o.action.name().to_owned()),
            kind: operation.map(|o| o.subject.kind.into()),
            source_id: operation.map(|o| o.subject.source_id.to_string()),
            label: operation.map(|o| o.subject.label.clone()),
            client: operation.map(|o| o.client_label.clone()),
            outcome: ended,
            message,
        }
    }
}

/// What of a run is to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WhatToUndo {
    /// Only the operations of these numbers, at most 1,000; all of them where this is empty
    #[serde(default)]
    #[schema(max_items = 1000)]
    operations: Vec<u32>,
}

/// The most operations that are named one by one.
const MOST_NAMED: usize = 1000;

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(items))
        .routes(routes!(undo))
}

/// The history, newest first, a page at a time.
#[utoipa::path(
    get, path = "/runs", tag = "Runs", operation_id = "list_runs",
    security(("key" = ["read"]), ("session" = [])),
    params(Which),
    responses((status = 200, description = "A page of it", body = RunPage)),
)]
async fn list(State(web): State<Web>, caller: Caller<Read>, Asked(which): Asked<Which>) -> Answer<RunPage> {
    let page = Page::asked(which.page, which.per_page)?;
    let bridge = match &which.bridge {
        Some(bridge) => Some(web.engine.find_bridge(&caller.actor, Some(bridge)).await?.id),
        None => None,
    };
    let filter = RunFilter {
        kind: which.kind.map(|kind| match kind {
            RunKind::Read => "read",
            RunKind::Apply => "apply",
            RunKind::Undo => "undo",
        }),
        bridge,
        trouble: which.trouble.unwrap_or(false),
    };
    let found = web
        .engine
        .run_page(&caller.actor, &filter, page.offset(), page.limit());
    let (runs, total) = found.await?;
    Ok(Json(RunPage {
        items: runs.into_iter().map(Run::from).collect(),
        total,
        page: page.page,
        per_page: page.per_page,
    }))
}

/// One run.
#[utoipa::path(
    get, path = "/runs/{id}", tag = "Runs", operation_id = "show_run",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The run", body = Run)),
)]
async fn show(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Run> {
    Ok(Json(web.engine.find_run(&caller.actor, &id).await?.into()))
}

/// The items of a run that failed, were skipped or are in doubt.
#[utoipa::path(
    get, path = "/runs/{id}/items", tag = "Runs", operation_id = "list_run_items",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The items, in the order of the plan", body = Vec<RunItem>)),
)]
async fn items(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Vec<RunItem>> {
    let run = web.engine.find_run(&caller.actor, &id).await?;
    let items = web.engine.failed_items(&caller.actor, &run).await?;
    Ok(Json(items.into_iter().map(RunItem::from).collect()))
}

/// Makes the plan that takes back what a run wrote, as a job. Nothing is written before the job's `plan` is applied; what a
/// person changed since stays, and the plan says so.
#[utoipa::path(
    post, path = "/runs/{id}/undo", tag = "Runs", operation_id = "plan_undo",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The run's id"), Once),
    request_body = WhatToUndo,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn undo(
    State(web): State<Web>,
    caller: Caller<Planning>,
    once: Once,
    Path(id): Path<String>,
    Sent(WhatToUndo { operations }): Sent<WhatToUndo>,
) -> Result<Accepted, Failure> {
    if operations.len() > MOST_NAMED {
        return Err(Failure::field(
            "operations",
            format!("at most {MOST_NAMED} numbers."),
        ));
    }
    let run = web.engine.find_run(&caller.actor, &id).await?;
    let (model::RunKind::Apply { bridge, .. } | model::RunKind::Undo { bridge, .. }) = run.kind else {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "nothing_written",
            "This run only read; there is nothing to take back.",
        ));
    };
    let kind = JobKind::PlanUndo {
        bridge,
        run: run.id,
        operations,
        records: Vec::new(),
    };
    put(&web, &caller.actor, once, &kind).await
}
