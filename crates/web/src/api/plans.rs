//! Plans: make one, look at it, apply it: as a whole, its first records, or without some.

use super::caller::{Apply, Caller, Plan as Planning, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::paging::limit;
use super::records::RecordKind;
use super::request::{Asked, Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use model::{JobKind, PlanAbout, PlanId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most operations that can be left out of one plan.
const MOST_LEFT_OUT: usize = 100_000;

/// A plan: what would be written, before anything is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plan {
    /// Its id.
    id: String,
    /// The bridge it is for.
    bridge: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The bridge's generation it was made from; it is refused once that moved on.
    generation: i64,
    /// How many operations of each sort it has.
    counts: PlanCounts,
    /// How many operations write.
    writes: u32,
    /// Why a person must look before it is applied; with any of them it takes `confirm`.
    warnings: Vec<String>,
    /// The run it takes back, if it is the plan of an undo.
    undoes: Option<String>,
    /// The client it is limited to, if it is.
    client: Option<String>,
}

/// How many operations of each sort.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanCounts {
    create_clients: u32,
    create_sites: u32,
    create_asset_types: u32,
    create_assets: u32,
    links: u32,
    updates: u32,
    archives: u32,
    restores: u32,
    unlinks: u32,
    /// Questions for a person.
    reviews: u32,
    /// Records left alone for a reason.
    skips: u32,
    /// Assets that are as they should be.
    unchanged: u32,
}

/// One step of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operation {
    /// Its place in the plan, from 1.
    number: u32,
    /// What it does: `create_client`, `create_site`, `create_asset_type`, `create_asset`, `link`, `update_asset`,
    /// `archive_asset`, `restore_asset`, `unlink`, `review`, `skip`.
    action: String,
    /// Whether it writes.
    writes: bool,
    /// What its record becomes in the destination.
    kind: RecordKind,
    /// The source's id of the record.
    source_id: String,
    /// What people call it.
    label: String,
    /// The name of its client; empty for what belongs to none.
    client: String,
    /// The fields it writes or asks about, where the record exists.
    changes: Vec<FieldChange>,
    /// Everything it writes, as it is stored.
    #[schema(value_type = Object)]
    detail: Value,
    /// Why, in words.
    reason: String,
}

/// One field: what stands there and what will.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldChange {
    /// Key of the field.
    field: String,
    /// What stands there; null when blank.
    before: Value,
    /// What will; null empties it.
    after: Value,
}

/// Some operations of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationPage {
    /// The operations, by number.
    items: Vec<Operation>,
    /// What to give as `after` for the next ones; null at the end.
    next: Option<u32>,
}

/// A plan to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewPlan {
    /// Read the source first.
    read: bool,
    /// Only this client's organizations, by the client's id.
    client: Option<String>,
}

/// How a plan is applied.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HowToApply {
    /// Only the first so many operations that write; apply again for the rest.
    #[schema(minimum = 1)]
    first: Option<u32>,
    /// Numbers of operations to leave out this time.
    except: BTreeSet<u32>,
    /// You have seen the plan's warnings.
    confirm: bool,
    /// For the plan of an undo: take it back although all writes are paused.
    while_paused: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only operations with larger numbers
    after: Option<u32>,
    /// How many, 1 to 1000; 100 unless given
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl From<model::PlanSummary> for Plan {
    fn from(plan: model::PlanSummary) -> Self {
        let counts = plan.counts;
        Self {
            id: plan.id.0,
            bridge: plan.bridge.0,
            created: plan.created,
            generation: plan.generation,
            writes: counts.writes(),
            counts: PlanCounts {
                create_clients: counts.create_clients,
                create_sites: counts.create_sites,
                create_asset_types: counts.create_asset_types,
                create_assets: counts.create_assets,
                links: counts.links,
                updates: counts.updates,
                archives: counts.archives,
                restores: counts.restores,
                unlinks: counts.unlinks,
                reviews: counts.reviews,
                skips: counts.skips,
                unchanged: counts.unchanged,
            },
            warnings: plan.warnings,
            undoes: plan.undoes.map(|run| run.0),
            client: match plan.about {
                Some(PlanAbout::Client(client)) => Some(client.0),
                _ => None,
            },
        }
    }
}

