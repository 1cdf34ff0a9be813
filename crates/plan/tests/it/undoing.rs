//! What holds for every undo, whatever the two sides look like.

use crate::properties::{able_world, shown};
use crate::world::World;
use model::{Action, Asset, Fields, RecordId, SourceId};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// An asset as far as a destination can take it back: when it was archived is not, nor a type once there was none.
fn restorable(asset: &Asset) -> Asset {
    let not_blank = |(_, value): &(&String, &serde_json::Value)| *value != "" && !value.is_null();
    let fields = asset.fields.iter().filter(not_blank);
    Asset {
        fields: fields.map(|(k, v)| (k.clone(), v.clone())).collect(),
        archived: asset.archived.map(|_| jiff::Timestamp::UNIX_EPOCH),
        ..asset.clone()
    }
}

fn linked(world: &World) -> BTreeMap<&SourceId, &RecordId> {
    world
        .asset_links
        .iter()
        .map(|(device, link)| (device, &link.asset))
        .collect()
}

fn find<'w>(world: &'w World, id: &RecordId) -> &'w Asset {
    world.assets.iter().find(|asset| &asset.id == id).unwrap()
}

proptest! {
    #[test]
    fn undo_after_apply_restores_what_the_destination_can_restore(before in able_world()) {
        let plan = before.plan();
        let mut after = before.clone();
        let done = after.apply(&plan);
        let undo = after.undo(&done);
        after.apply(&undo);
        let told = format!("{:?}\nplan:\n{}\nundo:\n{}", before.can, shown(&plan), shown(&undo));
        let archived: BTreeSet<&RecordId> = done
            .iter()
            .filter(|done| matches!(done.operation.action, Action::ArchiveAsset { .. }))
            .map(|done| &done.record)
            .collect();
        for asset in &before.assets {
            let now = find(&after, &asset.id);
            // Where there is no way out of the archive, what the run archived stays in it.
            let stays = !before.can.restore && archived.contains(&asset.id);
            let expected = Asset {
                asset_type: asset.asset_type.clone().or(now.asset_type.clone()),
                archived: asset.archived.or(stays.then_some(before.now)),
                ..asset.clone()
            };
            prop_assert_eq!(restorable(now), restorable(&expected), "{}", told);
        }
        // Where nothing can be archived, what the run made stays in use, and stays its device's.
        let mut made = after.assets.iter().skip(before.assets.len());
        prop_assert!(made.all(|asset| asset.archived.is_some() == before.can.archive), "{}", told);
        let mut links = linked(&before);
        let created = done.iter().filter(|done| matches!(done.operation.action, Action::CreateAsset(_)));
        if !before.can.archive {
            links.extend(created.map(|done| (&done.operation.subject.source_id, &done.record)));
        }
        prop_assert_eq!(linked(&after), links, "{}", told);
        // Every operation that wrote is taken back, or listed with why it stays.
        for done in &done {
            let number = Some(done.operation.number);
            prop_assert!(undo.operations.iter().any(|o| o.undoes == number && !o.reason.is_empty()), "{}", told);
        }
        let numbers: Vec<u32> = undo.operations.iter().map(|o| o.number).collect();
        prop_assert_eq!(numbers, (1..).take(undo.operations.len()).collect::<Vec<u32>>());
    }

    #[test]
    fn what_was_undone_is_not_written_again_before_somebody_releases_it(before in able_world()) {
        let mut world = before;
        let done = world.apply(&world.plan());
        let (assets, clients) = (world.assets.len(), world.clients.len());
        let undo = world.undo(&done);
        world.apply(&undo);
        let held = world.plan();
        prop_assert!(held.writes().is_empty(), "undo:\n{}\nafter:\n{}", shown(&undo), shown(&held));
        world.release_all();
        let again = world.plan();
        world.apply(&again);
        // Taken up again, not doubled.
        prop_assert_eq!(world.assets.len(), assets, "{}", shown(&again));
        prop_assert_eq!(world.clients.len(), clients, "{}", shown(&again));
        let last = world.plan();
        prop_assert!(last.writes().is_empty(), "again:\n{}\nlast:\n{}", shown(&again), shown(&last));
    }

    #[test]
    fn what_somebody_changed_since_stays_and_is_listed(before in able_world(), which in any::<Index>()) {
        let mut world = before;
        let done = world.apply(&world.plan());
        let fields = done.iter().flat_map(|done| {
            let fields: Vec<&String> = match &done.operation.action {
                Action::CreateAsset(draft) => draft.fields.keys().collect(),
                Action::Link { changes, .. } | Action::UpdateAsset { changes, .. } =>
                    changes.iter().map(|change| &change.field).collect(),
                _ => vec![],
            };
            fields.into_iter().map(|field| (done.record.clone(), field.clone())).collect::<Vec<_>>()
        });
        let fields: Vec<(RecordId, String)> = fields.collect();
        if fields.is_empty() {
            return Ok(());
        }
        let (asset, field) = which.get(&fields).clone();
        world.asset(&asset).fields.insert(field.clone(), json!("typed by hand"));
        let undo = world.undo(&done);
        let listed = undo.operations.iter().any(|operation| match &operation.action {
            Action::Review { changes } => changes.iter().any(|c| c.field == field && c.before == "typed by hand"),
            _ => false,
        });
        prop_assert!(listed, "{}", shown(&undo));
        world.apply(&undo);
        let fields: &Fields = &find(&world, &asset).fields;
        prop_assert_eq!(&fields[&field], &json!("typed by hand"));
    }

    #[test]
    fn undone_twice_writes_nothing_more(before in able_world()) {
        let mut world = before;
        let done = world.apply(&world.plan());
        world.apply(&world.undo(&done));
        let again = world.undo(&done);
        prop_assert!(again.writes().is_empty(), "{}", shown(&again));
    }
}
