//! Which client an organization is.
//!
//! The rules run in a fixed order: a person's exclusion, a person's choice, the link, the id the destination stores,
//! the same name, a similar name. A rule that decides takes both sides out of the rules after it. Automatic rules
//! pair one to one and never guess: wherever there are two candidates, a person is asked. A person may give one
//! client to several organizations.

use crate::fold::fold;
use crate::names::NameIndex;
use crate::suggestions::{Suggestions, same_name, similar_name};
use model::{
    Client, Decision, MatchHow, MatchingRules, NewOrganizations, Organization, OrganizationMatch, RecordId,
    Similarity, SourceId, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// All that is known when organizations are matched.
#[derive(Clone, Copy, Debug)]
pub struct OrganizationsInput<'a> {
    /// The source's organizations.
    pub organizations: &'a [Organization],
    /// The destination's clients.
    pub clients: &'a [Client],
    /// Remembered links, organization → client.
    pub links: &'a BTreeMap<SourceId, RecordId>,
    /// What people decided.
    pub decisions: &'a BTreeMap<SourceId, Decision>,
    /// Those for which a client was asked for before another bridge began to create one of that name.
    pub overtaken: &'a BTreeSet<SourceId>,
    /// Which rules are on.
    pub rules: MatchingRules,
    /// What happens to organizations that resemble no client.
    pub new_organizations: NewOrganizations,
    /// How many serial numbers organizations share with clients' assets.
    pub shared_serials: &'a [SharedSerials],
}

/// How many of an organization's serial numbers a client's assets have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSerials {
    /// The organization.
    pub organization: SourceId,
    /// The client.
    pub client: RecordId,
    /// Serial numbers on both sides.
    pub shared: u32,
    /// Serial numbers the organization's devices have.
    pub of: u32,
}

/// Matches every organization. The order of the input does not matter.
pub fn match_organizations(input: &OrganizationsInput<'_>) -> BTreeMap<SourceId, OrganizationMatch> {
    let mut matching = Matching::new(input);
    matching.apply_decisions_and_links();
    if input.rules.stored_id {
        matching.apply_stored_ids();
    }
    if input.rules.same_name {
        matching.apply_same_names();
    }
    if let Some(similarity) = input.rules.similar {
        matching.apply_similar_names(similarity);
    }
    matching.decide_the_rest()
}

/// Whether a similar name may link by itself: at most one character in eight differs.
pub fn within_guard(distance: u32, a: &str, b: &str) -> bool {
    let shorter = a.chars().count().min(b.chars().count());
    8 * distance as usize <= shorter
}

/// An organization that no rule decided so far.
struct Open<'a> {
    organization: &'a Organization,
    name: String,
}

struct Matching<'a> {
    input: &'a OrganizationsInput<'a>,
    /// Undecided so far, and still in reach of the next rule.
    open: BTreeMap<&'a SourceId, Open<'a>>,
    /// Out of reach of later rules, since a rule found several candidates.
    disputed: BTreeMap<&'a SourceId, (Open<'a>, String)>,
    clients: BTreeMap<&'a RecordId, ClientSide<'a>>,
    suggestions: Suggestions<'a>,
    matches: BTreeMap<SourceId, OrganizationMatch>,
}

struct ClientSide<'a> {
    client: &'a Client,
    name: String,
    /// The organization that has it.
    holder: Option<&'a Organization>,
    disputed: bool,
}

impl ClientSide<'_> {
    fn is_free(&self) -> bool {
        self.holder.is_none() && !self.disputed
    }
}

impl<'a> Matching<'a> {
    fn new(input: &'a OrganizationsInput<'a>) -> Self {
        let open = input.organizations.iter().map(|organization| {
            let name = fold(&organization.name);
            (&organization.id, Open { organization, name })
        });
        let clients = input.clients.iter().map(|client| {
            let side = ClientSide {
                client,
                name: fold(&client.name),
                holder: None,
                disputed: false,
            };
            (&client.id, side)
        });
        Self {
            input,
            open: open.collect(),
            disputed: BTreeMap::new(),
            clients: clients.collect(),
            suggestions: Suggestions::default(),
            matches: BTreeMap::new(),
        }
    }

