//! Which organization is which client: what the rules say, and what people decide.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::Destination;
use model::{
    Actor, ActorRole, Asset, Bridge, Client, Decision, NewOrganizations, Organization, OrganizationMatch,
    RecordId, RecordKind, SourceId, Verdict,
};
use plan::{OrganizationsInput, SharedSerials};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::SeenMatches;
use tokio::sync::mpsc;

/// One organization and what matching says of it.
#[derive(Clone, Debug)]
pub struct MatchRow {
    /// The organization.
    pub organization: Organization,
    /// Devices it had in the last snapshot.
    pub devices: u64,
    /// What matching says.
    pub status: OrganizationMatch,
    /// Whether a link is stored already.
    pub linked: bool,
    /// Whether somebody asked for a client, and has to say so again: another bridge began to create one of this name since.
    pub overtaken: bool,
}

/// The matching of a bridge.
#[derive(Clone, Debug)]
pub struct Matching {
    /// Every organization, by name.
    pub rows: Vec<MatchRow>,
    /// Every client of the destination, by id.
    pub clients: BTreeMap<RecordId, Client>,
    /// How far the destination's count of creations by name was before its clients were read.
    pub names_created: i64,
    /// What is decided, of those a person decided about.
    pub decided: BTreeMap<SourceId, Verdict>,
}

impl Matching {
    /// What somebody who looks at this sees of these organizations before deciding about them.
    pub fn seen<'a>(&self, organizations: impl IntoIterator<Item = &'a SourceId>) -> SeenMatches {
        let verdicts = organizations
            .into_iter()
            .map(|id| (id.clone(), self.decided.get(id).cloned()));
        SeenMatches {
            verdicts: verdicts.collect(),
            names_created: self.names_created,
        }
    }
}

impl Engine {
    /// What the rules and decisions of a bridge say about every organization of the last snapshot.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read.
    pub async fn matching(&self, actor: &Actor, bridge: &Bridge) -> Result<Matching> {
        require(actor, ActorRole::Viewer, "see matches")?;
        // Before the clients: what is created by name from here on may not be among them.
        let names_created = self.store.names_created(&bridge.destination).await?;
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let mut clients = match destination.clients().await {
            Ok(clients) => clients,
            Err(error) => return Err(self.met(&connection, error).await),
        };
        let told = self.stored_ids(bridge).await?;
        for client in &mut clients {
            client.source_id = client
                .source_id
                .take()
                .filter(|id| told.tell(RecordKind::Client, id));
        }
        let organizations = self.organizations_read(bridge).await?;
        let links = self.store.links(&bridge.id, RecordKind::Client).await?;
        let mut decisions = self.store.decisions(&bridge.id).await?;
        let decided = decisions
            .iter()
            .map(|(organization, decision)| (organization.clone(), decision.verdict.clone()))
            .collect();
        let creates = destination.capabilities().create_clients;
        // Where no client can be created, the wish to have one waits: once somebody made it there, its name matches.
        let mut wished: BTreeSet<SourceId> = BTreeSet::new();
        if !creates {
            let asked = decisions.extract_if(.., |_, decision| decision.verdict == Verdict::Create);
            wished.extend(asked.map(|(organization, _)| organization));
        }
        let open: Vec<&Organization> = organizations
            .iter()
            .filter(|o| !links.contains_key(&o.id) && !decisions.contains_key(&o.id))
            .collect();
        let shared = if bridge.settings.matching.shared_serials && !open.is_empty() {
            match serials_of(destination.as_ref()).await {
                Ok(owners) => self.shared_serials(bridge, &open, &owners).await?,
                Err(error) => return Err(self.met(&connection, error).await),
            }
        } else {
            Vec::new()
        };
        let asked: BTreeMap<SourceId, String> = organizations
            .iter()
            .filter(|o| !links.contains_key(&o.id))
            .filter(|o| decisions.get(&o.id).is_some_and(|d| d.verdict == Verdict::Create))
            .map(|o| (o.id.clone(), plan::fold::fold(&o.name)))
            .collect();
        let overtaken = self.store.overtaken_decisions(bridge, &asked).await?;
        let mut statuses = plan::match_organizations(&OrganizationsInput {
            organizations: &organizations,
            clients: &clients,
            links: &links,
            decisions: &decisions,
            overtaken: &overtaken,
            rules: bridge.settings.matching,
            new_organizations: match creates {
                true => bridge.settings.new_organizations,
                false => NewOrganizations::Ask,
            },
            shared_serials: &shared,
        });
        if !creates {
            let system = self
                .connectors
                .get(&connection.kind)
                .map_or("the destination", |connector| connector.label());
            for organization in organizations.iter().filter(|o| wished.contains(&o.id)) {
                if let Some(OrganizationMatch::Undecided { reason, .. }) = statuses.get_mut(&organization.id)
                {
                    *reason = create_it_there(system, &organization.name);
                }
            }
        }
        let counts = self.store.device_counts(&bridge.source).await?;
        let rows = organizations
            .into_iter()
            .filter_map(|organization| {
                let status = statuses.get(&organization.id)?.clone();
                let devices = counts.get(&organization.id).copied().unwrap_or(0);
                // A link to another client than a person says now is one the plan has to move.
                let linked = match &status {
                    OrganizationMatch::Matched { client, .. } => links.get(&organization.id) == Some(client),
                    _ => links.contains_key(&organization.id),
                };
                Some(MatchRow {
                    overtaken: overtaken.contains(&organization.id),
                    organization,
                    devices,
                    status,
                    linked,
                })
            })
            .collect();
        Ok(Matching {
            rows,
            clients: clients.into_iter().map(|c| (c.id.clone(), c)).collect(),
            names_created,
            decided,
        })
    }

