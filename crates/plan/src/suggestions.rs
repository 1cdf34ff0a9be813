//! Clients an undecided organization might be, best first.

use model::matching::Suggestion;
use model::{RecordId, SourceId};
use std::collections::BTreeMap;

/// What speaks for each client, by organization.
#[derive(Default)]
pub(crate) struct Suggestions<'a> {
    by_organization: BTreeMap<&'a SourceId, BTreeMap<&'a RecordId, Hint>>,
}

#[derive(Default)]
struct Hint {
    /// Share of the organization's serial numbers in 1/1000; more is better.
    serials: u64,
    /// Distance of the names, where they speak for it.
    distance: Option<u32>,
    reasons: Vec<String>,
}

impl<'a> Suggestions<'a> {
    /// Notes that a client's name or id speaks for it.
    pub fn add(&mut self, organization: &'a SourceId, client: &'a RecordId, distance: u32, reason: String) {
        let hint = self
            .by_organization
            .entry(organization)
            .or_default()
            .entry(client)
            .or_default();
        hint.distance = Some(hint.distance.map_or(distance, |d| d.min(distance)));
        if !hint.reasons.contains(&reason) {
            hint.reasons.push(reason);
        }
    }

    /// Notes that a client's assets have most of the organization's serial numbers.
    pub fn add_by_serials(&mut self, organization: &'a SourceId, client: &'a RecordId, shared: u32, of: u32) {
        let hint = self
            .by_organization
            .entry(organization)
            .or_default()
            .entry(client)
            .or_default();
        hint.serials = u64::from(shared) * 1_000 / u64::from(of.max(1));
        hint.reasons.insert(
            0,
            format!("its assets have {shared} of the organization's {of} serial numbers"),
        );
    }

    /// Whether anything speaks for any client.
    pub fn has(&self, organization: &SourceId) -> bool {
        self.by_organization.contains_key(organization)
    }

    /// The suggestions for an organization: most serial numbers first, then the nearest name. `holder` names the
    /// organization that has a client already.
    pub fn best_first<'b>(
        &self,
        organization: &SourceId,
        holder: impl Fn(&RecordId) -> Option<&'b str>,
    ) -> Vec<Suggestion> {
        let mut hints: Vec<(&RecordId, &Hint)> = self
            .by_organization
            .get(organization)
            .into_iter()
            .flatten()
            .map(|(&c, h)| (c, h))
            .collect();
        hints.sort_by_key(|&(client, hint)| {
            let distance = hint.distance.unwrap_or(u32::MAX);
            (std::cmp::Reverse(hint.serials), distance, client)
        });
        let suggestion = |(client, hint): (&RecordId, &Hint)| {
            let mut reason = hint.reasons.join("; ");
            if let Some(holder) = holder(client) {
                reason.push_str(&format!("; matched with organization \"{holder}\" already"));
            }
            Suggestion {
                client: client.clone(),
                reason,
            }
        };
        hints.into_iter().map(suggestion).collect()
    }
}

/// Why two names are the same.
pub(crate) fn same_name(organization: &str, client: &str) -> String {
    if organization == client {
        format!("same name: \"{client}\"")
    } else {
        format!("same name: \"{organization}\" and \"{client}\"")
    }
}

/// Why two names are similar.
pub(crate) fn similar_name(organization: &str, client: &str, distance: u32) -> String {
    match distance {
        0 => same_name(organization, client),
        1 => format!("similar name: \"{organization}\" and \"{client}\" are 1 character apart"),
        n => format!("similar name: \"{organization}\" and \"{client}\" are {n} characters apart"),
    }
}
