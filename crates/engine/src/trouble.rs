//! What went wrong in one run, grouped by cause.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::row_errors::record_of;
use connect::Marker;
use model::{Actor, ActorRole, Operation, Outcome, RecordKind, Run, RunKind, SourceId};
use std::collections::BTreeMap;
use store::ListedItem;

/// Items that are looked at: groups are for reading, and the list below them has every one.
const LOOKED_AT: usize = 20_000;
/// Records of a group that are named.
const NAMED: usize = 20;

/// Records of a run that did not end well for one cause.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// `failed`, `skipped` or `unknown`.
    pub state: &'static str,
    /// What the first of them says.
    pub said: String,
    /// How many records.
    pub count: usize,
    /// The first of them.
    pub records: Vec<TroubledRecord>,
}

/// A record that was not written.
#[derive(Clone, Debug)]
pub struct TroubledRecord {
    /// The operation.
    pub operation: Operation,
    /// What it says of itself, where the group's words are not its own.
    pub said: String,
    /// How it stands by now.
    pub standing: Standing,
    /// The page of the source record.
    pub source_url: Option<String>,
    /// The page of the destination record.
    pub record_url: Option<String>,
}

/// How a record that was not written stands by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it was.
    Open,
    /// It was written since.
    WrittenSince,
    /// A person said to leave it alone.
    Ignored,
}

/// The words of a message without what differs from record to record: quoted names and numbers.
fn cause(message: &str) -> String {
    let mut cause = String::with_capacity(message.len());
    let mut quoted: Option<char> = None;
    for c in message.chars() {
        match quoted {
            Some(end) if c == end => {
                quoted = None;
                cause.push('…');
            }
            Some(_) => {}
            None => match c {
                '"' => quoted = Some('"'),
                '`' => quoted = Some('`'),
                '“' => quoted = Some('”'),
                c if c.is_ascii_digit() => {
                    if !cause.ends_with('#') {
                        cause.push('#');
                    }
                }
                c => cause.push(c),
            },
        }
    }
    cause
}

/// The state of an outcome and what it says; nothing for one that was written.
fn said(outcome: &Outcome) -> Option<(&'static str, &str)> {
    match outcome {
        Outcome::Done { .. } => None,
        Outcome::Failed { message } => Some(("failed", message)),
        Outcome::Skipped { message } => Some(("skipped", message)),
        Outcome::Unknown { message } => Some(("unknown", message)),
    }
}

impl Engine {
    /// What did not end well in a run, grouped by cause, the largest groups first and failures before what was left
    /// alone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn trouble(&self, actor: &Actor, run: &Run) -> Result<Vec<Trouble>> {
        require(actor, ActorRole::Viewer, "see runs")?;
        let (RunKind::Apply { bridge, .. } | RunKind::Undo { bridge, .. }) = &run.kind else {
            return Ok(Vec::new());
        };
        let bridge = self.store.bridge(bridge).await?;
        let items = self.store.items_in_trouble(&run.id, LOOKED_AT).await?;
        let mut groups: BTreeMap<(&'static str, String), Vec<ListedItem>> = BTreeMap::new();
        for item in items {
            if let Some((state, message)) = said(&item.outcome) {
                let key = (state, cause(message));
                groups.entry(key).or_default().push(item);
            }
        }
        let decided = self.store.record_decisions(&bridge.id).await?;
        let pages = self.pages(&bridge).await;
        let named = groups.values().flat_map(|items| items.iter().take(NAMED));
        let keys: Vec<(RecordKind, SourceId)> = named
            .filter_map(|item| item.operation.as_ref())
            .map(|operation| (operation.subject.kind, operation.subject.source_id.clone()))
            .collect();
        let mark = |(kind, source): &(RecordKind, SourceId)| Marker::new(&bridge.source, *kind, source).0;
        let successes = self.store.last_successes(&bridge, &keys, mark).await?;
        let turn = self.store.turn_of(&run.id).await?;
        let mut trouble = Vec::with_capacity(groups.len());
        for ((state, _), items) in groups {
            let first = items.first().and_then(|item| said(&item.outcome));
            let heading = first.map(|(_, message)| message.to_owned()).unwrap_or_default();
            let mut records = Vec::new();
            let count = items.len();
            for item in items.into_iter().take(NAMED) {
                let own = said(&item.outcome).map(|(_, message)| message.to_owned());
                let Some(operation) = item.operation else { continue };
                let subject = &operation.subject;
                let key = (subject.kind, subject.source_id.clone());
                let standing = if decided.ignored.contains_key(&key) {
                    Standing::Ignored
                } else if successes
                    .get(&key)
                    .is_some_and(|success| *success > (turn, item.at))
                {
                    Standing::WrittenSince
                } else {
                    Standing::Open
                };
                records.push(TroubledRecord {
                    said: own.filter(|own| *own != heading).unwrap_or_default(),
                    standing,
                    source_url: pages.source(subject.kind, &subject.source_id),
                    record_url: record_of(&operation.action)
                        .and_then(|record| pages.record(subject.kind, record)),
                    operation,
                });
            }
            trouble.push(Trouble {
                state,
                said: heading,
                count,
                records,
            });
        }
        trouble.sort_by(|a, b| (a.state, b.count).cmp(&(b.state, a.count)));
        Ok(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::cause;

    #[test]
    fn a_cause_is_what_the_messages_of_different_records_have_in_common() {
        let one = cause("the name \"PC-0017\" is taken by asset 4711");
        assert_eq!(one, cause("the name \"SRV-2\" is taken by asset 3"));
        assert_ne!(one, cause("the name \"SRV-2\" is too long by 3 letters"));
        assert_eq!(cause("an open \"quote"), "an open ");
    }
}
