//! Closing what was left in doubt and needs nothing more: an update that arrived after all leaves the next plan with
//! nothing to do for its record, and so nobody who would come back to it. Neither does the creation of a record whose
//! device is gone.

use super::protocol::{Admission, Resolution, admit, resolve};
use crate::engine::Engine;
use crate::error::Result;
use connect::{Destination, Marker};
use model::{Bridge, ConnectionId, PlanId, RecordKind, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use store::{NewLink, Settled};

/// Operations read from a plan at a time.
const PAGE: usize = 500;

impl Engine {
    /// Writes to a destination that have no known outcome and can no longer arrive. Asked before the destination is
    /// read: then what is read shows whether they did.
    pub(crate) async fn writes_over(&self, bridge: &Bridge) -> Result<Vec<Settled>> {
        let open = self.store.open_claims(&bridge.destination).await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.store.now().await?;
        Ok(open
            .into_iter()
            .filter(|(_, claim)| admit(claim, &now) == Admission::InDoubt)
            .map(|(marker, claim)| Settled {
                marker,
                version: claim.version,
            })
            .collect())
    }

    /// Closes those of `over` for whose records the plan writes nothing. The others are looked up when it is applied. What
    /// was created and is not linked is linked first: its device may be gone by now, and nobody else would find it.
    pub(crate) async fn close_writes_over(
        &self,
        bridge: &Bridge,
        destination: &dyn Destination,
        plan: &PlanId,
        mut over: Vec<Settled>,
    ) -> Result<()> {
        if over.is_empty() {
            return Ok(());
        }
        let mut written: BTreeSet<String> = BTreeSet::new();
        let mut after = 0;
        loop {
            let page = self.store.operations(plan, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            written.extend(
                page.iter()
                    .filter(|operation| operation.action.writes())
                    .map(|o| Marker::new(&bridge.source, o.subject.kind, &o.subject.source_id).0),
            );
        }
        let others = self.other_sources(bridge).await?;
        over.retain(|claim| {
            let of_another = others.iter().any(|begins| claim.marker.starts_with(begins));
            !written.contains(&claim.marker) && !of_another
        });
        let records: Vec<_> = over
            .iter()
            .filter_map(|claim| subject(&bridge.source, &claim.marker))
            .collect();
        let linked = self.store.linked_now(&bridge.id, &records).await?;
        let (mut close, mut adopt) = (Vec::new(), Vec::new());
        for claim in over {
            let unlinked =
                subject(&bridge.source, &claim.marker).filter(|record| !linked.contains_key(record));
            let Some((kind, source)) = unlinked else {
                close.push(claim);
                continue;
            };
            match destination
                .find(kind, &Marker(claim.marker.clone()))
                .await
                .map(resolve)
            {
                Ok(Resolution::Send) => close.push(claim),
                Ok(Resolution::Adopt(record)) => {
                    match self.store.link_to(&bridge.id, kind, &record).await? {
                        // Somebody linked it to another source record: theirs it is.
                        Some(_) if kind == RecordKind::Asset => close.push(claim),
                        _ => adopt.push((
                            claim,
                            NewLink {
                                kind,
                                source,
                                destination: record,
                                written: BTreeMap::new(),
                            },
                        )),
                    }
                }
                // It stays in doubt, and the next plan asks again.
                Ok(Resolution::Several(_)) | Err(_) => {}
            }
        }
        self.store.adopt_found(bridge, adopt).await?;
        Ok(self.store.close_claims(&bridge.destination, &close).await?)
    }

    /// How the marks of other sources begin that are written to the same destination: their own bridges' plans see to
    /// them.
    async fn other_sources(&self, bridge: &Bridge) -> Result<BTreeSet<String>> {
        let bridges = self.store.bridges().await?.into_iter();
        let others = bridges.filter(|o| o.destination == bridge.destination && o.source != bridge.source);
        Ok(others.map(|other| format!("{}/", other.source)).collect())
    }
}

/// What a mark stands for, when it is one of records of `source`.
fn subject(source: &ConnectionId, marker: &str) -> Option<(RecordKind, SourceId)> {
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
