//! Which ids a destination stores are ids of this bridge's source.
//!
//! Organization and device ids are small numbers that every NinjaOne tenant has. Where two tenants are bridged into one
//! destination, the 7 that stands on a record may be either's; taken for granted it would mix up two customers.

use crate::engine::Engine;
use crate::error::Result;
use connect::Marker;
use model::{Bridge, ConnectionId, RecordKind, SourceId};
use std::collections::BTreeSet;

/// What the ids that a destination stores tell.
pub(crate) enum StoredIds {
    /// One source feeds the destination: they are its own.
    OfOneSource,
    /// Several do: only those that this source alone wrote, by the marks of its writes, tell something.
    OfSeveral {
        source: ConnectionId,
        ours: BTreeSet<String>,
    },
}

impl StoredIds {
    /// Whether a record of that kind that stores `id` is this source's.
    pub(crate) fn tell(&self, kind: RecordKind, id: &str) -> bool {
        match self {
            Self::OfOneSource => true,
            Self::OfSeveral { source, ours } => {
                ours.contains(&Marker::new(source, kind, &SourceId::from(id)).0)
            }
        }
    }
}

impl Engine {
    /// What the ids stored in a bridge's destination tell it.
    pub(crate) async fn stored_ids(&self, bridge: &Bridge) -> Result<StoredIds> {
        let bridges = self.store.bridges().await?;
        let others: Vec<&ConnectionId> = bridges
            .iter()
            .filter(|other| other.destination == bridge.destination && other.source != bridge.source)
            .map(|other| &other.source)
            .collect();
        if others.is_empty() {
            return Ok(StoredIds::OfOneSource);
        }
        let prefix = |source: &ConnectionId| format!("{source}/");
        let mut ours = self
            .store
            .marks_written(&bridge.destination, &prefix(&bridge.source))
            .await?;
        for other in others {
            let theirs = prefix(other);
            for mark in self.store.marks_written(&bridge.destination, &theirs).await? {
                if let Some(record) = mark.strip_prefix(&theirs) {
                    ours.remove(&format!("{}{record}", prefix(&bridge.source)));
                }
            }
        }
        Ok(StoredIds::OfSeveral {
            source: bridge.source.clone(),
            ours,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_several_sources_tells_only_what_this_one_wrote() {
        let source = ConnectionId::from("c-1");
        let ours = BTreeSet::from(["c-1/client/7".to_owned()]);
        let several = StoredIds::OfSeveral { source, ours };
        assert!(several.tell(RecordKind::Client, "7"));
        assert!(!several.tell(RecordKind::Client, "8"));
        assert!(!several.tell(RecordKind::Asset, "7"));
        assert!(StoredIds::OfOneSource.tell(RecordKind::Asset, "8"));
    }
}
