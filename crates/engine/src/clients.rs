//! Looking at the registry's clients: lists, one client, and where its assets come from.

use crate::client_sources::ClientSource;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Client, RecordId};

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

/// A client with where its assets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDetail {
    /// The client.
    pub client: Client,
    /// The bridges its assets may come over, by name.
    pub sources: Vec<ClientSource>,
    /// Whether there is something to choose: both a PSA and an RMM are configured as sources.
    pub may_choose: bool,
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
        let client = self.store.registry_client(id).await?;
        let client = client.ok_or_else(|| Error::Unknown {
            what: "client",
            name: id.to_string(),
            known: None,
        })?;
        let sources = self.sources_of(actor, &client).await?;
        let (psa, rmm): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.is_psa);
        Ok(ClientDetail {
            may_choose: !psa.is_empty() && !rmm.is_empty(),
            client,
            sources,
        })
    }
}
