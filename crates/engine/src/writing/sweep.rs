//! Closing what was left in doubt and needs nothing more: an update that arrived after all leaves the next plan with
//! nothing to do for its record, and so nobody who would come back to it.

use super::protocol::{Admission, admit};
use crate::engine::Engine;
use crate::error::Result;
use connect::Marker;
use model::{Bridge, PlanId};
use std::collections::BTreeSet;
use store::Settled;

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

    /// Closes those of `over` for whose records the plan writes nothing. The others are looked up when it is applied.
    pub(crate) async fn close_writes_over(
        &self,
        bridge: &Bridge,
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
        over.retain(|claim| !written.contains(&claim.marker));
        Ok(self.store.close_claims(&bridge.destination, &over).await?)
    }
}
