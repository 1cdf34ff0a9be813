//! The matching of a bridge as a list that is searched, filtered and paged, and the clients to choose from.
//!
//! What the rules say of ten thousand organizations is not worked out anew for every page of the list: it is kept for a
//! minute, as long as neither a decision nor a setting nor a read nor a run came in between.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::matching::{MatchRow, Matching};
use jiff::{SignedDuration, Timestamp};
use model::{
    Actor, ActorRole, Bridge, BridgeId, Client, Decision, OrganizationMatch, RecordId, RunId, SnapshotId,
    SourceId, Verdict,
};
use plan::fold::fold;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// How long what a destination said of its clients is believed while people look at the list.
const BELIEVED: SignedDuration = SignedDuration::from_secs(60);

/// What matching said of each bridge's organizations, and what it was made from.
pub(crate) type Seen = Arc<Mutex<HashMap<BridgeId, Arc<SeenMatching>>>>;

/// The matching of a bridge, and what it was made from.
#[derive(Debug)]
pub(crate) struct SeenMatching {
    made_from: MadeFrom,
    at: Timestamp,
    pub(crate) matching: Matching,
    decisions: BTreeMap<SourceId, Decision>,
    /// Of each row: its name and its client's, folded, to be searched.
    folded: Vec<String>,
    /// Every client by its folded name, with the organization that has it.
    by_name: Vec<(String, RecordId)>,
    holders: BTreeMap<RecordId, Vec<String>>,
}

#[derive(Debug, PartialEq, Eq)]
struct MadeFrom {
    generation: i64,
    snapshot: Option<SnapshotId>,
    run: Option<(RunId, Option<Timestamp>)>,
}

/// Which organizations are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchFilter {
    /// All.
    #[default]
    All,
    /// Those a person has to decide about.
    Open,
    /// Those that are a client.
    Matched,
    /// Those a client is created for.
    Create,
    /// Those that are left alone.
    Excluded,
}

/// What a list of organizations is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchOrder {
    /// Their names.
    #[default]
    Name,
    /// How many devices they have.
    Devices,
}

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchQuery {
    /// Which organizations.
    pub filter: MatchFilter,
    /// Only those whose name or client contains this; empty for all.
    pub search: String,
    /// What they are sorted by.
    pub order: MatchOrder,
    /// From large to small.
    pub descending: bool,
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows of the page.
    pub limit: u64,
}

/// How many organizations there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchCounts {
    /// All.
    pub all: u64,
    /// A person has to decide.
    pub open: u64,
    /// Those of them that resemble a client, or for which another bridge may have created one.
    pub alike: u64,
    /// They are a client.
    pub matched: u64,
    /// A client is created for them.
    pub create: u64,
    /// They are left alone.
    pub excluded: u64,
}

/// An organization of the list.
#[derive(Clone, Debug)]
pub struct ListedMatch {
    /// The organization and what matching says of it.
    pub row: MatchRow,
    /// The client it is.
    pub client: Option<Client>,
    /// Clients it might be, best first, each with the reason.
    pub suggestions: Vec<(Client, String)>,
    /// What somebody decided about it.
    pub decision: Option<Decision>,
    /// How far the destination's count of creations by name was ([`Matching::names_created`]).
    pub names_created: i64,
}

/// A page of the list of a bridge's organizations.
#[derive(Clone, Debug)]
pub struct MatchPage {
    /// The rows.
    pub rows: Vec<ListedMatch>,
    /// How many rows there are on all pages.
    pub total: u64,
    /// How many there are of each sort, whatever was searched for.
    pub counts: MatchCounts,
    /// How many clients the destination has.
    pub clients: u64,
    /// When the destination was asked for them.
    pub asked: Timestamp,
    /// The bridge's generation this was made from.
    pub generation: i64,
}

/// A client one may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientChoice {
    /// The client.
    pub client: Client,
    /// Organizations that are this client already.
    pub holders: Vec<String>,
}

