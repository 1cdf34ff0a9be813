//! Where the two sides of a bridge differ, as its newest plan found it.

use super::caller::{Caller, Plan, Read};
use super::failure::{Answer, Failure};
use super::paging::Page;
use super::records::RecordKind;
use super::request::{Asked, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::drift::Differing;
use jiff::Timestamp;
use model::{DifferenceKey, Drift, Side};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most differences of one request.
const MOST: usize = 5_000;

/// Whose id names a difference.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoseId {
    Source,
    /// Of a record the source does not have.
    Destination,
}

/// What sort of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    OnlySource,
    OnlyDestination,
    /// Both have it, and a field differs.
    Differs,
    /// Both may have it, and they are not linked.
    Unlinked,
}

impl From<Drift> for Sort {
    fn from(drift: Drift) -> Self {
        match drift {
            Drift::OnlySource => Self::OnlySource,
            Drift::OnlyDestination => Self::OnlyDestination,
            Drift::Differs => Self::Differs,
            Drift::Unlinked => Self::Unlinked,
        }
    }
}

/// Which difference: a record, and one of its fields where it is about a field.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Whose id `record` is.
    side: WhoseId,
    /// What it is in the destination.
    kind: RecordKind,
    /// Its id at that side.
    record: String,
    /// Key of the field; empty for the whole record.
    #[serde(default)]
    field: String,
}

/// A difference.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// Which.
    which: Which,
    /// Of what sort.
    sort: Sort,
    /// What people call the record.
    label: String,
    /// The client's name; empty for what belongs to none.
    client: String,
    /// What the source has; of a whole record, whether it is there.
    source_value: Value,
    /// What the destination has; of a whole record, whether it is there.
    destination_value: Value,
    /// Why the planner sees it so.
    reason: String,
    /// Why somebody accepted it, while neither side changed since.
    accepted: Option<String>,
    /// The page of the source record.
    source_url: Option<String>,
    /// The page of the destination record.
    record_url: Option<String>,
}

/// A page of the differences.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferencePage {
    /// The plan that compared both sides.
    plan: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    planned: Timestamp,
    /// The differences of this page.
    items: Vec<Difference>,
    /// How many there are on all pages.
    total: u64,
    /// The page, from 1.
    page: u64,
    /// Differences of a page.
    per_page: u64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only of this sort
    sort: Option<Sort>,
    /// Only those that were accepted, or that were not
    accepted: Option<bool>,
    /// The page, from 1
    #[param(minimum = 1)]
    page: Option<u64>,
    /// Differences of a page, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
}

/// Differences that are fine as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Which, up to 5,000.
    #[schema(max_items = 5000)]
    differences: Vec<Which>,
    /// Why, for whoever looks at it later.
    reason: String,
}

/// Differences that count again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unaccept {
    /// Which, up to 5,000.
    #[schema(max_items = 5000)]
    differences: Vec<Which>,
}

impl From<DifferenceKey> for Which {
    fn from(key: DifferenceKey) -> Self {
        Self {
            side: match key.side {
                Side::Source => WhoseId::Source,
                Side::Destination => WhoseId::Destination,
            },
            kind: key.kind.into(),
            record: key.record,
            field: key.field,
        }
    }
}

impl From<Which> for DifferenceKey {
    fn from(which: Which) -> Self {
        Self {
            side: match which.side {
                WhoseId::Source => Side::Source,
                WhoseId::Destination => Side::Destination,
            },
            kind: which.kind.into(),
            record: which.record,
            field: which.field,
        }
    }
}

impl From<Differing> for Difference {
    fn from(differing: Differing) -> Self {
        let of = differing.difference;
        Self {
            which: of.key.into(),
            sort: of.drift.into(),
            label: of.label,
            client: of.client,
            source_value: of.source_value,
            destination_value: of.destination_value,
            reason: of.reason,
            accepted: differing.accepted.map(|accepted| accepted.reason),
            source_url: differing.source_url,
            record_url: differing.record_url,
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(accept))
        .routes(routes!(unaccept))
}

/// Where the two sides differ, by sort, client and name. What was applied of the plan since is left out.
#[utoipa::path(
    get, path = "/bridges/{id}/differences", tag = "Records", operation_id = "list_differences",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name"), Listed),
    responses((status = 200, description = "A page of them", body = DifferencePage)),
)]
async fn list(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
    Asked(listed): Asked<Listed>,
) -> Answer<DifferencePage> {
    let page = Page::asked(listed.page, listed.per_page)?;
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let report = web.engine.drift(&caller.actor, &bridge).await?;
    let mut all = report.differences;
    all.retain(|d| {
        listed.sort.is_none_or(|sort| sort == d.difference.drift.into())
            && listed
                .accepted
                .is_none_or(|accepted| accepted == d.accepted.is_some())
    });
    let total = all.len() as u64;
    let first = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(first).take(page.limit());
    Ok(Json(DifferencePage {
        plan: report.plan.0,
        planned: report.planned,
        items: items.map(Difference::from).collect(),
        total,
        page: page.page,
        per_page: page.per_page,
    }))
}

/// The keys, if they are not too many.
fn keys(differences: Vec<Which>) -> Result<Vec<DifferenceKey>, Failure> {
    match differences.len() > MOST {
        true => Err(Failure::field("differences", format!("At most {MOST} at once."))),
        false => Ok(differences.into_iter().map(DifferenceKey::from).collect()),
    }
}

/// Accepts differences for a reason: they are not counted until either side changes. Plans write what they would have.
#[utoipa::path(
    post, path = "/bridges/{id}/differences/accept", tag = "Records", operation_id = "accept_differences",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    request_body = Accept,
    responses((status = 204, description = "They are accepted")),
)]
async fn accept(
    State(web): State<Web>,
    caller: Caller<Plan>,
    Path(id): Path<String>,
    Sent(accept): Sent<Accept>,
) -> Result<StatusCode, Failure> {
    let keys = keys(accept.differences)?;
    if accept.reason.trim().is_empty() {
        return Err(Failure::field(
            "reason",
            "say why, for whoever looks at it later.",
        ));
    }
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    web.engine
        .accept_differences(&caller.actor, &bridge, &keys, &accept.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes back that differences are accepted.
#[utoipa::path(
    post, path = "/bridges/{id}/differences/unaccept", tag = "Records", operation_id = "unaccept_differences",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    request_body = Unaccept,
    responses((status = 204, description = "They count again")),
)]
async fn unaccept(
    State(web): State<Web>,
    caller: Caller<Plan>,
    Path(id): Path<String>,
    Sent(unaccept): Sent<Unaccept>,
) -> Result<StatusCode, Failure> {
    let keys = keys(unaccept.differences)?;
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    web.engine
        .unaccept_differences(&caller.actor, &bridge, &keys)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
