//! Choosing where a client's assets come from: which source is in use, and which of its organizations the client is. A
//! page of its own, which the pencil on the client's page shows as a dialog.

use super::show::Source;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::bridges::clients::Ticket;
use crate::ui::time::count;
use crate::ui::words::in_sentence;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::client_sources::OrganizationChoice;
use model::{Bridge, RecordId};
use serde::Deserialize;

/// Organizations that are shown at once; a search finds the others.
const SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "clients/source.html")]
struct SourcePage {
    frame: Frame,
    client: String,
    address: String,
    here: String,
    /// The source whose organizations are shown.
    bridge: String,
    sources: Vec<(Source, String, bool)>,
    chosen: bool,
    unread: bool,
    search: String,
    choices: Vec<Choice>,
    total: u64,
    more: String,
}

struct Choice {
    ticket: String,
    name: String,
    devices: String,
    is_linked: bool,
    said: String,
}

/// What was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    bridge: String,
    q: String,
}

impl Choice {
    fn new(choice: &OrganizationChoice) -> Self {
        let ticket = Ticket {
            organization: choice.organization.clone(),
            seen: choice.decided.clone(),
            // Nothing is created here.
            names_created: 0,
        };
        Self {
            ticket: ticket.text(),
            name: choice.name.clone(),
            devices: count(choice.devices),
            is_linked: choice.is_linked,
            said: match (&choice.client, &choice.alike) {
                (Some(other), _) => format!("is {other} at present"),
                (None, Some(alike)) => alike.clone(),
                (None, None) => String::new(),
            },
        }
    }
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<RecordId>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let detail = engine.client(actor, &id).await?;
    let shown = detail
        .sources
        .iter()
        .find(|source| source.bridge.as_str() == asked.bridge)
        .or_else(|| {
            detail
                .sources
                .iter()
                .find(|s| s.in_use && !s.organizations.is_empty())
        })
        .or_else(|| detail.sources.iter().find(|source| !source.is_psa))
        .or_else(|| detail.sources.first());
    let Some(shown) = shown else {
        return Err(Problem::missing("No bridge leads to this client yet."));
    };
    let bridge = engine.bridge_detail(actor, &shown.bridge).await?;
    let search: String = asked.q.trim().chars().take(200).collect();
    let (found, total) = match bridge.read {
        None => (Vec::new(), 0),
        Some(_) => {
            engine
                .organization_choices(actor, &bridge.bridge, &id, &search, SHOWN)
                .await?
        }
    };
    let now = engine.clock().now();
    let here = format!("/clients/{id}/source");
    page(&SourcePage {
        frame: signed_in
            .frame(detail.client.name.clone(), Section::Clients)
            .await?,
        client: detail.client.name.clone(),
        address: format!("/clients/{id}"),
        bridge: shown.bridge.to_string(),
        chosen: shown.in_use,
        unread: bridge.read.is_none(),
        sources: detail
            .sources
            .iter()
            .map(|source| {
                let address = format!("{here}?bridge={}", source.bridge);
                (Source::new(source, now), address, source.bridge == shown.bridge)
            })
            .collect(),
        search,
        more: count(total.saturating_sub(found.len() as u64)),
        choices: found.iter().map(Choice::new).collect(),
        total,
        here,
    })
}

/// What was pressed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pressed {
    bridge: String,
    link: String,
    unlink: String,
    #[serde(rename = "use")]
    use_it: String,
}

/// Links, unlinks, or takes a source into use.
pub async fn change(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<RecordId>,
    Form(pressed): Form<Pressed>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let client = in_sentence(&engine.client(actor, &id).await?.client.name);
    let bridge: Bridge = engine
        .bridge_detail(actor, &pressed.bridge.as_str().into())
        .await?
        .bridge;
    let ticket = |text: &str| {
        Ticket::parse(text).ok_or_else(|| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "This form was sent without what it is about.",
            )
            .advise("Go back and choose again")
        })
    };
    let (done, said) = if !pressed.link.is_empty() {
        let Ticket {
            organization, seen, ..
        } = ticket(&pressed.link)?;
        let name = in_sentence(
            &engine
                .find_organization(actor, &bridge, organization.as_str())
                .await?
                .name,
        );
        (
            engine
                .link_organization(actor, &bridge, &id, &organization, seen)
                .await,
            format!("{name} is linked to {client}. Sync brings its devices."),
        )
    } else if !pressed.unlink.is_empty() {
        let Ticket {
            organization, seen, ..
        } = ticket(&pressed.unlink)?;
        let name = in_sentence(
            &engine
                .find_organization(actor, &bridge, organization.as_str())
                .await?
                .name,
        );
        (
            engine
                .unlink_organization(actor, &bridge, &organization, seen)
                .await,
            format!("{name} is linked to {client} no more. The assets it brought stay as they are."),
        )
    } else if !pressed.use_it.is_empty() {
        (
            engine.choose_source(actor, &bridge, &id).await,
            format!("The assets of {client} come over {} from now on.", bridge.name),
        )
    } else {
        ticket("").map(|_| (Ok(()), String::new()))?
    };
    match done {
        Ok(()) => signed_in.flash(Tone::Good, said).await?,
        Err(error @ engine::Error::DecidedMeanwhile { .. }) => {
            signed_in.flash(Tone::Bad, in_words(&error)).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&format!("/clients/{id}")).into_response())
}
