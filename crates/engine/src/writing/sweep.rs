//! Closing what was left in doubt and needs nothing more: an update that arrived after all leaves the next plan with
//! nothing to do for its record, and so nobody who would come back to it. Neither does a creation, or a way out of the
//! archive, that never arrived and whose device is gone.

use super::arrived::{Attempted, Over, subject};
use crate::engine::Engine;
use crate::error::Result;
use crate::planning::collect_assets;
use connect::{AssetScope, Destination, Marker};
use model::{Bridge, PlanId, RecordKind};
use std::collections::BTreeSet;
use store::Settled;

/// Operations read from a plan at a time.
const PAGE: usize = 500;

impl Engine {
    /// Closes those of `over` for whose records the plan writes nothing. The others are looked up when it is applied.
    pub(crate) async fn close_writes_over(
        &self,
        bridge: &Bridge,
        destination: &dyn Destination,
        plan: &PlanId,
        mut over: Vec<Over>,
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
        over.retain(|over| {
            let marker = &over.held.marker;
            let of_another = others.iter().any(|begins| marker.starts_with(begins));
            !written.contains(marker) && !of_another
        });
        let records: Vec<_> = over
            .iter()
            .filter_map(|over| subject(&bridge.source, &over.held.marker))
            .collect();
        let linked = self.store.linked_now(&bridge.id, &records).await?;
        let mut close: Vec<Settled> = Vec::new();
        for Over { held, attempts, .. } in over {
            let unlinked =
                subject(&bridge.source, &held.marker).filter(|record| !linked.contains_key(record));
            let Some((kind, source)) = unlinked else {
                close.push(held);
                continue;
            };
            let attempted = self.attempted(&attempts, kind, &source).await?;
            let marker = Marker(held.marker.clone());
            if !put_in_use(destination, kind, &marker, &attempted).await {
                close.push(held);
            }
        }
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

/// Whether a record that nothing is linked to may be in use because of one of these attempts: it stays in doubt, and the next
/// plan takes it in. So does what cannot be told now.
async fn put_in_use(
    destination: &dyn Destination,
    kind: RecordKind,
    marker: &Marker,
    attempted: &[Attempted],
) -> bool {
    let creates = |attempted: &Attempted| super::creates(&attempted.operation.action);
    // What an undo sends it looks up by itself, unless a later attempt creates.
    let taken_back = attempted.iter().any(Attempted::takes_back);
    if taken_back && !attempted.first().is_some_and(creates) {
        return false;
    }
    let created = attempted.is_empty() || attempted.iter().any(creates);
    if created {
        return match destination.find(kind, marker).await {
            Ok(found) => !found.is_empty(),
            Err(_) => true,
        };
    }
    let restored = attempted.iter().find_map(Attempted::restores);
    let Some(asset) = restored else { return false };
    match collect_assets(destination, AssetScope::Ids(vec![asset.clone()])).await {
        Ok(found) => found.iter().any(|asset| asset.archived.is_none()),
        Err(_) => true,
    }
}
