//! Taking a run back: the registry is as before, what a person changed stays, and nothing is done again by itself.

use crate::hub::{Hub, confirmed, small};
use engine::applying::ApplyOptions;
use engine::undoing::UndoScope;
use engine::{Error, Result};
use model::{Action, Asset, Bridge, Change, PlanSummary, RecordId, RecordKind, Run, RunKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::Store;
use store::registry::{AssetFilter, AssetUpdate};
use testkit::TestStore;

pub async fn undo_plan(hub: &Hub, run: &Run, scope: UndoScope) -> Result<PlanSummary> {
    let runner = hub.runner().await;
    hub.engine
        .undo_plan(&hub.actor, &runner, run, &scope, hub.work())
        .await
}

pub async fn undo(hub: &Hub, run: &Run) -> Run {
    let plan = undo_plan(hub, run, UndoScope::default()).await.unwrap();
    let undone = hub.apply(&plan, confirmed()).await.unwrap();
    let counts = undone.counts;
    assert_eq!((counts.failed, counts.skipped, counts.unknown), (0, 0, 0));
    assert_eq!(counts.done, u64::from(plan.counts.writes()));
    undone
}

/// Everything the registry holds, but for the moments of archiving and blanks.
pub async fn assets(store: &Store) -> BTreeMap<RecordId, Asset> {
    let filter = AssetFilter {
        archived: true,
        limit: 10_000,
        ..AssetFilter::default()
    };
    let all = store.registry_assets(&filter).await.unwrap();
    all.into_iter()
        .map(|found| {
            let mut asset = found.asset;
            asset.archived = asset.archived.map(|_| jiff::Timestamp::UNIX_EPOCH);
            asset.fields.retain(|_, value| !value.is_null() && value != "");
            (asset.id.clone(), asset)
        })
        .collect()
}

pub async fn type_in(store: &Store, asset: &RecordId, field: &str, before: Value, after: Value) {
    let change = Change {
        field: field.to_owned(),
        before,
        after,
    };
    let update = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    let mut answers = store
        .update_registry_assets(&[(asset.clone(), update)])
        .await
        .unwrap();
    answers.remove(0).unwrap();
}

/// An estate that was synced, and the run that wrote the difference of the day after.
pub async fn day_after(store: &TestStore) -> (Hub, Bridge, Run, BTreeMap<RecordId, Asset>) {
    let (hub, bridge) = Hub::connected(store, small(60), "humanizeit").await;
    hub.sync_all(&bridge).await;
    let before = assets(store).await;
    hub.ninja.let_a_day_pass(0.5);
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    assert!(plan.counts.updates > 5, "{:?}", plan.counts);
    let run = hub.apply(&plan, confirmed()).await.unwrap();
    (hub, bridge, run, before)
}

#[tokio::test]
async fn after_an_undo_the_registry_is_as_before_and_stays_so_until_a_release() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, run, before) = day_after(&store).await;
        let written = assets(&store).await;
        assert_ne!(written, before);
        let undone = undo(&hub, &run).await;
        let RunKind::Undo { run: of, .. } = &undone.kind else {
            panic!("{undone:?}")
        };
        assert_eq!(of, &run.id);
        let mut now = assets(&store).await;
        now.retain(|id, asset| before.contains_key(id) || asset.archived.is_none());
        assert_eq!(now, before, "what was created is archived, all else as before");

        // Nothing of it is done again by itself, however often it is planned.
        hub.read(&bridge).await;
        let held = hub.plan().await;
        assert_eq!(held.counts.writes(), 0, "{:?}", held.counts);
        assert!(held.counts.reviews > 5, "{:?}", held.counts);
        let bridge = hub.bridge().await;
        let waiting = hub.engine.undone(&hub.actor, &bridge).await.unwrap();
        assert!(
            waiting
                .iter()
                .all(|u| u.by == "person:owner" && u.run == undone.id)
        );

        // Released, it is all there again, and nothing twice.
        let released = hub
            .engine
            .release_undone(&hub.actor, &bridge, None)
            .await
            .unwrap();
        assert_eq!(released, waiting.len() as u64);
        let again = hub.plan().await;
        assert!(again.counts.writes() > 5, "{:?}", again.counts);
        hub.apply(&again, confirmed()).await.unwrap();
        assert_eq!(assets(&store).await, written);
        assert_eq!(hub.plan().await.counts.writes(), 0);
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn the_undo_of_the_first_run_archives_what_it_created_and_the_brakes_ask_first() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "humanizeit").await;
        let run = hub.sync_all(&bridge).await;
        let clients = store.registry_clients().await.unwrap().len();
        let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        assert_eq!(plan.counts.archives, 40);
        assert_eq!(plan.undoes.as_ref(), Some(&run.id));
        assert!(
            plan.counts.skips >= u32::try_from(clients).unwrap(),
            "clients and types stay, and are listed"
        );
        assert_eq!(
            store.registry_asset_count().await.unwrap(),
            40,
            "a plan writes nothing"
        );
        let stopped = hub.apply(&plan, ApplyOptions::default()).await.unwrap_err();
        assert!(matches!(stopped, Error::NeedsConfirmation { .. }), "{stopped}");
        assert_eq!(hub.bridge().await.paused, None);
        hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(store.registry_asset_count().await.unwrap(), 0);
        assert_eq!(store.registry_clients().await.unwrap().len(), clients);
        let paused = hub.bridge().await.paused.unwrap();
        assert!(
            paused.contains(run.id.as_str()) && paused.contains("person:owner"),
            "{paused}"
        );
        let held = hub.plan().await;
        assert_eq!((held.counts.writes(), held.counts.reviews), (0, 40));
        hub.engine
            .release_undone(&hub.actor, &hub.bridge().await, None)
            .await
            .unwrap();
        let again = hub.plan().await;
        assert_eq!((again.counts.restores, again.counts.create_assets), (40, 0));
        hub.apply(&again, confirmed()).await.unwrap();
        assert_eq!(
            assets(&store).await.len(),
            40,
            "taken out of the archive, not made twice"
        );
        assert_eq!(hub.plan().await.counts.writes(), 0);
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_person_changed_since_stays_and_is_listed() {
    TestStore::on_every_engine(async |store| {
        let (hub, _, run, before) = day_after(&store).await;
        let operations = store.done_items(&run.id).await.unwrap();
        let (asset, changes) = operations
            .iter()
            .find_map(|item| match &item.operation.as_ref()?.action {
                Action::UpdateAsset { asset, changes, .. } if changes[0].after.is_string() => Some((asset, changes)),
                _ => None,
            })
            .unwrap();
        let field = &changes[0].field;
        type_in(&store, asset, field, changes[0].after.clone(), json!("typed by a person")).await;
        let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        let listed = hub.engine.operations(&hub.actor, &plan.id, 0, 10_000).await.unwrap();
        let listed = listed
            .iter()
            .find(|o| matches!(&o.action, Action::Review { changes } if changes.iter().any(|c| &c.field == field && c.before == "typed by a person")))
            .expect("it is listed");
        assert!(listed.reason.contains("changed by somebody since"), "{}", listed.reason);
        hub.apply(&plan, confirmed()).await.unwrap();
        let now = assets(&store).await;
        let mut expected = before[asset].clone();
        expected.fields.insert(field.clone(), json!("typed by a person"));
        assert_eq!(now[asset], expected, "everything else of it went back");
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_person_changes_after_the_undo_was_planned_stays_and_can_be_undone_later() {
    let store = TestStore::sqlite().await;
    let (hub, _, run, before) = day_after(&store).await;
    let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 10_000)
        .await
        .unwrap();
    let (asset, change) = operations
        .iter()
        .find_map(|o| match &o.action {
            Action::UpdateAsset { asset, changes, .. } => Some((asset, &changes[0])),
            _ => None,
        })
        .unwrap();
    type_in(
        &store,
        asset,
        &change.field,
        change.before.clone(),
        json!("quick"),
    )
    .await;
    let undone = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!((undone.counts.skipped, undone.counts.failed), (1, 0));
    assert_eq!(assets(&store).await[asset].fields[&change.field], json!("quick"));
    // The person thinks better of it: what is left of the run is undone.
    type_in(
        &store,
        asset,
        &change.field,
        json!("quick"),
        change.before.clone(),
    )
    .await;
    let rest = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
    assert_eq!(rest.counts.writes(), 1);
    hub.apply(&rest, confirmed()).await.unwrap();
    assert_eq!(assets(&store).await[asset], before[asset]);
    let refused = undo_plan(&hub, &run, UndoScope::default()).await.unwrap_err();
    assert!(matches!(refused, Error::NotUndoable { .. }), "{refused}");
}

#[tokio::test]
async fn one_record_is_undone_alone() {
    TestStore::on_every_engine(async |store| {
        let (hub, _, run, before) = day_after(&store).await;
        let written = assets(&store).await;
        let items = store.done_items(&run.id).await.unwrap();
        let updates: Vec<_> = items
            .iter()
            .filter_map(|item| item.operation.as_ref())
            .filter(|o| o.action.name() == "update_asset")
            .collect();
        let device = updates[0].subject.source_id.clone();
        let by_record = UndoScope {
            records: vec![(RecordKind::Asset, device)],
            ..UndoScope::default()
        };
        let by_number = UndoScope {
            operations: vec![updates[1].number],
            ..UndoScope::default()
        };
        for (scope, of) in [(by_record, updates[0]), (by_number, updates[1])] {
            let plan = undo_plan(&hub, &run, scope.clone()).await.unwrap();
            assert_eq!(plan.counts.writes(), 1, "{:?}", plan.counts);
            hub.apply(&plan, confirmed()).await.unwrap();
            let Action::UpdateAsset { asset, .. } = &of.action else {
                unreachable!()
            };
            assert_eq!(assets(&store).await[asset], before[asset]);
            let twice = undo_plan(&hub, &run, scope).await.unwrap_err().to_string();
            assert!(twice.contains("that record was undone by run"), "{twice}");
        }
        let now = assets(&store).await;
        let as_written = now.iter().filter(|(id, asset)| written[*id] == **asset).count();
        assert_eq!(as_written, written.len() - 2, "the others stand as written");
        let nobody = UndoScope {
            records: vec![(RecordKind::Asset, "no such device".into())],
            ..UndoScope::default()
        };
        let unknown = undo_plan(&hub, &run, nobody).await.unwrap_err().to_string();
        assert!(unknown.contains("it wrote no such record"), "{unknown}");
        // The rest of the run can be undone after it.
        undo(&hub, &run).await;
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn adopted_assets_are_let_go_and_not_adopted_again_before_a_release() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "humanizeit").await;
        hub.read(&bridge).await;
        hub.create_undecided(&bridge).await;
        // What a first hub would have written, typed in by hand and without ids.
        let plan = hub.plan().await;
        let operations = hub
            .engine
            .operations(&hub.actor, &plan.id, 0, 10_000)
            .await
            .unwrap();
        let names: Vec<String> = hub
            .ninja
            .organizations()
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        let csv = format!(
            "name\n{}\n",
            names
                .iter()
                .map(|n| format!("\"{n}\""))
                .collect::<Vec<_>>()
                .join("\n")
        );
        hub.engine
            .import_clients(&hub.actor, "c.csv", csv.as_bytes())
            .await
            .unwrap();
        let mut csv = "client,name,serialNumber\n".to_owned();
        for operation in &operations {
            if let Action::CreateAsset(draft) = &operation.action
                && let Some(serial) = draft.fields.get("serialNumber").and_then(Value::as_str)
            {
                csv.push_str(&format!("\"{}\",typed,{serial}\n", operation.client_label));
            }
        }
        hub.engine
            .import_assets(&hub.actor, "a.csv", csv.as_bytes())
            .await
            .unwrap();
        let before = assets(&store).await;
        // The decisions to create are taken back: the clients are there.
        let matching = hub
            .engine
            .matching(&hub.actor, &hub.bridge().await)
            .await
            .unwrap();
        let none = matching
            .rows
            .iter()
            .map(|r| (r.organization.id.clone(), None))
            .collect();
        hub.engine
            .decide(&hub.actor, &hub.bridge().await, none)
            .await
            .unwrap();
        let plan = hub.plan().await;
        assert!(plan.counts.links > 10, "{:?}", plan.counts);
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        let adopted = assets(&store).await;
        let told_apart =
            |all: &BTreeMap<RecordId, Asset>| all.values().filter(|a| a.source_id.is_some()).count();
        assert!(told_apart(&adopted) > 10);

        undo(&hub, &run).await;
        let mut now = assets(&store).await;
        now.retain(|id, _| before.contains_key(id));
        // The type it was given cannot be taken away again, and that is listed.
        for asset in now.values_mut() {
            asset.asset_type = None;
        }
        assert_eq!(now, before);
        let links = store.links(&bridge.id, RecordKind::Asset).await.unwrap();
        assert!(links.is_empty(), "{links:?}");
        let links = store.links(&bridge.id, RecordKind::Client).await.unwrap();
        assert!(links.is_empty(), "{links:?}");
        let held = hub.plan().await;
        assert_eq!(
            (held.counts.writes(), held.counts.reviews),
            (0, 4),
            "the organizations wait: {:?}",
            held.counts
        );

        // Released one by one: first an organization, then a device of it.
        let bridge = hub.bridge().await;
        let organization = &matching.rows[0].organization.id;
        let one = [(RecordKind::Client, organization.clone())];
        assert_eq!(
            hub.engine
                .release_undone(&hub.actor, &bridge, Some(&one))
                .await
                .unwrap(),
            1
        );
        let again = hub
            .engine
            .release_undone(&hub.actor, &bridge, Some(&one))
            .await
            .unwrap_err();
        assert!(matches!(again, Error::Unknown { .. }), "{again}");
        let plan = hub.plan().await;
        assert_eq!(
            (plan.counts.links, plan.counts.writes()),
            (1, 1),
            "{:?}",
            plan.counts
        );
        hub.engine
            .release_undone(&hub.actor, &bridge, None)
            .await
            .unwrap();
        let plan = hub.plan().await;
        assert!(plan.counts.links > 10, "{:?}", plan.counts);
        let again = hub.apply(&plan, confirmed()).await.unwrap();
        let failed = hub.engine.failed_items(&hub.actor, &again).await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(assets(&store).await, adopted);
        hub.ninja.shutdown().await;
    })
    .await;
}
