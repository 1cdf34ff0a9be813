//! What is done for many organizations at once, each with what it would do before it: Auto-Match all, and Create
//! Unmatched.

use super::list_address;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::form::Field;
use crate::ui::time::count;
use crate::ui::words::plainly;
use crate::ui::{Frame, Tone, page};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::match_list::MatchQuery;
use engine::matching::MatchRow;
use engine::wizard::Unmatched;
use model::{ActorRole, BridgeId, OrganizationMatch};
use serde::Deserialize;

/// Rows of a preview; the others are counted.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "bridges/clients/auto_match.html")]
struct AutoMatchPage {
    frame: Frame,
    head: Head,
    list: String,
    may_decide: bool,
    rows: Vec<Found>,
    total: String,
    more: usize,
}

struct Found {
    organization: String,
    why: String,
}

#[derive(Template)]
#[template(path = "bridges/clients/unmatched.html")]
struct UnmatchedPage {
    frame: Frame,
    head: Head,
    list: String,
    may_decide: bool,
    open: u64,
    which: Field,
}

fn reason(row: &MatchRow) -> String {
    match &row.status {
        OrganizationMatch::Matched { reason, .. } => plainly(reason),
        _ => String::new(),
    }
}

/// What Auto-Match all would match.
pub async fn auto_match(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Clients).await?;
    let found = web
        .engine
        .auto_match_preview(&signed_in.actor, &detail.bridge)
        .await?;
    let rows = found.iter().take(SHOWN).map(|row| Found {
        organization: row.organization.name.clone(),
        why: reason(row),
    });
    page(&AutoMatchPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        list: list_address(&id),
        may_decide: signed_in.may(ActorRole::Technician),
        rows: rows.collect(),
        total: count(found.len()),
        more: found.len().saturating_sub(SHOWN),
    })
}

/// Matches all the rules find.
pub async fn match_all(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
) -> Result<Response> {
    let detail = web.engine.bridge_detail(&signed_in.actor, &id).await?;
    let matched = web.engine.auto_match(&signed_in.actor, &detail.bridge).await?;
    let sentence = match matched.len() {
        0 => "There was nothing to match.".to_owned(),
        1 => "One organization is matched.".to_owned(),
        n => format!("{} organizations are matched.", count(n)),
    };
    signed_in.flash(Tone::Good, sentence).await?;
    Ok(Redirect::to(&list_address(&id)).into_response())
}

/// How many clients would be created.
pub async fn unmatched(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Clients).await?;
    let none = MatchQuery::default();
    let counts = web
        .engine
        .match_list(&signed_in.actor, &detail.bridge, &none)
        .await?
        .counts;
    let strangers = counts.open - counts.alike;
    let clients = |number: u64| match number {
        1 => "One client".to_owned(),
        n => format!("{} clients", count(n)),
    };
    let some = match counts.alike {
        0 => format!("{}. No other organization is open.", clients(strangers)),
        1 => format!(
            "{}. One more may be a client you have already: it stays open.",
            clients(strangers)
        ),
        n => format!(
            "{}. The other {} may be clients you have already: they stay open.",
            clients(strangers),
            count(n)
        ),
    };
    let all = format!(
        "{}, also where an organization resembles one you have.",
        clients(counts.open)
    );
    let which = [
        ("resembling-none", "Those that resemble no client", some.as_str()),
        ("all", "All that are neither matched nor excluded", all.as_str()),
    ];
    page(&UnmatchedPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        list: list_address(&id),
        may_decide: signed_in.may(ActorRole::Technician),
        open: counts.open,
        which: Field::radio("which", "Create a client for", which).value(if strangers > 0 {
            "resembling-none"
        } else {
            "all"
        }),
    })
}

/// Which ones.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default)]
    which: String,
}

/// Decides that a client is created for each.
pub async fn create_unmatched(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(Which { which }): Form<Which>,
) -> Result<Response> {
    let which = match which.as_str() {
        "all" => Unmatched::All,
        "resembling-none" => Unmatched::ResemblingNone,
        _ => {
            let what = "This form was sent without which organizations it is about.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what));
        }
    };
    let detail = web.engine.bridge_detail(&signed_in.actor, &id).await?;
    let created = web
        .engine
        .create_unmatched(&signed_in.actor, &detail.bridge, which)
        .await?;
    let sentence = match created.len() {
        0 => "There was nothing to create.".to_owned(),
        1 => "A client will be created for one organization. Nothing is written before Finish.".to_owned(),
        n => format!(
            "A client will be created for each of {} organizations. Nothing is written before Finish.",
            count(n)
        ),
    };
    signed_in.flash(Tone::Good, sentence).await?;
    Ok(Redirect::to(&list_address(&id)).into_response())
}
