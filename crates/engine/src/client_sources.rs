//! Where a client's assets come from: the organizations it is linked to, which of several sources is in use, and
//! changing both. Nothing of it touches what another bridge has linked or decided.

use crate::bridges::REGISTRY;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use jiff::Timestamp;
use model::{
    Actor, ActorRole, Bridge, BridgeId, Client, OrganizationMatch, RecordId, RecordKind, SourceId, Verdict,
};
use plan::fold::fold;
use std::collections::BTreeMap;
use store::SeenMatches;

/// A bridge a client's assets may come over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSource {
    /// The bridge.
    pub bridge: BridgeId,
    /// Its name.
    pub bridge_name: String,
    /// The name of the connection organizations are read from.
    pub connection: String,
    /// What the source is, e.g. `NinjaOne`.
    pub kind: String,
    /// Whether the source is a PSA: clients are kept in it, too.
    pub is_psa: bool,
    /// Whether it is the one in use: nothing was chosen, or this was.
    pub in_use: bool,
    /// The organizations whose devices are this client's assets.
    pub organizations: Vec<LinkedOrganization>,
    /// When the source was last read.
    pub read: Option<Timestamp>,
}

/// An organization that is a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedOrganization {
    /// The organization.
    pub organization: SourceId,
    /// Its name; `None` when the last snapshot has it no more.
    pub name: Option<String>,
    /// Whether that was written already; otherwise the next sync does it.
    pub applied: bool,
}

/// An organization that can be linked to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationChoice {
    /// The organization.
    pub organization: SourceId,
    /// Its name.
    pub name: String,
    /// Devices it had in the last snapshot.
    pub devices: u64,
    /// Whether it is this client already.
    pub is_linked: bool,
    /// The other client it is.
    pub client: Option<String>,
    /// Why it may be this client.
    pub alike: Option<String>,
    /// What somebody decided about it.
    pub decided: Option<Verdict>,
}

impl Engine {
    /// The bridges a client of the registry may get its assets over.
    pub(crate) async fn sources_of(&self, actor: &Actor, client: &Client) -> Result<Vec<ClientSource>> {
        let mut sources = Vec::new();
        for bridge in self.store.bridges().await? {
            if self.store.connection(&bridge.destination).await?.kind != REGISTRY {
                continue;
            }
            let chosen = self.store.client_sources(&bridge.destination).await?;
            let connection = self.store.connection(&bridge.source).await?;
            let organizations = self.organizations_of(actor, &bridge, &client.id).await?;
            let ids: Vec<SourceId> = organizations.keys().cloned().collect();
            let names = self
                .store
                .source_names(&bridge.source, RecordKind::Client, &ids)
                .await?;
            let read = self.store.current_snapshot(&bridge.source).await?;
            let connector = self.connectors.get(&connection.kind).ok();
            sources.push(ClientSource {
                kind: connector.map_or_else(|| connection.kind.clone(), |c| c.label().to_owned()),
                is_psa: connector.is_some_and(|c| c.is_source() && c.is_destination()),
                in_use: chosen.get(&client.id).is_none_or(|of| *of == bridge.id),
                organizations: organizations
                    .into_iter()
                    .map(|(organization, applied)| LinkedOrganization {
                        name: names.get(&organization).cloned(),
                        organization,
                        applied,
                    })
                    .collect(),
                read: read.map(|snapshot| snapshot.finished),
                bridge: bridge.id,
                bridge_name: bridge.name,
                connection: connection.name,
            });
        }
        Ok(sources)
    }

    /// The organizations that are a client, by link, by what somebody decided, or by a rule nobody has to look at; whether
    /// a link says so already.
    pub(crate) async fn organizations_of(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        client: &RecordId,
    ) -> Result<BTreeMap<SourceId, bool>> {
        let linked = self
            .store
            .linked_to(&bridge.id, RecordKind::Client, client)
            .await?;
        let mut found: BTreeMap<SourceId, bool> = linked
            .into_iter()
            .map(|organization| (organization, true))
            .collect();
        if self.store.current_snapshot(&bridge.source).await?.is_none() {
            return Ok(found);
        }
        // An organization that is gone has its link alone; of the others matching has the last word.
        for row in &self.seen_matching(actor, bridge).await?.matching.rows {
            let organization = &row.organization.id;
            match &row.status {
                OrganizationMatch::Matched {
                    client: of,
                    needs_confirmation,
                    ..
                } if of == client && (row.linked || !needs_confirmation) => {
                    found.insert(organization.clone(), row.linked);
                }
                _ => {
                    found.remove(organization);
                }
            }
        }
        Ok(found)
    }

