//! Organizations and which client each of them is: list, decide.

use super::caller::{Caller, Plan, Read};
use super::failure::{Answer, Failure};
use super::paging::{Page, search};
use super::request::{Asked, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use engine::SeenMatches;
use engine::matching::{MatchRow, Matching};
use model::{OrganizationMatch, RecordId, SourceId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most decisions of one request.
const MOST_DECISIONS: usize = 5_000;

/// An organization and what matching says of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organization {
    /// Its id at the source.
    id: String,
    /// Its name.
    name: String,
    /// Devices it had when it was last read.
    devices: u64,
    /// What matching says.
    status: MatchStatus,
    /// The client it is, where it is one.
    client: Option<NamedClient>,
    /// The rule that says so: `link`, `person`, `stored_id`, `same_name`, `similar_name`.
    how: Option<String>,
    /// In how many characters the names differ, where names decided.
    distance: Option<u32>,
    /// Whether a person must confirm it before a schedule writes.
    needs_confirmation: bool,
    /// Why, in words.
    reason: String,
    /// Clients it might be, best first.
    suggestions: Vec<SuggestedClient>,
    /// Whether the link is stored already.
    linked: bool,
}

/// What matching says of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchStatus {
    Matched,
    Create,
    Excluded,
    Undecided,
}

/// A client by id and name.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedClient {
    /// Its id.
    id: String,
    /// Its name; null where it is gone.
    name: Option<String>,
}

/// A client an organization might be.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestedClient {
    /// Its id.
    id: String,
    /// Its name; null where it is gone.
    name: Option<String>,
    /// Why it might be.
    reason: String,
}

/// A page of organizations.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationPage {
    /// The organizations of this page.
    items: Vec<Organization>,
    /// How many there are on all pages.
    total: u64,
    /// The page, from 1.
    page: u64,
    /// Organizations of a page.
    per_page: u64,
    /// How far other bridges' creations by name were when this was read: what to send along when deciding.
    names_created: i64,
}

/// Decisions about organizations. All of them are stored, or none is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// The decisions, up to 5,000.
    #[schema(max_items = 5000)]
    decisions: Vec<Decision>,
    /// The `names_created` of the list they were made from. A wish for a new client is asked about again where another
    /// bridge began to create one of that name since; without this, since the decision was stored.
    #[serde(default)]
    names_created: Option<i64>,
}

/// A decision about one organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The organization's id.
    organization: String,
    /// What is decided.
    verdict: DecisionVerdict,
    /// The client it is: with `match` and only then.
    #[serde(default)]
    client: Option<String>,
}

/// What is decided: it is this client, a client is created for it, it is left alone, or an earlier decision is taken back.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionVerdict {
    Match,
    Create,
    Exclude,
    TakeBack,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only organizations of which matching says this
    status: Option<MatchStatus>,
    /// Only organizations whose name contains this, whatever the case
    q: Option<String>,
    /// The page, from 1
    #[param(minimum = 1)]
    page: Option<u64>,
    /// Organizations of a page, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decide))
}

/// The organizations of what was read last, and which client each is.
#[utoipa::path(
    get, path = "/bridges/{id}/organizations", tag = "Matches", operation_id = "list_organizations",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name"), Which),
    responses((status = 200, description = "A page of them, by name", body = OrganizationPage)),
)]
async fn list(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
    Asked(which): Asked<Which>,
) -> Answer<OrganizationPage> {
    let page = Page::asked(which.page, which.per_page)?;
    let wanted = search(which.q)?.to_lowercase();
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let Matching {
        rows,
        clients,
        names_created,
        ..
    } = web.engine.matching(&caller.actor, &bridge).await?;
    let name = |id: &RecordId| clients.get(id).map(|client| client.name.clone());
    let shown = rows.into_iter().filter(|row| {
        which.status.is_none_or(|status| status == status_of(&row.status))
            && row.organization.name.to_lowercase().contains(&wanted)
    });
    let shown: Vec<MatchRow> = shown.collect();
    let total = shown.len() as u64;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let items = shown.into_iter().skip(skipped).take(page.limit());
    Ok(Json(OrganizationPage {
        items: items.map(|row| organization(row, name)).collect(),
        total,
        page: page.page,
        per_page: page.per_page,
        names_created,
    }))
}

