//! The overview of what will be created, matched, left alone and left open; and Finish, which has it done.

use super::list::{Named, named};
use super::list_address;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Result, in_words};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::jobs;
use crate::ui::time::count;
use crate::ui::words::plainly;
use crate::ui::{Frame, page_with};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::bridges::BridgeDetail;
use engine::matching::MatchRow;
use model::{ActorRole, BridgeId, Client, JobKind, OrganizationMatch, RecordId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rows of a group that are shown; the others are counted.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "bridges/clients/overview.html")]
struct OverviewPage {
    frame: Frame,
    head: Head,
    list: String,
    here: String,
    may_finish: bool,
    problem: Option<String>,
    groups: Vec<Group>,
    devices: String,
    imports_devices: bool,
    open: u64,
    /// Matches somebody should look at before they are taken.
    doubtful: usize,
    generation: i64,
    once: i64,
}

/// Organizations to which the same happens.
struct Group {
    label: &'static str,
    says: &'static str,
    filter: &'static str,
    number: String,
    devices: Option<String>,
    rows: Vec<Line>,
    more: usize,
}

struct Line {
    organization: String,
    devices: String,
    client: Option<Named>,
    why: String,
}

fn why(status: &OrganizationMatch) -> &str {
    match status {
        OrganizationMatch::Matched { reason, .. }
        | OrganizationMatch::Create { reason }
        | OrganizationMatch::Excluded { reason }
        | OrganizationMatch::Undecided { reason, .. } => reason,
    }
}

fn group(
    (label, says, filter): (&'static str, &'static str, &'static str),
    rows: &[MatchRow],
    clients: &BTreeMap<RecordId, Client>,
    detail: &BridgeDetail,
) -> Group {
    let comes = detail.bridge.settings.devices && matches!(filter, "create" | "matched");
    let lines = rows.iter().take(SHOWN).map(|row| Line {
        organization: row.organization.name.clone(),
        devices: count(row.devices),
        client: match &row.status {
            OrganizationMatch::Matched { client, .. } => clients.get(client).map(|c| named(c, detail)),
            _ => None,
        },
        why: plainly(why(&row.status)),
    });
    Group {
        label,
        says,
        filter,
        number: count(rows.len()),
        devices: comes.then(|| count(rows.iter().map(|row| row.devices).sum::<u64>())),
        rows: lines.collect(),
        more: rows.len().saturating_sub(SHOWN),
    }
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    id: &BridgeId,
    problem: Option<String>,
    status: StatusCode,
) -> Result<Response> {
    let (detail, head) = Head::of(web, signed_in, id, Tab::Clients).await?;
    let overview = web
        .engine
        .match_overview(&signed_in.actor, &detail.bridge)
        .await?;
    let clients = &overview.clients;
    let groups = vec![
        group(
            ("To create", "A client is created for each of these.", "create"),
            &overview.create,
            clients,
            &detail,
        ),
        group(
            ("Matched", "These are clients you have.", "matched"),
            &overview.matched,
            clients,
            &detail,
        ),
        group(
            (
                "Excluded",
                "These are left alone, and so are their devices.",
                "excluded",
            ),
            &overview.excluded,
            clients,
            &detail,
        ),
        group(
            (
                "Left open",
                "Nothing happens to these before somebody decides.",
                "open",
            ),
            &overview.open,
            clients,
            &detail,
        ),
    ];
    let doubtful = |row: &&MatchRow| {
        let status = &row.status;
        !row.linked
            && matches!(
                status,
                OrganizationMatch::Matched {
                    needs_confirmation: true,
                    ..
                }
            )
    };
    let page = OverviewPage {
        doubtful: overview.matched.iter().filter(doubtful).count(),
        frame: signed_in.bridge_frame(&detail).await?,
        list: list_address(id),
        here: format!("{}/overview", list_address(id)),
        may_finish: signed_in.may(ActorRole::Technician),
        problem,
        groups,
        devices: count(overview.devices),
        imports_devices: overview.imports_devices,
        open: overview.open.len() as u64,
        generation: overview.generation,
        once: head.once,
        head,
    };
    page_with(status, &page)
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<BridgeId>) -> Result<Response> {
    render(&web, &signed_in, &id, None, StatusCode::OK).await
}

/// What Finish sends.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    generation: i64,
    once: i64,
    #[serde(default)]
    confirmed: String,
}

/// Has the overview applied by the queue, unless somebody changed something since it was made.
pub async fn finish(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let Pressed { generation, once, .. } = pressed;
    match engine.check_overview(actor, &id, generation).await {
        Ok(()) => {}
        Err(error @ engine::Error::StaleOverview { .. }) => {
            let said = Some(in_words(&error));
            return render(&web, &signed_in, &id, said, StatusCode::CONFLICT).await;
        }
        Err(error) => return Err(error.into()),
    }
    let kind = JobKind::Finish {
        bridge: id.clone(),
        generation,
        confirmed: !pressed.confirmed.is_empty(),
    };
    let key = format!("finish:{id}:{}:{once}", signed_in.person.id);
    let job = web.jobs.put(actor, &key, &kind).await?;
    Ok(Redirect::to(&jobs::address(&job, &list_address(&id))).into_response())
}
