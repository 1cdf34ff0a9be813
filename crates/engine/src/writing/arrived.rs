//! Writes in doubt that turn out to have arrived, found out before a plan is made: it sees their records linked, knows what
//! was written into them, and plans what differs by now. Their outcomes go into the books of the runs that sent them.

use super::doubt::assets_by_id;
use super::protocol::{Admission, Resolution, admit, resolve};
use super::record::{sent, values};
use crate::engine::Engine;
use crate::error::Result;
use connect::{Destination, Marker};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use model::operation::Action;
use model::{Asset, Bridge, ConnectionId, Operation, RecordId, RecordKind, SourceId};
use serde_json::Value;
use std::collections::BTreeMap;
use store::{Attempt, FoundOut, NewLink, Settled, WrittenValue};

/// A write without a known outcome that can no longer arrive.
pub(crate) struct Over {
    pub(crate) held: Settled,
    pub(super) attempts: Vec<Attempt>,
    sent: Timestamp,
}

/// An attempt with its operation.
pub(super) struct Attempted {
    pub(super) attempt: Attempt,
    pub(super) operation: Operation,
}

impl Attempted {
    /// Whether it is an undo's.
    pub(super) fn takes_back(&self) -> bool {
        self.operation.undoes.is_some()
    }

    /// The asset it takes out of the archive, if it does that.
    pub(super) fn restores(&self) -> Option<&RecordId> {
        match &self.operation.action {
            Action::RestoreAsset { asset } => Some(asset),
            _ => None,
        }
    }

    /// Whether a change of an asset was carried out: what it changes stands. What a person changed since does not.
    pub(super) fn changed(&self, asset: &Asset) -> bool {
        let (Action::UpdateAsset { changes, .. } | Action::Link { changes, .. }) = &self.operation.action
        else {
            return false;
        };
        let stands = |field: &str, value: &Value| {
            plan::own::same_value(asset.fields.get(field).unwrap_or(&Value::Null), value)
        };
        match changes.is_empty() {
            true => {
                let source = &self.operation.subject.source_id;
                let links = matches!(self.operation.action, Action::Link { .. });
                links && asset.source_id.as_deref() == Some(source.as_str())
            }
            false => changes
                .iter()
                .any(|c| c.before != c.after && stands(&c.field, &c.after)),
        }
    }
}

/// What a record came from that carries our mark: the attempt that turns out to have created it, and what of it is ours.
pub(super) struct Origin<'a> {
    pub(super) creator: &'a Attempted,
    pub(super) written: BTreeMap<String, WrittenValue>,
}

/// Which attempt created a record, as it `stands`: the one most of whose values stand, of several such the newest. What a
/// later one is seen to have changed is ours, too. `None` when none of them creates.
pub(super) fn origin<'a>(
    attempted: &'a [Attempted],
    stands: Option<&Asset>,
    at: Timestamp,
) -> Option<Origin<'a>> {
    let agreeing = |attempted: &Attempted| {
        let standing = |(field, value): &(&String, &Value)| {
            let stands = stands.and_then(|asset| asset.fields.get(*field));
            stands.is_some_and(|stands| plan::own::same_value(stands, value))
        };
        let sent = values(&attempted.operation.action);
        sent.iter().filter(|sent| standing(sent)).count()
    };
    let oldest_first = || attempted.iter().rev();
    let creator = oldest_first()
        .filter(|a| super::creates(&a.operation.action))
        .max_by_key(|a| agreeing(a))?;
    let provenance = |a: &Attempted| sent(&a.operation.action, &a.attempt.run, at);
    let mut written = provenance(creator);
    for later in oldest_first().filter(|a| stands.is_some_and(|asset| a.changed(asset))) {
        written.extend(provenance(later));
    }
    Some(Origin { creator, written })
}

/// What is certain of a write in doubt.
struct Arrived {
    record: RecordId,
    /// Whose it was, unless that is no longer known.
    attempt: Option<Attempt>,
    written: BTreeMap<String, WrittenValue>,
}

/// One of them, with all that is known of it.
struct Doubtful {
    over: Over,
    kind: RecordKind,
    source: SourceId,
    linked: Option<RecordId>,
    /// The newest first; none when their plan is no longer kept.
    attempted: Vec<Attempted>,
}

impl Doubtful {
    /// What it led to; `None` while that is not certain, and where it never arrived.
    async fn look(&self, destination: &dyn Destination) -> Option<Arrived> {
        // The way back has marks of its own to set, and looks up what it sends again.
        if self.attempted.iter().any(Attempted::takes_back) {
            return None;
        }
        let creates = |a: &Attempted| super::creates(&a.operation.action);
        if self.linked.is_none() && (self.attempted.is_empty() || self.attempted.iter().any(creates)) {
            return self.created(destination).await;
        }
        let newest = self.attempted.first()?;
        let (asset, linked) = match &newest.operation.action {
            Action::UpdateAsset { asset, .. } => (asset, true),
            Action::Link { record, .. } if self.kind == RecordKind::Asset => (record, false),
            Action::RestoreAsset { asset } => (asset, false),
            _ => return None,
        };
        if self.linked.as_ref() != linked.then_some(asset) {
            return None;
        }
        let stands = assets_by_id(destination, vec![asset.clone()]).await.pop()?;
        // A later attempt that did not arrive leaves it out of the archive.
        let restored = |a: &&Attempted| a.restores() == Some(asset) && stands.archived.is_none();
        let changed = self.attempted.iter().find(|a| a.changed(&stands));
        let arrived = changed.or_else(|| self.attempted.iter().find(restored))?;
        Some(Arrived {
            record: asset.clone(),
            attempt: Some(arrived.attempt.clone()),
            written: sent(&arrived.operation.action, &arrived.attempt.run, self.over.sent),
        })
    }

