//! What a plan saw of assets, looked at once more before it is carried out.
//!
//! A destination refuses to change a field that is not as the plan saw it. It does not compare where an asset stands,
//! which device id it holds, or whether somebody works with what an undo archives; and an undo may be applied long after
//! it was planned. So these are read again, a group of operations at a time, and what was overtaken is left alone.

use crate::engine::Engine;
use crate::error::Result;
use connect::Destination;
use model::operation::{Action, Move, Operation};
use model::{Asset, Bridge, Connection, Place, RecordId, RunId};
use plan::Done;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at assets again.
pub(super) struct Recheck<'a> {
    pub(super) engine: &'a Engine,
    pub(super) bridge: &'a Bridge,
    pub(super) connection: &'a Connection,
    pub(super) destination: &'a dyn Destination,
    /// What an undo takes back, by its number in the plan of its run; nothing for any other plan.
    pub(super) done: BTreeMap<u32, Done>,
}

impl Engine {
    /// What a run did and nobody has taken back yet, by number.
    pub(super) async fn still_done(&self, run: &RunId) -> Result<BTreeMap<u32, Done>> {
        let items = self.store.done_items(run).await?;
        let open = items.into_iter().filter(|item| item.undone_by.is_none());
        let done = open.filter_map(|item| {
            let (operation, record) = (item.operation?, item.record);
            Some((item.number, Done { operation, record }))
        });
        Ok(done.collect())
    }
}

impl Recheck<'_> {
    /// The numbers of those operations that would not be planned so any more.
    ///
    /// # Errors
    /// When the destination cannot be read, or the store fails. Nothing of the group was begun then.
    pub(super) async fn overtaken(&self, group: &[Operation]) -> Result<BTreeSet<u32>> {
        let (undone, moved): (Vec<_>, Vec<_>) = group
            .iter()
            .filter(|operation| depends_on_more_than_fields(operation))
            .partition(|operation| operation.undoes.is_some());
        let mut overtaken = self.not_taken_back_so(&undone).await?;
        overtaken.extend(self.elsewhere(&moved).await?);
        Ok(overtaken)
    }

    /// Steps of an undo that would be others by now.
    async fn not_taken_back_so(&self, steps: &[&Operation]) -> Result<BTreeSet<u32>> {
        if steps.is_empty() {
            return Ok(BTreeSet::new());
        }
        let done = steps.iter().filter_map(|step| self.done.get(&step.undoes?));
        let done: Vec<Done> = done.cloned().collect();
        // The brakes were asked when it was planned.
        let now = self
            .engine
            .way_back(self.bridge, self.connection, self.destination, &done, 0)
            .await?;
        let writes = now.operations.iter().filter(|step| step.action.writes());
        let now: BTreeMap<u32, &Action> = writes
            .filter_map(|step| Some((step.undoes?, &step.action)))
            .collect();
        let stands = |step: &&&Operation| {
            let now = step.undoes.and_then(|undoes| now.get(&undoes));
            now.is_some_and(|now| does_the_same(&step.action, now))
        };
        let overtaken = steps.iter().filter(|step| !stands(step));
        Ok(overtaken.map(|step| step.number).collect())
    }

    /// Moves of assets that stand elsewhere by now.
    async fn elsewhere(&self, moves: &[&Operation]) -> Result<BTreeSet<u32>> {
        let places: Vec<(u32, &RecordId, &Place)> = moves
            .iter()
            .filter_map(|operation| match &operation.action {
                Action::UpdateAsset {
                    asset,
                    moved: Some(Move {
                        before: Some(before), ..
                    }),
                    ..
                } => Some((operation.number, asset, before)),
                _ => None,
            })
            .collect();
        if places.is_empty() {
            return Ok(BTreeSet::new());
        }
        let ids = places.iter().map(|(_, asset, _)| (*asset).clone()).collect();
        let now = self
            .engine
            .assets_now(self.connection, self.destination, ids)
            .await?;
        let stands = |asset: &Asset, before: &Place| {
            (&asset.client, &asset.site, &asset.asset_type)
                == (&before.client, &before.site, &before.asset_type)
        };
        let elsewhere = places
            .into_iter()
            .filter(|(_, asset, before)| !now.get(*asset).is_some_and(|now| stands(now, before)));
        Ok(elsewhere.map(|(number, ..)| number).collect())
    }
}

/// Whether a step hangs on what no destination compares. An archive by rule does not: it is the device that is gone.
fn depends_on_more_than_fields(operation: &Operation) -> bool {
    match &operation.action {
        Action::ArchiveAsset { .. } => operation.undoes.is_some(),
        Action::UpdateAsset { moved, .. } => moved.is_some(),
        Action::Unlink { back, .. } => back.as_ref().is_some_and(|back| back.record.is_none()),
        _ => false,
    }
}

/// Whether two steps do the same, but for fields.
fn does_the_same(planned: &Action, now: &Action) -> bool {
    match (planned, now) {
        (Action::ArchiveAsset { asset }, Action::ArchiveAsset { asset: now }) => asset == now,
        (Action::UpdateAsset { moved, .. }, Action::UpdateAsset { moved: now, .. }) => moved == now,
        (Action::Unlink { back, .. }, Action::Unlink { back: now, .. }) => back == now,
        _ => false,
    }
}