fn sort_of(status: &OrganizationMatch) -> MatchFilter {
    match status {
        OrganizationMatch::Undecided { .. } => MatchFilter::Open,
        OrganizationMatch::Matched { .. } => MatchFilter::Matched,
        OrganizationMatch::Create { .. } => MatchFilter::Create,
        OrganizationMatch::Excluded { .. } => MatchFilter::Excluded,
    }
}

fn matched_client(status: &OrganizationMatch) -> Option<&RecordId> {
    match status {
        OrganizationMatch::Matched { client, .. } => Some(client),
        _ => None,
    }
}

impl SeenMatching {
    fn new(
        made_from: MadeFrom,
        at: Timestamp,
        matching: Matching,
        decisions: BTreeMap<SourceId, Decision>,
    ) -> Self {
        let mut holders: BTreeMap<RecordId, Vec<String>> = BTreeMap::new();
        let mut folded = Vec::with_capacity(matching.rows.len());
        for row in &matching.rows {
            let mut text = fold(&row.organization.name);
            if let Some(id) = matched_client(&row.status) {
                let names = holders.entry(id.clone()).or_default();
                names.push(row.organization.name.clone());
                if let Some(client) = matching.clients.get(id) {
                    text.push('\n');
                    text.push_str(&fold(&client.name));
                }
            }
            folded.push(text);
        }
        let mut by_name: Vec<(String, RecordId)> = matching
            .clients
            .values()
            .map(|client| (fold(&client.name), client.id.clone()))
            .collect();
        by_name.sort_unstable();
        Self {
            made_from,
            at,
            matching,
            decisions,
            folded,
            by_name,
            holders,
        }
    }

    /// What somebody decided about an organization.
    pub(crate) fn decision(&self, organization: &SourceId) -> Option<&Verdict> {
        self.decisions.get(organization).map(|decision| &decision.verdict)
    }

    fn listed(&self, row: &MatchRow) -> ListedMatch {
        let client = |id: &RecordId| self.matching.clients.get(id).cloned();
        let suggestions = match &row.status {
            OrganizationMatch::Undecided { suggestions, .. } => suggestions
                .iter()
                .filter_map(|s| Some((client(&s.client)?, s.reason.clone())))
                .collect(),
            _ => Vec::new(),
        };
        ListedMatch {
            client: matched_client(&row.status).and_then(client),
            suggestions,
            decision: self.decisions.get(&row.organization.id).cloned(),
            names_created: self.matching.names_created,
            row: row.clone(),
        }
    }

    fn counts(&self) -> MatchCounts {
        let mut counts = MatchCounts::default();
        for row in &self.matching.rows {
            counts.all += 1;
            if let OrganizationMatch::Undecided { suggestions, .. } = &row.status
                && (row.overtaken || !suggestions.is_empty())
            {
                counts.alike += 1;
            }
            *match sort_of(&row.status) {
                MatchFilter::Matched => &mut counts.matched,
                MatchFilter::Create => &mut counts.create,
                MatchFilter::Excluded => &mut counts.excluded,
                MatchFilter::Open | MatchFilter::All => &mut counts.open,
            } += 1;
        }
        counts
    }

    fn page(&self, query: &MatchQuery) -> MatchPage {
        let wanted = fold(&query.search);
        let rows = self.matching.rows.iter().zip(&self.folded);
        let mut found: Vec<&MatchRow> = rows
            .filter(|(row, text)| {
                (query.filter == MatchFilter::All || sort_of(&row.status) == query.filter)
                    && text.contains(&wanted)
            })
            .map(|(row, _)| row)
            .collect();
        if query.order == MatchOrder::Devices {
            found.sort_by_key(|row| row.devices);
        }
        if query.descending {
            found.reverse();
        }
        let skipped = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        MatchPage {
            total: found.len() as u64,
            rows: found
                .into_iter()
                .skip(skipped)
                .take(limit)
                .map(|row| self.listed(row))
                .collect(),
            counts: self.counts(),
            clients: self.matching.clients.len() as u64,
            asked: self.at,
            generation: self.made_from.generation,
        }
    }

