//! What only a person can tell: whose values stand where both sides changed one, and which of several records one is.

use super::caller::{Caller, Plan, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::records::RecordKind;
use super::request::{Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use engine::conflicts::ConflictChoice;
use jiff::Timestamp;
use model::{ConflictVerdict, JobKind, PlanId, RecordId, SourceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most fields of one decision.
const MOST_FIELDS: usize = 5_000;

/// The open conflicts of a bridge, as its newest plan found them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflicts {
    /// The plan; a decision names it.
    plan: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    planned: Timestamp,
    /// Those nobody decided since.
    items: Vec<Conflict>,
}

/// A field whose value a person changed in the destination, while the source has something else again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conflict {
    /// The device's id in the source.
    device: String,
    /// Key of the field.
    field: String,
    /// What people call the device.
    label: String,
    /// The name of its client.
    client: String,
    /// What the source has; null when blank.
    source_value: Value,
    /// What stands in the destination; null when blank.
    destination_value: Value,
    /// The run that last wrote it, if the bridge ever did.
    written_by: Option<String>,
    /// The asset, where it is linked already.
    record: Option<String>,
    /// The page of the device.
    source_url: Option<String>,
    /// The page of the asset.
    record_url: Option<String>,
}

/// Whose value stands.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The source's: the next plan writes it.
    Source,
    /// The destination's, until either side changes again.
    Destination,
}

/// A field of a device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceField {
    /// The device's id in the source.
    device: String,
    /// Key of the field.
    field: String,
}

/// A decision about conflicts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The plan whose conflicts were looked at; refused when a newer one was made.
    plan: String,
    /// Whose values stand.
    whose: Whose,
    /// Only these fields, up to 5,000; everything that is open when there are none.
    #[serde(default)]
    #[schema(max_items = 5000)]
    only: Vec<DeviceField>,
}

/// How many were decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    /// Fields.
    decided: usize,
}

/// A source record that several destination records may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Duplicate {
    /// What it is in the destination.
    kind: RecordKind,
    /// The source's id of it.
    source_id: String,
    /// What people call it.
    label: String,
    /// The name of its client; empty where it is not known.
    client: String,
    /// Why it cannot be told.
    reason: String,
    /// The records it may be.
    candidates: Vec<Candidate>,
    /// The page of the source record.
    source_url: Option<String>,
}

/// One of the records it may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// The destination's id of it.
    record: String,
    /// Its name, where it is known.
    name: Option<String>,
    /// Its page.
    url: Option<String>,
}

/// Which record it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItIs {
    /// What it is in the destination.
    kind: RecordKind,
    /// The source's id of it.
    source_id: String,
    /// The candidate that it is.
    record: String,
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(conflicts))
        .routes(routes!(decide))
        .routes(routes!(duplicates))
        .routes(routes!(link))
}

/// The fields that both sides changed and the bridge asks about.
#[utoipa::path(
    get, path = "/bridges/{id}/conflicts", tag = "Records", operation_id = "list_conflicts",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    responses((status = 200, description = "The open ones", body = Conflicts)),
)]
async fn conflicts(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Answer<Conflicts> {
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let found = web.engine.conflicts(&caller.actor, &bridge).await?;
    let items = found.open.into_iter().map(|conflict| Conflict {
        device: conflict.device.0,
        field: conflict.field,
        label: conflict.label,
        client: conflict.client,
        source_value: conflict.source_value,
        destination_value: conflict.destination_value,
        written_by: conflict.written.map(|written| written.run.0),
        record: conflict.asset.map(|asset| asset.0),
        source_url: conflict.source_url,
        record_url: conflict.record_url,
    });
    Ok(Json(Conflicts {
        plan: found.plan.0,
        planned: found.planned,
        items: items.collect(),
    }))
}

/// Says whose values stand. Nothing is written by that: the next plan does.
#[utoipa::path(
    post, path = "/bridges/{id}/conflicts/decide", tag = "Records", operation_id = "decide_conflicts",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    request_body = Decision,
    responses((status = 200, description = "It counts from now on", body = Decided)),
)]
async fn decide(
    State(web): State<Web>,
    caller: Caller<Plan>,
    Path(id): Path<String>,
    Sent(decision): Sent<Decision>,
) -> Answer<Decided> {
    if decision.only.len() > MOST_FIELDS {
        return Err(Failure::field("only", format!("At most {MOST_FIELDS} at once.")));
    }
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let only = decision.only.into_iter();
    let choice = ConflictChoice {
        only: only.map(|of| (SourceId(of.device), of.field)).collect(),
        seen: Some(PlanId(decision.plan)),
        ..ConflictChoice::default()
    };
    let verdict = match decision.whose {
        Whose::Source => ConflictVerdict::Take,
        Whose::Destination => ConflictVerdict::Keep,
    };
    let decided = web
        .engine
        .decide_conflicts(&caller.actor, &bridge, &choice, verdict)
        .await?;
    Ok(Json(Decided {
        decided: decided.len(),
    }))
}

/// The source records that several destination records may be. The destination is asked.
#[utoipa::path(
    get, path = "/bridges/{id}/duplicates", tag = "Records", operation_id = "list_duplicates",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    responses((status = 200, description = "The records", body = Vec<Duplicate>)),
)]
async fn duplicates(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Answer<Vec<Duplicate>> {
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let found = web.engine.duplicates(&caller.actor, &bridge).await?;
    let found = found.into_iter().map(|of| Duplicate {
        kind: of.kind.into(),
        source_id: of.source.0,
        label: of.label,
        client: of.client,
        reason: of.reason,
        candidates: of
            .candidates
            .into_iter()
            .map(|candidate| Candidate {
                record: candidate.record.0,
                name: candidate.name,
                url: candidate.url,
            })
            .collect(),
        source_url: of.source_url,
    });
    Ok(Json(found.collect()))
}

/// Links a source record to the one of its candidates that it is, as a job. Nothing is written to the destination.
#[utoipa::path(
    post, path = "/bridges/{id}/duplicates/link", tag = "Records", operation_id = "link_duplicate",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name"), Once),
    request_body = ItIs,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn link(
    State(web): State<Web>,
    caller: Caller<Plan>,
    once: Once,
    Path(id): Path<String>,
    Sent(it_is): Sent<ItIs>,
) -> Result<Accepted, Failure> {
    let kind = JobKind::LinkDuplicate {
        bridge: web.engine.find_bridge(&caller.actor, Some(&id)).await?.id,
        record: it_is.kind.into(),
        source: SourceId(it_is.source_id),
        is: RecordId(it_is.record),
    };
    put(&web, &caller.actor, once, &kind).await
}