    /// Stores what a person decided about organizations, whatever was decided before; `None` takes a decision back.
    ///
    /// # Errors
    /// When an organization or client does not exist; nothing is stored then.
    pub async fn decide(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        decisions: Vec<(SourceId, Option<Verdict>)>,
    ) -> Result<()> {
        let seen = SeenMatches {
            names_created: self.store.names_created(&bridge.destination).await?,
            ..SeenMatches::default()
        };
        self.decide_as_seen(actor, bridge, &seen, decisions).await
    }

    /// The same for somebody who saw what was decided before, and which clients there were.
    ///
    /// # Errors
    /// [`Error::DecidedMeanwhile`] when somebody decided otherwise about one of them since; nothing is stored then.
    pub async fn decide_as_seen(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        seen: &SeenMatches,
        decisions: Vec<(SourceId, Option<Verdict>)>,
    ) -> Result<()> {
        let stored = self.judged(actor, bridge, decisions).await?;
        let store = &self.acting(actor).store;
        match store.decide(&bridge.id, &stored, seen).await {
            Err(store::Error::Moved { what }) => {
                let known = self.organizations_read(bridge).await?;
                let name = known.into_iter().find(|o| o.id.as_str() == what);
                Err(Error::DecidedMeanwhile {
                    organization: name.map_or(what, |o| o.name),
                })
            }
            other => Ok(other?),
        }
    }