/// Stores what a person decided about organizations.
#[utoipa::path(
    post, path = "/bridges/{id}/organizations/decide", tag = "Matches", operation_id = "decide_organizations",
    security(("key" = ["plan"]), ("session" = [])),
    params(("id" = String, Path, description = "The bridge, by id or name")),
    request_body = Decisions,
    responses((status = 204, description = "They are stored; plans made before are refused from now on")),
)]
async fn decide(
    State(web): State<Web>,
    caller: Caller<Plan>,
    Path(id): Path<String>,
    Sent(sent): Sent<Decisions>,
) -> Result<StatusCode, Failure> {
    if sent.decisions.len() > MOST_DECISIONS {
        return Err(Failure::field(
            "decisions",
            format!("At most {MOST_DECISIONS} at once."),
        ));
    }
    let bridge = web.engine.find_bridge(&caller.actor, Some(&id)).await?;
    let decisions: Result<Vec<_>, Failure> = sent.decisions.into_iter().map(verdict).collect();
    let (engine, actor) = (&web.engine, &caller.actor);
    match sent.names_created {
        None => engine.decide(actor, &bridge, decisions?).await?,
        Some(names_created) => {
            let seen = SeenMatches {
                names_created,
                ..SeenMatches::default()
            };
            engine.decide_as_seen(actor, &bridge, &seen, decisions?).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn verdict(decision: Decision) -> Result<(SourceId, Option<Verdict>), Failure> {
    let verdict = match (decision.verdict, decision.client) {
        (DecisionVerdict::Match, Some(client)) => Some(Verdict::Matched {
            client: RecordId(client),
        }),
        (DecisionVerdict::Match, None) => {
            return Err(Failure::field("client", "`match` needs the client it is."));
        }
        (_, Some(_)) => return Err(Failure::field("client", "it goes with `match` alone.")),
        (DecisionVerdict::Create, None) => Some(Verdict::Create),
        (DecisionVerdict::Exclude, None) => Some(Verdict::Exclude),
        (DecisionVerdict::TakeBack, None) => None,
    };
    Ok((SourceId(decision.organization), verdict))
}

fn status_of(status: &OrganizationMatch) -> MatchStatus {
    match status {
        OrganizationMatch::Matched { .. } => MatchStatus::Matched,
        OrganizationMatch::Create { .. } => MatchStatus::Create,
        OrganizationMatch::Excluded { .. } => MatchStatus::Excluded,
        OrganizationMatch::Undecided { .. } => MatchStatus::Undecided,
    }
}

fn organization(row: MatchRow, name: impl Fn(&RecordId) -> Option<String>) -> Organization {
    let mut shown = Organization {
        status: status_of(&row.status),
        id: row.organization.id.0,
        name: row.organization.name,
        devices: row.devices,
        client: None,
        how: None,
        distance: None,
        needs_confirmation: false,
        reason: String::new(),
        suggestions: Vec::new(),
        linked: row.linked,
    };
    match row.status {
        OrganizationMatch::Matched {
            client,
            how,
            distance,
            needs_confirmation,
            reason,
        } => {
            shown.client = Some(NamedClient {
                name: name(&client),
                id: client.0,
            });
            shown.how = serde_json::to_value(how)
                .ok()
                .and_then(|how| how.as_str().map(str::to_owned));
            shown.distance = distance;
            shown.needs_confirmation = needs_confirmation;
            shown.reason = reason;
        }
        OrganizationMatch::Create { reason } | OrganizationMatch::Excluded { reason } => {
            shown.reason = reason
        }
        OrganizationMatch::Undecided { suggestions, reason } => {
            shown.reason = reason;
            let suggestions = suggestions.into_iter().map(|suggestion| SuggestedClient {
                name: name(&suggestion.client),
                id: suggestion.client.0,
                reason: suggestion.reason,
            });
            shown.suggestions = suggestions.collect();
        }
    }
    shown
}
