//! Looking at the registry's clients: lists, one client, and the organizations whose devices are its assets.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use jiff::Timestamp;
use model::{Actor, ActorRole, BridgeId, Client, RecordId, RecordKind, SourceId};

/// The kind of connection whose clients and assets are the registry's.
const REGISTRY: &str = "registry";

/// A page of the list of clients, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientQuery {
    /// Only clients whose name contains this, whatever the case; empty for all.
    pub search: String,
    /// From large to small.
    pub descending: bool,
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows of the page.
    pub limit: u64,
}

/// A client as a line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLine {
    /// The client.
    pub client: Client,
    /// How many assets in use it has.
    pub assets: u64,
}

/// An organization whose devices are a client's assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSource {
    /// The bridge that joins them.
    pub bridge: BridgeId,
    /// Its name.
    pub bridge_name: String,
    /// The name of the connection the organization is read from.
    pub connection: String,
    /// What the source is, e.g. `NinjaOne`.
    pub kind: String,
    /// The organization.
    pub organization: SourceId,
    /// Its name; `None` when the last snapshot has it no more.
    pub name: Option<String>,
    /// When it was last read.
    pub read: Option<Timestamp>,
}

/// A client with where its assets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDetail {
    /// The client.
    pub client: Client,
    /// Its sources, by the name of the bridge; none while nothing is linked.
    pub sources: Vec<ClientSource>,
}

impl Engine {
    /// A page of the registry's clients, and how many there are on all pages.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn client_list(&self, actor: &Actor, query: &ClientQuery) -> Result<(Vec<ClientLine>, u64)> {
        require(actor, ActorRole::Viewer, "see clients")?;
        let wanted = query.search.trim().to_lowercase();
        let mut named: Vec<(String, Client)> = self
            .store
            .registry_clients()
            .await?
            .into_iter()
            .map(|client| (client.name.to_lowercase(), client))
            .filter(|(name, _)| name.contains(&wanted))
            .collect();
        named.sort_by(|a, b| (&a.0, &a.1.id).cmp(&(&b.0, &b.1.id)));
        if query.descending {
            named.reverse();
        }
        let total = named.len() as u64;
        let skipped = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let page: Vec<Client> = named
            .into_iter()
            .skip(skipped)
            .take(limit)
            .map(|(_, client)| client)
            .collect();
        let ids: Vec<RecordId> = page.iter().map(|client| client.id.clone()).collect();
        let counts = self.store.registry_asset_counts(&ids).await?;
        let lines = page.into_iter().map(|client| ClientLine {
            assets: counts.get(&client.id).copied().unwrap_or(0),
            client,
        });
        Ok((lines.collect(), total))
    }

    /// One client of the registry, with where its assets come from.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is none, or when the store fails.
    pub async fn client(&self, actor: &Actor, id: &RecordId) -> Result<ClientDetail> {
        require(actor, ActorRole::Viewer, "see clients")?;
        let clients = self.store.registry_clients().await?;
        let client = clients.into_iter().find(|client| client.id == *id);
        let client = client.ok_or_else(|| Error::Unknown {
            what: "client",
            name: id.to_string(),
            known: None,
        })?;
        let mut sources = Vec::new();
        for bridge in self.store.bridges().await? {
            if self.store.connection(&bridge.destination).await?.kind != REGISTRY {
                continue;
            }
            let links = self.store.links(&bridge.id, RecordKind::Client).await?;
            let linked = links.into_iter().filter(|(_, client)| client == id);
            let linked: Vec<SourceId> = linked.map(|(organization, _)| organization).collect();
            if linked.is_empty() {
                continue;
            }
            let connection = self.store.connection(&bridge.source).await?;
            let organizations = self.store.organizations(&bridge.source).await?;
            let read = self.store.current_snapshot(&bridge.source).await?;
            let kind = self.connectors.get(&connection.kind);
            let kind = kind.map_or_else(|_| connection.kind.clone(), |c| c.label().to_owned());
            for organization in linked {
                let known = organizations.iter().find(|o| o.id == organization);
                sources.push(ClientSource {
                    bridge: bridge.id.clone(),
                    bridge_name: bridge.name.clone(),
                    connection: connection.name.clone(),
                    kind: kind.clone(),
                    name: known.map(|o| o.name.clone()),
                    organization,
                    read: read.as_ref().map(|snapshot| snapshot.finished),
                });
            }
        }
        Ok(ClientDetail { client, sources })
    }
}
