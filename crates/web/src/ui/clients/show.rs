//! One client: its assets, and the organizations they come from.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::assets::list::{Row, chips, query};
use crate::ui::table::{Ask, Column, Table};
use crate::ui::time::When;
use crate::ui::{Frame, Section, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::client_sources::{ClientSource, LinkedOrganization};
use jiff::Timestamp;
use model::{ActorRole, RecordId};

const COLUMNS: [Column; 5] = [
    Column::text("name", "Name"),
    Column::text("serial", "Serial number"),
    Column::text("", "Model"),
    Column::text("", "Operating system"),
    Column::text("updated", "Changed"),
];

#[derive(Template)]
#[template(path = "clients/show.html")]
struct ClientPage {
    frame: Frame,
    address: String,
    sources: Vec<Source>,
    /// Whether there is something to choose between.
    may_choose: bool,
    may_sync: bool,
    /// Tells one press of Sync from another, so that a double click is one sync.
    once: i64,
    table: Table,
    rows: Vec<Row>,
}

/// A source of this client's assets.
pub struct Source {
    /// What it is, e.g. `NinjaOne`.
    pub kind: String,
    /// The name of the connection.
    pub connection: String,
    /// The bridge.
    pub bridge: String,
    /// The address of the bridge's page.
    pub bridge_address: String,
    /// Whether it is the one in use.
    pub in_use: bool,
    /// The organizations that are this client.
    pub organizations: Vec<Linked>,
    /// When it was last read.
    pub read: Option<When>,
}

/// An organization that is this client.
pub struct Linked {
    /// Its name.
    pub name: String,
    /// Whether that was written already.
    pub applied: bool,
}

impl Source {
    /// `source`, seen from `now`.
    pub fn new(source: &ClientSource, now: Timestamp) -> Self {
        Self {
            kind: source.kind.clone(),
            connection: source.connection.clone(),
            bridge: source.bridge_name.clone(),
            bridge_address: format!("/bridges/{}", source.bridge),
            in_use: source.in_use,
            organizations: source.organizations.iter().map(linked).collect(),
            read: source.read.map(|at| When::new(at, now)),
        }
    }
}

fn linked(organization: &LinkedOrganization) -> Linked {
    let gone = || format!("organization {}, which is gone", organization.organization);
    Linked {
        name: organization.name.clone().unwrap_or_else(gone),
        applied: organization.applied,
    }
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    ask: Ask,
) -> Result<Response> {
    let id = RecordId(id);
    let detail = web.engine.client(&signed_in.actor, &id).await?;
    let (assets, total) = web
        .engine
        .asset_list(&signed_in.actor, &query(&ask, Some(id.clone())))
        .await?;
    let now = web.engine.clock().now();
    let of_use = |source: &&ClientSource| !source.organizations.is_empty();
    let sources: Vec<Source> = detail
        .sources
        .iter()
        .filter(of_use)
        .map(|source| Source::new(source, now))
        .collect();
    page(&ClientPage {
        frame: signed_in.frame(detail.client.name, Section::Clients).await?,
        address: format!("/clients/{id}"),
        may_choose: detail.may_choose && signed_in.may(ActorRole::Technician),
        may_sync: sources.iter().any(|source| source.in_use) && signed_in.may(ActorRole::Technician),
        sources,
        once: now.as_microsecond(),
        table: Table::new("Assets", ask, &COLUMNS, total)
            .searched_by("name or serial number")
            .with_chips(chips()),
        rows: assets.iter().map(|asset| Row::new(asset, now)).collect(),
    })
}