    /// Decisions as they are stored, when all they speak of exists.
    async fn judged(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        decisions: Vec<(SourceId, Option<Verdict>)>,
    ) -> Result<Vec<(SourceId, Option<Decision>)>> {
        require(actor, ActorRole::Technician, "decide matches")?;
        let organizations = self.organizations_read(bridge).await?;
        let organizations: BTreeSet<&SourceId> = organizations.iter().map(|o| &o.id).collect();
        let chosen = decisions
            .iter()
            .any(|(_, v)| matches!(v, Some(Verdict::Matched { .. })));
        let clients = match chosen {
            true => self.clients_of(bridge).await?,
            false => Vec::new(),
        };
        let clients: BTreeSet<&RecordId> = clients.iter().map(|c| &c.id).collect();
        let at = self.clock().now();
        let mut stored = Vec::with_capacity(decisions.len());
        for (organization, verdict) in decisions {
            if !organizations.contains(&organization) {
                return Err(Error::Unknown {
                    what: "organization",
                    name: organization.to_string(),
                    known: None,
                });
            }
            if let Some(Verdict::Matched { client }) = &verdict
                && !clients.contains(client)
            {
                return Err(Error::Unknown {
                    what: "client",
                    name: client.to_string(),
                    known: None,
                });
            }
            let decision = verdict.map(|verdict| Decision {
                organization: organization.clone(),
                verdict,
                decided_by: actor.to_string(),
                at,
            });
            stored.push((organization, decision));
        }
        Ok(stored)
    }

    /// The organizations of the last snapshot.
    pub(crate) async fn organizations_read(&self, bridge: &Bridge) -> Result<Vec<Organization>> {
        if self.store.current_snapshot(&bridge.source).await?.is_none() {
            let connection = self.store.connection(&bridge.source).await?;
            return Err(Error::NothingRead {
                connection: connection.name,
            });
        }
        Ok(self.store.organizations(&bridge.source).await?)
    }

    /// The clients of a bridge's destination.
    pub(crate) async fn clients_of(&self, bridge: &Bridge) -> Result<Vec<Client>> {
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        match destination.clients().await {
            Ok(clients) => Ok(clients),
            Err(error) => Err(self.met(&connection, error).await),
        }
    }

    /// How many serial numbers each open organization shares with the assets of each client.
    async fn shared_serials(
        &self,
        bridge: &Bridge,
        open: &[&Organization],
        owners: &HashMap<String, RecordId>,
    ) -> Result<Vec<SharedSerials>> {
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let mapper = self.mapper(bridge).await?;
        let mut shared = Vec::new();
        for organization in open {
            let devices = mapper.devices(&organization.id).await?;
            let serials: Vec<&String> = devices.iter().filter_map(|d| d.keys.serial.as_ref()).collect();
            let mut counts: BTreeMap<&RecordId, u32> = BTreeMap::new();
            for client in serials.iter().filter_map(|s| owners.get(*s)) {
                *counts.entry(client).or_default() += 1;
            }
            shared.extend(counts.into_iter().map(|(client, count)| SharedSerials {
                organization: organization.id.clone(),
                client: client.clone(),
                shared: count,
                of: u32::try_from(serials.len()).unwrap_or(u32::MAX),
            }));
        }
        Ok(shared)
    }
}

/// What stands on the row of an organization whose client has to be made by hand.
fn create_it_there(system: &str, name: &str) -> String {
    format!(
        "a client is wanted, and {system}'s API cannot create one: create `{}` there, then refresh",
        name.trim()
    )
}

/// Which client owns each serial number; one that several clients own says nothing.
async fn serials_of(destination: &dyn Destination) -> Result<HashMap<String, RecordId>, connect::Error> {
    let (sender, mut pages) = mpsc::channel::<Vec<Asset>>(2);
    let mut owners: HashMap<String, Option<RecordId>> = HashMap::new();
    let collect = async {
        while let Some(page) = pages.recv().await {
            for asset in page.into_iter().filter(|a| a.archived.is_none()) {
                let serial = asset.fields.get("serialNumber").and_then(|v| v.as_str());
                if let Some(serial) = serial.and_then(plan::keys::fold_serial) {
                    let owner = owners.entry(serial).or_insert_with(|| Some(asset.client.clone()));
                    if owner.as_ref() != Some(&asset.client) {
                        *owner = None;
                    }
                }
            }
        }
    };
    let (read, ()) = tokio::join!(destination.assets(connect::AssetScope::All, sender), collect);
    read?;
    Ok(owners
        .into_iter()
        .filter_map(|(serial, owner)| Some((serial, owner?)))
        .collect())
}