    /// The one record that carries our mark.
    async fn created(&self, destination: &dyn Destination) -> Option<Arrived> {
        let marker = Marker(self.over.held.marker.clone());
        let found = destination.find(self.kind, &marker).await.ok()?;
        let Resolution::Adopt(record) = resolve(found) else {
            return None;
        };
        let stands = match self.kind == RecordKind::Asset && self.attempted.len() > 1 {
            true => assets_by_id(destination, vec![record.clone()]).await.pop(),
            false => None,
        };
        let origin = origin(&self.attempted, stands.as_ref(), self.over.sent);
        let (attempt, written) = origin
            .map(|origin| (origin.creator.attempt.clone(), origin.written))
            .unzip();
        Some(Arrived {
            record,
            attempt,
            written: written.unwrap_or_default(),
        })
    }
}

impl Engine {
    /// Writes to a destination that have no known outcome and can no longer arrive. Asked before the destination is
    /// read: then what is read shows whether they did.
    pub(crate) async fn writes_over(&self, bridge: &Bridge) -> Result<Vec<Over>> {
        let open = self.store.open_claims(bridge).await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.store.now().await?;
        let over = open.into_iter().filter_map(|(marker, claim)| {
            let in_doubt = admit(&claim, &now) == Admission::InDoubt;
            let (version, open) = (claim.version, claim.open.filter(|_| in_doubt)?);
            Some(Over {
                held: Settled {
                    marker,
                    version,
                    refused: false,
                },
                attempts: open.attempts,
                sent: open.sent.at,
            })
        });
        Ok(over.collect())
    }

    /// Takes in those of `over` that arrived: links what was created, adopted or taken out of the archive, although its
    /// device may be gone, and notes which values are ours. What is left is returned.
    pub(crate) async fn take_in_arrived(
        &self,
        bridge: &Bridge,
        destination: &dyn Destination,
        over: Vec<Over>,
    ) -> Result<Vec<Over>> {
        let records: Vec<_> = over
            .iter()
            .filter_map(|over| subject(&bridge.source, &over.held.marker))
            .collect();
        let linked = self.store.linked_now(&bridge.id, &records).await?;
        let (mut left, mut doubtful) = (Vec::new(), Vec::new());
        for over in over {
            let Some((kind, source)) = subject(&bridge.source, &over.held.marker) else {
                left.push(over);
                continue;
            };
            doubtful.push(Doubtful {
                attempted: self.attempted(&over.attempts, kind, &source).await?,
                linked: linked.get(&(kind, source.clone())).cloned(),
                over,
                kind,
                source,
            });
        }
        let lanes = destination.capabilities().concurrency.max(1);
        let looking: Vec<_> = doubtful
            .iter()
            .map(|doubtful| doubtful.look(destination).boxed())
            .collect();
        let looked: Vec<_> = stream::iter(looking).buffered(lanes).collect().await;
        let mut arrived = Vec::new();
        for (doubtful, found) in doubtful.iter().zip(looked) {
            let Some(Arrived {
                record,
                attempt,
                written,
            }) = found
            else {
                continue;
            };
            let (kind, source) = (doubtful.kind, &doubtful.source);
            let whose = self.store.link_to(&bridge.id, kind, &record).await?;
            // Somebody linked it to another source record: theirs it is.
            if kind == RecordKind::Asset && whose.is_some_and(|link| link.source != *source) {
                continue;
            }
            arrived.push(FoundOut {
                held: doubtful.over.held.clone(),
                attempt,
                link: NewLink {
                    kind,
                    source: source.clone(),
                    destination: record,
                    written,
                },
            });
        }
        let taken: Vec<Settled> = arrived.iter().map(|found| found.held.clone()).collect();
        self.store.found_out(bridge, arrived).await?;
        let rest = doubtful.into_iter().map(|doubtful| doubtful.over);
        left.extend(rest.filter(|over| !taken.contains(&over.held)));
        Ok(left)
    }

    /// The operations of these attempts at one record, as far as their plans are still kept.
    pub(super) async fn attempted(
        &self,
        attempts: &[Attempt],
        kind: RecordKind,
        source: &SourceId,
    ) -> Result<Vec<Attempted>> {
        let mut found = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            let before = attempt.number.saturating_sub(1);
            let operation = self.store.operations(&attempt.plan, before, 1).await?.pop();
            let about = |o: &Operation| {
                o.number == attempt.number && o.subject.kind == kind && o.subject.source_id == *source
            };
            if let Some(operation) = operation.filter(about) {
                found.push(Attempted {
                    attempt: attempt.clone(),
                    operation,
                });
            }
        }
        Ok(found)
    }
}

/// What a mark stands for, when it is one of records of `source`.
pub(super) fn subject(source: &ConnectionId, marker: &str) -> Option<(RecordKind, SourceId)> {
    [
        RecordKind::Client,
        RecordKind::Site,
        RecordKind::AssetType,
        RecordKind::Asset,
    ]
    .into_iter()
    .find_map(|kind| {
        let begins = Marker::new(source, kind, &SourceId::from("")).0;
        Some((kind, SourceId::from(marker.strip_prefix(&begins)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_what_it_stands_for() {
        let source = ConnectionId::from("c-1");
        let id = SourceId::from("a/7");
        for kind in [RecordKind::Client, RecordKind::AssetType, RecordKind::Asset] {
            let marker = Marker::new(&source, kind, &id).0;
            assert_eq!(subject(&source, &marker), Some((kind, id.clone())));
            assert_eq!(subject(&"c-2".into(), &marker), None);
        }
    }
}