    /// Organizations of a bridge's source whose name contains `search`: those that are or resemble the client first,
    /// then by name; and how many there are.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read.
    pub async fn organization_choices(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        client: &RecordId,
        search: &str,
        limit: usize,
    ) -> Result<(Vec<OrganizationChoice>, u64)> {
        let seen = self.seen_matching(actor, bridge).await?;
        let wanted = fold(search);
        let mut found = Vec::new();
        for row in &seen.matching.rows {
            if !fold(&row.organization.name).contains(&wanted) {
                continue;
            }
            let (matched, alike) = match &row.status {
                OrganizationMatch::Matched {
                    client: of, reason, ..
                } => (Some(of), (of == client).then(|| reason.clone())),
                OrganizationMatch::Undecided { suggestions, .. } => {
                    let it = suggestions.iter().find(|s| s.client == *client);
                    (None, it.map(|s| s.reason.clone()))
                }
                _ => (None, None),
            };
            let is_linked = matched == Some(client);
            let other = matched.filter(|of| *of != client);
            found.push(OrganizationChoice {
                organization: row.organization.id.clone(),
                name: row.organization.name.clone(),
                devices: row.devices,
                is_linked,
                client: other
                    .and_then(|of| seen.matching.clients.get(of))
                    .map(|client| client.name.clone()),
                alike,
                decided: seen.decision(&row.organization.id).cloned(),
            });
        }
        let total = found.len() as u64;
        // Stable: by name otherwise.
        found.sort_by_key(|choice| (!choice.is_linked, choice.alike.is_none()));
        found.truncate(limit);
        Ok((found, total))
    }

    /// Links an organization to a client of the registry, and makes its bridge the one the client's assets come over.
    /// `seen` is what was decided of the organization before, as far as whoever links it knows. The next sync writes it.
    ///
    /// # Errors
    /// When one of them does not exist, or somebody decided about the organization meanwhile; nothing is stored then.
    pub async fn link_organization(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        client: &RecordId,
        organization: &SourceId,
        seen: Option<Verdict>,
    ) -> Result<()> {
        self.require_registry(bridge).await?;
        let before = seen_of(organization, seen);
        let verdict = Verdict::Matched {
            client: client.clone(),
        };
        let decision = vec![(organization.clone(), Some(verdict))];
        self.decide_as_seen(actor, bridge, &before, decision).await?;
        self.choose_source(actor, bridge, client).await
    }

    /// Takes an organization from a client: it is left alone from then on, and the client's assets stay as they are.
    ///
    /// # Errors
    /// As [`Engine::link_organization`].
    pub async fn unlink_organization(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        organization: &SourceId,
        seen: Option<Verdict>,
    ) -> Result<()> {
        self.require_registry(bridge).await?;
        let before = seen_of(organization, seen);
        let decision = vec![(organization.clone(), Some(Verdict::Exclude))];
        self.decide_as_seen(actor, bridge, &before, decision).await
    }

    /// Makes a bridge the one a client's assets come over; the others leave them as they are.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    pub async fn choose_source(&self, actor: &Actor, bridge: &Bridge, client: &RecordId) -> Result<()> {
        require(actor, ActorRole::Technician, "choose where assets come from")?;
        self.require_registry(bridge).await?;
        let chosen = self.store.client_sources(&bridge.destination).await?;
        if chosen.get(client) == Some(&bridge.id) {
            return Ok(());
        }
        let store = &self.acting(actor).store;
        let by = actor.to_string();
        Ok(store
            .choose_client_source(&bridge.destination, client, Some(&bridge.id), &by)
            .await?)
    }

    async fn require_registry(&self, bridge: &Bridge) -> Result<()> {
        let destination = self.store.connection(&bridge.destination).await?;
        match destination.kind == REGISTRY {
            true => Ok(()),
            false => Err(Error::Unknown {
                what: "bridge into the registry",
                name: bridge.name.clone(),
                known: None,
            }),
        }
    }
}

/// What whoever links or unlinks an organization saw. It is about a client that exists: what other bridges create is
/// nothing to it.
fn seen_of(organization: &SourceId, verdict: Option<Verdict>) -> SeenMatches {
    SeenMatches {
        verdicts: BTreeMap::from([(organization.clone(), verdict)]),
        ..SeenMatches::default()
    }
}
