//! Clients of the built-in registry: list, show, sync.

use super::caller::{Apply, Caller, Read};
use super::failure::{Answer, Failure};
use super::jobs::{Accepted, Job, put};
use super::paging::{Page, search};
use super::request::{Asked, Once, Sent};
use crate::Web;
use axum::Json;
use axum::extract::{Path, State};
use engine::clients::{ClientDetail, ClientLine, ClientQuery};
use jiff::Timestamp;
use model::{BridgeId, JobKind, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct Client {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// How many assets in use it has.
    assets: u64,
}

/// A page of the clients.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientPage {
    /// The clients of this page.
    items: Vec<Client>,
    /// How many there are on all pages.
    total: u64,
    /// The page, from 1.
    page: u64,
    /// Clients of a page.
    per_page: u64,
}

/// A client with the organizations whose devices are its assets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientWithSources {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Where its assets come from; none while nothing is linked.
    sources: Vec<ClientSource>,
}

/// An organization whose devices are a client's assets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientSource {
    /// The bridge that joins them.
    bridge: String,
    /// The bridge's name.
    bridge_name: String,
    /// The name of the connection it is read from.
    connection: String,
    /// Whether its devices are the client's assets; another of the client's sources may be chosen instead.
    in_use: bool,
    /// The organization's id there.
    organization: String,
    /// Its name; null when the last read no more had it.
    name: Option<String>,
    /// When it was last read.
    #[schema(value_type = Option<String>, format = DateTime)]
    read: Option<Timestamp>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only clients whose name contains this, whatever the case
    q: Option<String>,
    /// `name` or `-name`
    sort: Option<ClientOrder>,
    /// The page, from 1
    #[param(minimum = 1)]
    page: Option<u64>,
    /// Clients of a page, 1 to 200; 50 unless given
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
}

/// What clients are sorted by.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub enum ClientOrder {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
}

/// How a sync goes about it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSync {
    /// The bridge, by id or name; not needed while one bridge alone feeds the client.
    bridge: Option<String>,
    /// Write even what the brakes would stop.
    confirm: bool,
}

impl From<ClientLine> for Client {
    fn from(line: ClientLine) -> Self {
        Self {
            id: line.client.id.0,
            name: line.client.name,
            assets: line.assets,
        }
    }
}

impl From<ClientDetail> for ClientWithSources {
    fn from(detail: ClientDetail) -> Self {
        let sources = detail.sources.into_iter().flat_map(|source| {
            let of = source.organizations.into_iter();
            of.map(move |linked| ClientSource {
                bridge: source.bridge.0.clone(),
                bridge_name: source.bridge_name.clone(),
                connection: source.connection.clone(),
                in_use: source.in_use,
                organization: linked.organization.0,
                name: linked.name,
                read: source.read,
            })
        });
        Self {
            id: detail.client.id.0,
            name: detail.client.name,
            sources: sources.collect(),
        }
    }
}

/// The operations.
pub fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(sync))
}

/// The clients, a page at a time.
#[utoipa::path(
    get, path = "/clients", tag = "Clients", operation_id = "list_clients",
    security(("key" = ["read"]), ("session" = [])),
    params(Which),
    responses((status = 200, description = "A page of them", body = ClientPage)),
)]
async fn list(
    State(web): State<Web>,
    caller: Caller<Read>,
    Asked(which): Asked<Which>,
) -> Answer<ClientPage> {
    let page = Page::asked(which.page, which.per_page)?;
    let query = ClientQuery {
        search: search(which.q)?,
        descending: matches!(which.sort, Some(ClientOrder::NameDown)),
        offset: page.offset(),
        limit: page.per_page,
    };
    let (lines, total) = web.engine.client_list(&caller.actor, &query).await?;
    Ok(Json(ClientPage {
        items: lines.into_iter().map(Client::from).collect(),
        total,
        page: page.page,
        per_page: page.per_page,
    }))
}

/// One client, with where its assets come from.
#[utoipa::path(
    get, path = "/clients/{id}", tag = "Clients", operation_id = "show_client",
    security(("key" = ["read"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The client", body = ClientWithSources)),
)]
async fn show(
    State(web): State<Web>,
    caller: Caller<Read>,
    Path(id): Path<String>,
) -> Answer<ClientWithSources> {
    Ok(Json(
        web.engine.client(&caller.actor, &RecordId(id)).await?.into(),
    ))
}

/// Reads, plans and applies within the brakes what concerns one client, as a job.
#[utoipa::path(
    post, path = "/clients/{id}/sync", tag = "Clients", operation_id = "sync_client",
    security(("key" = ["apply"]), ("session" = [])),
    params(("id" = String, Path, description = "Its id"), Once),
    request_body = ClientSync,
    responses((status = 202, description = "It is in the queue", body = Job)),
)]
async fn sync(
    State(web): State<Web>,
    caller: Caller<Apply>,
    once: Once,
    Path(id): Path<String>,
    Sent(how): Sent<ClientSync>,
) -> Result<Accepted, Failure> {
    let client = RecordId(id);
    let mut bridges: Vec<BridgeId> = match &how.bridge {
        Some(bridge) => vec![web.engine.find_bridge(&caller.actor, Some(bridge)).await?.id],
        None => {
            let detail = web.engine.client(&caller.actor, &client).await?;
            detail.sources.into_iter().map(|source| source.bridge).collect()
        }
    };
    bridges.sort();
    bridges.dedup();
    let bridge = match bridges.as_slice() {
        [one] => one.clone(),
        [] => {
            let what = "no bridge feeds this client: nothing is linked to it.";
            return Err(Failure::field("bridge", what));
        }
        _ => {
            return Err(Failure::field(
                "bridge",
                "several bridges feed this client: name one.",
            ));
        }
    };
    let kind = JobKind::Sync {
        bridge,
        client: Some(client),
        confirmed: how.confirm,
    };
    put(&web, &caller.actor, once, &kind).await
}
