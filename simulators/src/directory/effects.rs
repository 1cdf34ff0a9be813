//! What arrived and what was carried out, counted on this side, so that a client's word is not needed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The counters at one moment. Routes are written as in the vendor's document: `PATCH /assets/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effects {
    /// Requests that arrived, by route.
    pub received: BTreeMap<String, u64>,
    /// Answers by route and status; 0 for a connection that was cut before the answer was complete.
    pub answered: BTreeMap<String, BTreeMap<u16, u64>>,
    /// How often a creation with this external key arrived, items of a batch counted one by one, wanted or not; those
    /// a rate limit turned away are left out.
    pub creates_received: BTreeMap<String, u64>,
    /// The same for changes of an asset, by its id: its fields, its way into the archive and out of it.
    pub changes_received: BTreeMap<String, u64>,
    /// What was carried out, items of a batch counted one by one: `create assets`, `update assets`, `archive assets`,
    /// `restore assets`, `create asset_fields`.
    pub carried_out: BTreeMap<String, u64>,
    /// Writes carried out after their connection was cut or held back.
    pub late: u64,
    /// Writes that are still to be carried out late.
    pub late_pending: u64,
    /// The most API requests that were under way at the same time.
    pub most_at_once: usize,
}

impl Effects {
    /// How often `route` was asked: `POST /assets`.
    pub fn of(&self, route: &str) -> u64 {
        self.received.get(route).copied().unwrap_or(0)
    }

    /// How often `route` was answered with `status`.
    pub fn answers(&self, route: &str, status: u16) -> u64 {
        let by_status = self.answered.get(route);
        by_status
            .and_then(|by_status| by_status.get(&status))
            .copied()
            .unwrap_or(0)
    }

    /// How many write requests arrived.
    pub fn writes(&self) -> u64 {
        self.received
            .iter()
            .filter(|(route, _)| !route.starts_with("GET "))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many of `what` were carried out: `create assets`.
    pub fn done(&self, what: &str) -> u64 {
        self.carried_out.get(what).copied().unwrap_or(0)
    }

    /// Counts the creations and changes a request asks for.
    pub(super) fn count_writes(&mut self, path: &str, body: &[u8]) {
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let below = path.split('/').skip_while(|part| *part != "assets").nth(1);
        let items = body["operations"].as_array().into_iter().flatten();
        let (creates, changes): (Vec<&Value>, Vec<&Value>) = match below {
            Some("batch") => items
                .map(|item| (&item["asset"]["external_key"], &item["id"]))
                .unzip(),
            Some(id) => {
                *self.changes_received.entry(id.to_owned()).or_default() += 1;
                return;
            }
            None => (vec![&body["external_key"]], vec![]),
        };
        for (counted, in_one) in [
            (&mut self.creates_received, creates),
            (&mut self.changes_received, changes),
        ] {
            for key in in_one.into_iter().filter_map(Value::as_str) {
                *counted.entry(key.to_owned()).or_default() += 1;
            }
        }
    }

    pub(super) fn count_done(&mut self, what: &str, collection: &str) {
        *self
            .carried_out
            .entry(format!("{what} {collection}"))
            .or_default() += 1;
    }
}

/// An external key that more than one live record carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Duplicate {
    /// The collection: `assets`.
    pub collection: &'static str,
    /// The key.
    pub external_key: String,
    /// How many live records carry it.
    pub records: u64,
}