    /// Clients whose name contains `search`: those that begin with it first, then by name.
    fn choices(&self, search: &str, limit: usize) -> (Vec<ClientChoice>, u64) {
        let wanted = fold(search);
        let (mut first, mut then) = (Vec::new(), Vec::new());
        for (name, id) in self.by_name.iter().filter(|(name, _)| name.contains(&wanted)) {
            match name.starts_with(&wanted) {
                true => first.push(id),
                false => then.push(id),
            }
        }
        let total = (first.len() + then.len()) as u64;
        let chosen = first.into_iter().chain(then).take(limit).filter_map(|id| {
            Some(ClientChoice {
                client: self.matching.clients.get(id)?.clone(),
                holders: self.holders.get(id).cloned().unwrap_or_default(),
            })
        });
        (chosen.collect(), total)
    }
}

impl Engine {
    /// A page of the matching of a bridge. What the destination said of its clients may be a minute old.
    ///
    /// # Errors
    /// When nothing was read yet, or the destination cannot be read.
    pub async fn match_list(&self, actor: &Actor, bridge: &Bridge, query: &MatchQuery) -> Result<MatchPage> {
        Ok(self.seen_matching(actor, bridge).await?.page(query))
    }

    /// One organization of the list; `None` when the last read has it no more.
    ///
    /// # Errors
    /// As [`Engine::match_list`].
    pub async fn listed_match(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        organization: &SourceId,
    ) -> Result<Option<ListedMatch>> {
        let seen = self.seen_matching(actor, bridge).await?;
        let mut rows = seen.matching.rows.iter();
        let row = rows.find(|row| row.organization.id == *organization);
        Ok(row.map(|row| seen.listed(row)))
    }

    /// Clients of a bridge's destination whose name contains `search`, those that begin with it first, and how many
    /// there are.
    ///
    /// # Errors
    /// As [`Engine::match_list`].
    pub async fn client_choices(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        search: &str,
        limit: usize,
    ) -> Result<(Vec<ClientChoice>, u64)> {
        Ok(self.seen_matching(actor, bridge).await?.choices(search, limit))
    }

    /// Has the destination asked for its clients again when the list is next looked at.
    ///
    /// # Errors
    /// When the actor may not look at it.
    pub fn forget_seen_matching(&self, actor: &Actor, bridge: &BridgeId) -> Result<()> {
        require(actor, ActorRole::Viewer, "see matches")?;
        let mut seen = self.seen_matchings.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(bridge);
        Ok(())
    }

    pub(crate) async fn seen_matching(&self, actor: &Actor, bridge: &Bridge) -> Result<Arc<SeenMatching>> {
        require(actor, ActorRole::Viewer, "see matches")?;
        let now = self.clock().now();
        // The generation first: what is decided while the rest is read makes the next look work it out anew.
        let bridge = self.store.bridge(&bridge.id).await?;
        let snapshot = self.store.current_snapshot(&bridge.source).await?;
        let run = self.store.runs(1).await?.pop();
        let made_from = MadeFrom {
            generation: bridge.generation,
            snapshot: snapshot.map(|snapshot| snapshot.id),
            run: run.map(|run| (run.id, run.finished)),
        };
        let known = {
            let seen = self.seen_matchings.lock().unwrap_or_else(PoisonError::into_inner);
            seen.get(&bridge.id).cloned()
        };
        if let Some(known) = known
            .filter(|known| known.made_from == made_from && known.at.duration_until(now).abs() < BELIEVED)
        {
            return Ok(known);
        }
        let matching = self.matching(actor, &bridge).await?;
        let decisions = self.store.decisions(&bridge.id).await?;
        let seen = Arc::new(SeenMatching::new(made_from, now, matching, decisions));
        let mut all = self.seen_matchings.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(bridge.id.clone(), seen.clone());
        Ok(seen)
    }
}
