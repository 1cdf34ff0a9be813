//! What a plan saw of assets, looked at once more before it is carried out.
//!
//! A destination refuses to change a field that is not as the plan saw it. It does not compare where an asset stands,
//! which device id it stores, or whether somebody archived or works with what an undo writes; and an undo may be applied
//! long after it was planned. So these are read again, a page of the plan or a group of an undo at a time, and what was
//! overtaken is left alone.

use crate::engine::Engine;
use crate::error::Result;
use connect::Destination;
use model::operation::{Action, Move, Operation};
use model::{Asset, Bridge, Connection, Place, RecordId, RecordKind};
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

impl Recheck<'_> {
    /// The numbers of those operations that would not be planned so any more.
    ///
    /// # Errors
    /// When the destination cannot be read, or the store fails. None of them was begun then.
    pub(super) async fn overtaken(&self, operations: &[Operation]) -> Result<BTreeSet<u32>> {
        let of_assets = operations
            .iter()
            .filter(|operation| operation.subject.kind == RecordKind::Asset);
        let (undone, others): (Vec<_>, Vec<_>) = of_assets.partition(|operation| operation.undoes.is_some());
        let mut overtaken = self.not_taken_back_so(&undone).await?;
        overtaken.extend(self.elsewhere(&others).await?);
        Ok(overtaken)
    }

    /// Steps of an undo that would be others by now. One of which the books do not tell any more stands as it was planned.
    async fn not_taken_back_so(&self, steps: &[&Operation]) -> Result<BTreeSet<u32>> {
        let known = steps
            .iter()
            .filter(|step| !writes_nothing(&step.action))
            .filter_map(|step| Some((*step, self.done.get(&step.undoes?)?)));
        let (steps, done): (Vec<&Operation>, Vec<Done>) =
            known.map(|(step, done)| (step, done.clone())).unzip();
        if done.is_empty() {
            return Ok(BTreeSet::new());
        }
        // The brakes were asked when it was planned.
        let now = self
            .engine
            .way_back(self.bridge, self.connection, self.destination, &done, 0)
            .await?;
        let writes = now.operations.iter().filter(|step| step.action.writes());
        let now: BTreeMap<u32, &Action> = writes
            .filter_map(|step| Some((step.undoes?, &step.action)))
            .collect();
        let stands = |step: &&Operation| {
            let now = step.undoes.and_then(|undoes| now.get(&undoes));
            now.is_some_and(|now| does_the_same(&step.action, now))
        };
        let overtaken = steps.into_iter().filter(|step| !stands(step));
        Ok(overtaken.map(|step| step.number).collect())
    }

    /// Moves and adoptions of assets that stand elsewhere, or store another device id, by now.
    async fn elsewhere(&self, operations: &[&Operation]) -> Result<BTreeSet<u32>> {
        let seen: Vec<(u32, &RecordId, Seen<'_>)> = operations
            .iter()
            .filter_map(|operation| {
                let (asset, seen) = seen(&operation.action)?;
                Some((operation.number, asset, seen))
            })
            .collect();
        // Where assets cannot be changed, a link is ours alone.
        if seen.is_empty() || !self.destination.capabilities().update_assets {
            return Ok(BTreeSet::new());
        }
        let ids = seen.iter().map(|(_, asset, _)| (*asset).clone()).collect();
        let now = self
            .engine
            .assets_now(self.connection, self.destination, ids)
            .await?;
        let elsewhere = seen
            .into_iter()
            .filter(|(_, asset, seen)| !now.get(*asset).is_some_and(|now| seen.stands(now)));
        Ok(elsewhere.map(|(number, ..)| number).collect())
    }
}

/// What a plan saw of an asset that it writes and no destination compares.
enum Seen<'a> {
    /// Where it stood, and where it goes.
    Place(&'a Place, &'a Move),
    /// The device id it stored.
    SourceId(Option<&'a String>),
}

impl Seen<'_> {
    fn stands(&self, now: &Asset) -> bool {
        match self {
            Self::Place(before, moved) => {
                let leaves = moved.client.is_some() || moved.site.is_some() || moved.leaves_site;
                (!leaves || (&now.client, &now.site) == (&before.client, &before.site))
                    && (moved.asset_type.is_none() || now.asset_type == before.asset_type)
            }
            Self::SourceId(id) => now.source_id.as_ref() == *id,
        }
    }
}