    fn matched(&mut self, id: &'a SourceId, client: &'a RecordId, how: MatchHow, reason: String) {
        self.matched_by_name(id, client, how, None, false, reason);
    }

    fn matched_by_name(
        &mut self,
        id: &'a SourceId,
        client: &'a RecordId,
        how: MatchHow,
        distance: Option<u32>,
        needs_confirmation: bool,
        reason: String,
    ) {
        let Some(open) = self.open.remove(id) else { return };
        if let Some(side) = self.clients.get_mut(client) {
            side.holder.get_or_insert(open.organization);
        }
        let client = client.clone();
        let decided = OrganizationMatch::Matched {
            client,
            how,
            distance,
            needs_confirmation,
            reason,
        };
        self.matches.insert(id.clone(), decided);
    }

    fn dispute(&mut self, id: &'a SourceId, reason: String) {
        if let Some(open) = self.open.remove(id) {
            self.disputed.insert(id, (open, reason));
        }
    }

    fn apply_decisions_and_links(&mut self) {
        let ids: Vec<&'a SourceId> = self.open.keys().copied().collect();
        for id in ids {
            let link = self.input.links.get(id);
            let decision = self.input.decisions.get(id);
            match (decision.map(|d| (&d.verdict, d.decided_by.as_str())), link) {
                (Some((Verdict::Exclude, by)), _) => {
                    self.open.remove(id);
                    let reason = format!("excluded by {by}");
                    self.matches
                        .insert(id.clone(), OrganizationMatch::Excluded { reason });
                }
                (Some((Verdict::Matched { client }, by)), _) => {
                    if self.clients.contains_key(client) {
                        self.matched(id, client, MatchHow::Person, format!("chosen by {by}"));
                    } else {
                        let reason =
                            format!("{by} chose client {client}, which no longer exists; choose again");
                        self.dispute(id, reason);
                    }
                }
                // Once the client was created, the link says which one it is.
                (_, Some(client)) => {
                    if self.clients.contains_key(client) {
                        self.matched(id, client, MatchHow::Link, "linked before".to_owned());
                    } else {
                        let reason = format!(
                            "it was linked to client {client}, which no longer exists; choose another, or create it anew"
                        );
                        self.dispute(id, reason);
                    }
                }
                (Some((Verdict::Create, by)), None) => self.create_for_person(id, by),
                (None, None) => {}
            }
        }
    }

    fn create_for_person(&mut self, id: &'a SourceId, by: &str) {
        let nameless = self.open.get(id).is_none_or(|open| open.name.is_empty());
        if nameless {
            let reason = format!("{by} asked for a client, but the organization has no name to give it");
            self.dispute(id, reason);
            return;
        }
        if self.input.overtaken.contains(id) {
            let reason = format!(
                "{by} asked for a new client before another bridge began to create one of this name; say again what it is"
            );
            self.dispute(id, reason);
            return;
        }
        self.open.remove(id);
        let reason = format!("a new client, asked for by {by}");
        self.matches
            .insert(id.clone(), OrganizationMatch::Create { reason });
    }

    fn apply_stored_ids(&mut self) {
        let mut holders: BTreeMap<&'a SourceId, Vec<&'a RecordId>> = BTreeMap::new();
        for (&record, side) in &self.clients {
            let Some(stored) = &side.client.source_id else {
                continue;
            };
            let open = self.open.get_key_value(&SourceId(stored.clone()));
            if let Some((&id, _)) = open
                && side.is_free()
            {
                holders.entry(id).or_default().push(record);
            }
        }
        for (id, records) in holders {
            if let [client] = records[..] {
                let reason = format!("the client stores this organization's id {id}");
                self.matched(id, client, MatchHow::StoredId, reason);
            } else {
                let reason = format!("{} clients store this organization's id {id}", records.len());
                for record in records {
                    self.suggest_and_dispute(id, record, 0, format!("it stores this organization's id {id}"));
                }
                self.dispute(id, reason);
            }
        }
    }

