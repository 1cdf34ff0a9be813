//! Which client an organization is: those it might be, and a search over all.

use super::list::{Named, Row, named};
use super::list_address;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::frame::back_to;
use crate::ui::time::count;
use crate::ui::{Frame, page};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use model::{BridgeId, SourceId};
use serde::Deserialize;

/// Clients that are shown at once; a search finds the others.
const SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "bridges/clients/choose.html")]
struct ChoosePage {
    frame: Frame,
    head: Head,
    row: Row,
    here: String,
    search: String,
    back: String,
    choices: Vec<Choice>,
    total: u64,
    more: String,
}

/// A client to choose.
struct Choice {
    choice: String,
    client: Named,
    holders: String,
}

/// What was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    back: String,
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path((id, organization)): Path<(BridgeId, SourceId)>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Clients).await?;
    let listed = engine.listed_match(actor, &detail.bridge, &organization).await?;
    let listed = listed.ok_or_else(|| Problem::missing("The last read has no such organization."))?;
    let search: String = asked.q.trim().chars().take(200).collect();
    let (found, total) = engine
        .client_choices(actor, &detail.bridge, &search, SHOWN)
        .await?;
    let back = match asked.back.is_empty() {
        true => list_address(&id),
        false => back_to(&asked.back).to_owned(),
    };
    let row = Row::new(&listed, &detail, &back);
    let choices: Vec<Choice> = found
        .iter()
        .map(|choice| Choice {
            choice: format!("{}\t{}", row.ticket, choice.client.id),
            client: named(&choice.client, &detail),
            holders: choice.holders.join(", "),
        })
        .collect();
    page(&ChoosePage {
        frame: signed_in.bridge_frame(&detail).await?,
        here: signed_in.asked.split('?').next().unwrap_or_default().to_owned(),
        more: count(total.saturating_sub(choices.len() as u64)),
        head,
        row,
        search,
        back,
        choices,
        total,
    })
}
