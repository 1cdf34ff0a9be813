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
    may_sync: bool,
    /// Tells one press of Sync from another, so that a double click is one sync.
    once: i64,
    table: Table,
    rows: Vec<Row>,
}

/// An organization whose devices are this client's assets.
struct Source {
    kind: String,
    connection: String,
    organization: String,
    bridge: String,
    read: Option<When>,
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
    let sources: Vec<Source> = detail
        .sources
        .into_iter()
        .map(|source| Source {
            organization: source
                .name
                .unwrap_or_else(|| format!("organization {}, which is gone", source.organization)),
            kind: source.kind,
            connection: source.connection,
            bridge: source.bridge_name,
            read: source.read.map(|at| When::new(at, now)),
        })
        .collect();
    page(&ClientPage {
        frame: signed_in.frame(detail.client.name, Section::Clients).await?,
        address: format!("/clients/{id}"),
        may_sync: !sources.is_empty() && signed_in.may(ActorRole::Technician),
        sources,
        once: now.as_microsecond(),
        table: Table::new("Assets", ask, &COLUMNS, total)
            .searched_by("name or serial number")
            .with_chips(chips()),
        rows: assets.iter().map(|asset| Row::new(asset, now)).collect(),
    })
}