    fn suggest_and_dispute(&mut self, id: &'a SourceId, record: &'a RecordId, distance: u32, reason: String) {
        if let Some(side) = self.clients.get_mut(record) {
            side.disputed = true;
        }
        self.suggestions.add(id, record, distance, reason);
    }

    fn apply_same_names(&mut self) {
        let mut groups: BTreeMap<&str, (Vec<&'a SourceId>, Vec<&'a RecordId>)> = BTreeMap::new();
        for (&id, open) in &self.open {
            if !open.name.is_empty() {
                groups.entry(&open.name).or_default().0.push(id);
            }
        }
        for (&record, side) in &self.clients {
            if let Some(group) = groups.get_mut(side.name.as_str())
                && side.is_free()
            {
                group.1.push(record);
            }
        }
        let groups: Vec<_> = groups
            .into_values()
            .filter(|(_, records)| !records.is_empty())
            .collect();
        for (ids, records) in groups {
            if let ([id], [record]) = (&ids[..], &records[..]) {
                let reason = self.same_name_reason(id, record);
                self.matched_by_name(id, record, MatchHow::SameName, Some(0), false, reason);
                continue;
            }
            let reason = match (ids.len(), records.len()) {
                (1, n) => format!("{n} clients have this name"),
                (n, 1) => format!("{n} organizations have this name, and one client"),
                (n, m) => format!("{n} organizations and {m} clients have this name"),
            };
            for id in ids {
                for &record in &records {
                    let why = self.same_name_reason(id, record);
                    self.suggest_and_dispute(id, record, 0, why);
                }
                self.dispute(id, reason.clone());
            }
        }
    }

    fn same_name_reason(&self, id: &SourceId, record: &RecordId) -> String {
        match (self.open.get(id), self.clients.get(record)) {
            (Some(open), Some(side)) => same_name(&open.organization.name, &side.client.name),
            _ => String::new(),
        }
    }