fn seen(action: &Action) -> Option<(&RecordId, Seen<'_>)> {
    match action {
        Action::UpdateAsset {
            asset,
            moved: Some(moved),
            ..
        } => Some((asset, Seen::Place(moved.before.as_ref()?, moved))),
        Action::Link { record, before, .. } => {
            let stored = before.as_ref()?.source_id.as_ref();
            Some((record, Seen::SourceId(stored)))
        }
        _ => None,
    }
}

/// Whether a step takes a link that is ours alone.
fn writes_nothing(action: &Action) -> bool {
    matches!(action, Action::Unlink { changes, back: None, .. } if changes.is_empty())
}

/// Whether two steps of an undo do the same, but for fields: those are compared as they are written.
fn does_the_same(planned: &Action, now: &Action) -> bool {
    match (planned, now) {
        (Action::UpdateAsset { moved, .. }, Action::UpdateAsset { moved: now, .. }) => {
            goes_to(moved.as_ref()) == goes_to(now.as_ref())
        }
        (Action::Unlink { back, .. }, Action::Unlink { back: now, .. }) => back == now,
        (planned, now) => planned == now,
    }
}

/// A move without where it begins.
fn goes_to(moved: Option<&Move>) -> Option<Move> {
    moved.map(|moved| Move {
        before: None,
        ..moved.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::LinkBefore;
    use model::operation::{Change, ClientTarget};

    fn update(to: Option<&str>, value: &str) -> Action {
        Action::UpdateAsset {
            asset: "a".into(),
            changes: vec![Change {
                field: "os".to_owned(),
                before: "W11".into(),
                after: value.into(),
            }],
            moved: to.map(|client| Move {
                client: Some(ClientTarget::Existing(client.into())),
                before: Some(Place {
                    client: value.into(),
                    site: None,
                    asset_type: None,
                }),
                ..Move::default()
            }),
        }
    }

    fn unlink(id: Option<&str>) -> Action {
        Action::Unlink {
            record: "a".into(),
            changes: vec![],
            back: id.map(|id| LinkBefore {
                record: None,
                source_id: Some(id.to_owned()),
            }),
        }
    }

    #[test]
    fn steps_are_the_same_that_go_to_the_same_place_and_give_back_the_same_id() {
        let archive = |asset: &str| Action::ArchiveAsset { asset: asset.into() };
        for (planned, now, same) in [
            (update(Some("acme"), "W10"), update(Some("acme"), "W7"), true),
            (update(Some("acme"), "W10"), update(Some("other"), "W10"), false),
            (update(Some("acme"), "W10"), update(None, "W10"), false),
            (unlink(Some("17")), unlink(Some("17")), true),
            (unlink(Some("17")), unlink(None), false),
            (unlink(Some("17")), archive("a"), false),
            (archive("a"), archive("a"), true),
            (archive("a"), Action::Skip, false),
        ] {
            assert_eq!(does_the_same(&planned, &now), same, "{planned:?} {now:?}");
        }
    }

    #[test]
    fn of_a_place_what_is_left_is_compared_and_of_an_adoption_the_id() {
        let now = |client: &str, asset_type: Option<&str>, id: Option<&str>| Asset {
            id: "a".into(),
            client: client.into(),
            site: None,
            asset_type: asset_type.map(RecordId::from),
            source_id: id.map(str::to_owned),
            fields: model::Fields::new(),
            archived: None,
        };
        let moves = update(Some("acme"), "old");
        let adopts = Action::Link {
            record: "a".into(),
            changes: vec![],
            before: Some(LinkBefore {
                record: None,
                source_id: Some("17".to_owned()),
            }),
        };
        for (action, asset, stands) in [
            (&moves, now("old", None, None), true),
            (&moves, now("old", Some("mac"), None), true),
            (&moves, now("other", None, None), false),
            (&adopts, now("old", None, Some("17")), true),
            (&adopts, now("old", None, Some("18")), false),
            (&adopts, now("old", None, None), false),
        ] {
            let (_, seen) = seen(action).unwrap();
            assert_eq!(seen.stands(&asset), stands, "{action:?} {asset:?}");
        }
        assert!(
            seen(&update(None, "W10")).is_none(),
            "fields alone are the destination's to compare"
        );
    }
}