impl From<model::Operation> for Operation {
    fn from(operation: model::Operation) -> Self {
        let changes = operation.action.changes().iter().map(|change| FieldChange {
            field: change.field.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        });
        Self {
            changes: changes.collect(),
            action: operation.action.name().to_owned(),
            writes: operation.action.writes(),
            detail: serde_json::to_value(&operation.action).unwrap_or_default(),
            number: operation.number,
            kind: operation.subject.kind.into(),
            source_id: operation.subject.source_id.0,
            label: operation.subject.label,
            client: operation.client_label,
            reason: operation.reason,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(newest))
        .routes(routes!(show))
        .routes(routes!(operations))
        .routes(routes!(apply))
}

/// Makes a plan, as a job. Nothing is written. The job's `plan` says which it is.
#[utoipa::path(
    post, path = "/bridges/{id}/plans", tag = "Plans", operation_id = "make_plan",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name"), Once),
    request_body = NewPlan,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn make(
    State(web): State<Web>,
    caller: Caller<Planning>,
    once: Once,
    Path(id): Path<String>,
    Sent(new): Sent<NewPlan>,
) -> Result<Accepted, Failure> {
    let kind = JobKind::PlanOnly {
        bridge: web.engine.find_bridge(&caller.actor, Some(&id)).await?.id,
        client: new.client.map(RecordId),
        read: new.read,
    };
    put(&web, &caller.actor, once, &kind).await
}

/// The newest plan of a bridge.
#[utoipa::path(
    get, path = "/bridges/{id}/plans/newest", tag = "Plans", operation_id = "newest_plan",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    responses((status = 200, description = "The plan", body = Plan)),
)]
async fn newest(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Plan> {
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    match web.engine.newest_plan(&caller.actor, &bridge).await? {
        Some(plan) => Ok(Json(plan.into())),
        None => Err(Failure::missing("plan of bridge", &bridge.name)),
    }
}

/// One plan.
#[utoipa::path(
    get, path = "/plans/{id}", tag = "Plans", operation_id = "show_plan",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The plan", body = Plan)),
)]
async fn show(State(web): State<Web>, caller: Caller<Read>, Path(id): Path<String>) -> Answer<Plan> {
    Ok(Json(web.engine.plan(&caller.actor, &PlanId(id)).await?.into()))
}

/// The operations of a plan, in the order they run.
#[utoipa::path(
    get, path = "/plans/{id}/operations", tag = "Plans", operation_id = "list_operations",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The plan's id"), Which),
    responses((status = 200, description = "Some of them", body = OperationPage)),
)]
async fn operations(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
    Asked(which): Asked<Which>,
) -> Answer<OperationPage> {
    let limit = limit(which.limit, 100, 1000)?;
    let plan = web.engine.plan(&caller.actor, &PlanId(id)).await?.id;
    let after = which.after.unwrap_or(0);
    let found = web.engine.operations(&caller.actor, &plan, after, limit).await?;
    let next = match found.len() == limit {
        true => found.last().map(|operation| operation.number),
        false => None,
    };
    Ok(Json(OperationPage {
        items: found.into_iter().map(Operation::from).collect(),
        next,
    }))
}

/// Applies a plan, as a job. A plan that is not the newest word any more is refused, and so is one with warnings that
/// nobody confirmed.
#[utoipa::path(
    post, path = "/plans/{id}/apply", tag = "Plans", operation_id = "apply_plan",
    security(("key" = ["apply"]), ("session" = [])),
    params(("id" = String, Path, description = "The plan's id"), Once),
    request_body = HowToApply,
    responses((status = 202, description = "It is in the queue; the job's `run` says what came of it", body = Job)),
)]
async fn apply(
    State(web): State<Web>,
    caller: Caller<Apply>,
    once: Once,
    Path(id): Path<String>,
    Sent(how): Sent<HowToApply>,
) -> Result<Accepted, Failure> {
    if how.first == Some(0) {
        return Err(Failure::field("first", "at least 1."));
    }
    if how.except.len() > MOST_LEFT_OUT {
        return Err(Failure::field(
            "except",
            format!("at most {MOST_LEFT_OUT} numbers."),
        ));
    }
    let plan = web.engine.plan(&caller.actor, &PlanId(id)).await?;
    if !plan.warnings.is_empty() && !how.confirm {
        return Err(engine::Error::NeedsConfirmation {
            plan: plan.id.to_string(),
            warnings: plan.warnings,
        }
        .into());
    }
    let kind = JobKind::Apply {
        bridge: plan.bridge,
        plan: plan.id,
        first: how.first,
        deselected: how.except,
        confirmed: how.confirm,
        in_doubt: false,
        despite_pause: how.while_paused,
        selection: None,
    };
    put(&web, &caller.actor, once, &kind).await
}