    fn apply_similar_names(&mut self, similarity: Similarity) {
        let free: Vec<&'a RecordId> = self
            .clients
            .iter()
            .filter(|(_, s)| s.is_free() && !s.name.is_empty())
            .map(|(&id, _)| id)
            .collect();
        let names = free.iter().map(|id| self.clients[id].name.clone());
        let index = NameIndex::new(names, similarity.limit);
        let pairs: Vec<(&'a SourceId, Vec<(usize, u32)>)> = self
            .open
            .iter()
            .filter(|(_, open)| !open.name.is_empty())
            .map(|(&id, open)| (id, index.similar(&open.name)))
            .filter(|(_, near)| !near.is_empty())
            .collect();
        // The smallest distance any organization has to a client, and how many have it.
        let mut nearest: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
        for &(client, distance) in pairs.iter().flat_map(|(_, near)| near) {
            let best = nearest.entry(client).or_insert((distance, 0));
            if distance < best.0 {
                *best = (distance, 0);
            }
            best.1 += u32::from(distance == best.0);
        }
        let mut decided = vec![];
        for (id, near) in &pairs {
            let (client, distance) = near[0];
            let tie = near.get(1).is_some_and(|second| second.1 == distance);
            let open = &self.open[id];
            let side = &self.clients[free[client]];
            let guarded_out = !within_guard(distance, &open.name, &side.name);
            let verdict = if tie {
                Err(format!(
                    "{} clients have an equally similar name",
                    near.iter().filter(|n| n.1 == distance).count()
                ))
            } else if nearest[&client] != (distance, 1) {
                Err(
                    "the client with the most similar name resembles another organization as much or more"
                        .to_owned(),
                )
            } else if guarded_out && similarity.guarded {
                Err("a client has a similar name, but not similar enough to be sure".to_owned())
            } else {
                Ok((client, distance, guarded_out))
            };
            decided.push((*id, near, verdict));
        }
        for &(id, near, _) in &decided {
            for &(client, distance) in near {
                let record = free[client];
                let why = similar_name(
                    &self.open[id].organization.name,
                    &self.clients[record].client.name,
                    distance,
                );
                self.suggestions.add(id, record, distance, why);
            }
        }
        for (id, _, verdict) in decided {
            match verdict {
                Ok((client, distance, unsure)) => {
                    let record = free[client];
                    let mut reason = similar_name(
                        &self.open[id].organization.name,
                        &self.clients[record].client.name,
                        distance,
                    );
                    if unsure {
                        reason.push_str("; too far to be sure, so a person should confirm it");
                    }
                    self.matched_by_name(id, record, MatchHow::SimilarName, Some(distance), unsure, reason);
                }
                Err(reason) => self.dispute(id, reason),
            }
        }
    }

    /// Decides about organizations that no rule matched: a new client where nothing resembles them, else a question.
    fn decide_the_rest(mut self) -> BTreeMap<SourceId, OrganizationMatch> {
        self.suggest_by_serials();
        self.suggest_taken_namesakes();
        let mut named: BTreeMap<&str, u32> = BTreeMap::new();
        for open in self.open.values() {
            *named.entry(&open.name).or_default() += 1;
        }
        for (&id, open) in &self.open {
            let has_suggestion = self.suggestions.has(id);
            let namesakes = named[open.name.as_str()];
            let decided = if open.name.is_empty() {
                self.undecided(id, "the organization has no name".to_owned())
            } else if has_suggestion {
                self.undecided(id, "no rule is sure, but there are suggestions".to_owned())
            } else if namesakes > 1 && self.input.new_organizations == NewOrganizations::Create {
                self.undecided(
                    id,
                    format!("{namesakes} organizations have this name; say what each of them is"),
                )
            } else if self.input.new_organizations == NewOrganizations::Create {
                OrganizationMatch::Create {
                    reason: "no client resembles it".to_owned(),
                }
            } else {
                self.undecided(id, "no client resembles it".to_owned())
            };
            self.matches.insert(id.clone(), decided);
        }
        for (&id, (_, reason)) in &self.disputed {
            let decided = self.undecided(id, reason.clone());
            self.matches.insert(id.clone(), decided);
        }
        self.matches
    }

    fn undecided(&self, id: &SourceId, reason: String) -> OrganizationMatch {
        let holder = |record: &RecordId| self.clients.get(record).and_then(|side| side.holder);
        OrganizationMatch::Undecided {
            suggestions: self
                .suggestions
                .best_first(id, |record| holder(record).map(|o| o.name.as_str())),
            reason,
        }
    }

    fn suggest_by_serials(&mut self) {
        if !self.input.rules.shared_serials {
            return;
        }
        for shared in self.input.shared_serials {
            let most = u64::from(shared.shared) * 2 > u64::from(shared.of);
            let organization = self
                .open
                .get_key_value(&shared.organization)
                .map(|(&id, _)| id)
                .or_else(|| {
                    self.disputed
                        .get_key_value(&shared.organization)
                        .map(|(&id, _)| id)
                });
            let client = self.clients.get_key_value(&shared.client);
            if let (true, Some(id), Some((&record, _))) = (most, organization, client) {
                self.suggestions
                    .add_by_serials(id, record, shared.shared, shared.of);
            }
        }
    }

    /// A client of the same name that another organization has already is worth a question, not a second client.
    fn suggest_taken_namesakes(&mut self) {
        if !self.input.rules.same_name {
            return;
        }
        let mut by_name: BTreeMap<&str, BTreeSet<&'a RecordId>> = BTreeMap::new();
        for (&record, side) in &self.clients {
            by_name.entry(&side.name).or_default().insert(record);
        }
        let disputed = self.disputed.iter().map(|(&id, (open, _))| (id, open));
        for (id, open) in self.open.iter().map(|(&id, open)| (id, open)).chain(disputed) {
            for &record in by_name.get(open.name.as_str()).into_iter().flatten() {
                if !open.name.is_empty() {
                    let why = same_name(&open.organization.name, &self.clients[record].client.name);
                    self.suggestions.add(id, record, 0, why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
