//! Work that ends in the middle: what was finished stands, and going on makes no duplicates.

use crate::hub::{Hub, confirmed, small};
use connect::Marker;
use model::{Outcome, RecordKind, RunKind};
use simulators::faults::{Effect, Moment};
use std::time::Duration;
use store::registry::{AssetFilter, NewRegistryAsset};
use store::{NewIntent, NewItem};
use testkit::TestStore;

#[tokio::test]
async fn an_intent_without_an_outcome_is_looked_up_before_it_is_sent_again() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        hub.read(&bridge).await;
        hub.create_undecided(&bridge).await;
        let plan = hub.plan().await;
        let operations = hub
            .engine
            .operations(&hub.actor, &plan.id, 0, 1000)
            .await
            .unwrap();
        let before = operations
            .iter()
            .position(|o| o.action.name() == "create_asset")
            .unwrap();
        hub.apply(
            &plan,
            engine::applying::ApplyOptions {
                first: Some(before as u32),
                ..confirmed()
            },
        )
        .await
        .unwrap();
        // A process committed its intent, the destination wrote, and the process died.
        let operation = &operations[before];
        let model::Action::CreateAsset(draft) = &operation.action else {
            unreachable!()
        };
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: plan.id.clone(),
        };
        let run = store
            .begin_run(kind, "a process that dies", "a holder")
            .await
            .unwrap();
        let marker = Marker::new(&bridge.source, RecordKind::Asset, &operation.subject.source_id);
        let intend = async |version: i64, settles: Duration| {
            let intent = NewIntent {
                number: operation.number,
                marker: marker.0.clone(),
                version,
                name: None,
            };
            let turn = store
                .intend(&run.id, &plan.id, &bridge.destination, &[intent], settles, false)
                .await
                .unwrap();
            assert!(turn.ours.contains(&operation.number));
        };
        intend(0, Duration::from_secs(3600)).await;
        let client = store.registry_clients().await.unwrap().remove(0).id;
        let made = NewRegistryAsset {
            client,
            site: None,
            asset_type: None,
            source_id: Some(operation.subject.source_id.0.clone()),
            marker: Some(marker.0.clone()),
            fields: draft.fields.clone(),
        };
        let id = store
            .add_registry_assets(&[made])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        // It may still arrive: the record is left alone, the others are not.
        let others = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!((others.counts.failed, others.counts.unknown), (0, 1));
        // Another died over the same record; its write can no longer arrive.
        intend(1, Duration::ZERO).await;
        let finished = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!((finished.counts.failed, finished.counts.unknown), (0, 0));
        let items = store.run_items(&plan.id).await.unwrap();
        let found = Outcome::Done { record: id };
        assert_eq!(items[&operation.number].outcome, found, "adopted by its marker");
        assert_eq!(store.open_writes(&bridge.destination).await.unwrap(), 0);
        let filter = AssetFilter {
            limit: 1000,
            ..AssetFilter::default()
        };
        assert_eq!(
            hub.engine.assets(&hub.actor, &filter).await.unwrap().len(),
            40,
            "no duplicate"
        );
        // Whoever runs next closes the books of the dead process.
        let runs = hub.engine.runs(&hub.actor, 100).await.unwrap();
        let dead = runs.iter().find(|r| r.actor == "a process that dies").unwrap();
        assert!(matches!(dead.state, model::RunState::Failed { .. }), "{dead:?}");
    })
    .await;
}

#[tokio::test]
async fn what_was_created_in_doubt_is_linked_although_its_device_is_gone() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
        hub.sync_all(&bridge).await;
        // A process died over two devices that are gone by now: one was created, the other was not.
        let plan = hub.plan().await;
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: plan.id.clone(),
        };
        let run = store
            .begin_run(kind, "a process that dies", "a holder")
            .await
            .unwrap();
        let mark = |id: &str| Marker::new(&bridge.source, RecordKind::Asset, &id.into()).0;
        for (number, marker) in [(1, mark("900001")), (2, mark("900002"))] {
            let intent = NewIntent {
                number,
                marker,
                version: 0,
                name: None,
            };
            store
                .intend(
                    &run.id,
                    &plan.id,
                    &bridge.destination,
                    &[intent],
                    Duration::ZERO,
                    false,
                )
                .await
                .unwrap();
        }
        let made = NewRegistryAsset {
            client: store.registry_clients().await.unwrap().remove(0).id,
            site: None,
            asset_type: None,
            source_id: Some("900001".to_owned()),
            marker: Some(mark("900001")),
            fields: [("name".to_owned(), "gone".into())].into(),
        };
        let id = store
            .add_registry_assets(&[made])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        hub.plan().await;
        let link = store
            .link(&bridge.id, RecordKind::Asset, &"900001".into())
            .await
            .unwrap();
        assert_eq!(link.unwrap().destination, id, "nobody would find it otherwise");
        let none = store
            .link(&bridge.id, RecordKind::Asset, &"900002".into())
            .await
            .unwrap();
        assert!(none.is_none());
        assert_eq!(store.open_writes(&bridge.destination).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_plan_applied_twice_writes_once() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    hub.apply(&plan, confirmed()).await.unwrap();
    let again = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!(again.counts.done, 0);
    assert_eq!(store.registry_asset_count().await.unwrap(), 40);
}

#[tokio::test]
async fn a_pass_that_fails_leaves_the_last_snapshot_standing() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(60), "default").await;
    hub.sync_all(&bridge).await;
    hub.ninja.let_a_day_pass(0.9);
    hub.ninja
        .faults()
        .always("/v2/devices-detailed", Effect::Reset { at: Moment::MidBody });
    let runner = hub.runner().await;
    let failed = hub
        .engine
        .read(&hub.actor, &runner, &bridge.source, None, hub.work())
        .await;
    assert!(failed.is_err());
    drop(runner);
    let plan = hub.plan().await;
    assert_eq!(
        plan.counts.writes(),
        0,
        "half-read devices are not seen: {:?}",
        plan.counts
    );
    hub.ninja.faults().clear();
    hub.read(&bridge).await;
    assert!(hub.plan().await.counts.writes() > 0);
}

#[tokio::test]
async fn a_failed_record_stops_no_other_and_can_be_applied_again() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = Hub::connected(&store, small(40), "default").await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 1000)
        .await
        .unwrap();
    let one = operations
        .iter()
        .find(|o| o.action.name() == "create_asset")
        .unwrap();
    // An earlier attempt failed for good reasons; the record is open again.
    let kind = RunKind::Apply {
        bridge: bridge.id.clone(),
        plan: plan.id.clone(),
    };
    let run = store.begin_run(kind, "earlier", "a holder").await.unwrap();
    let outcome = Outcome::Failed {
        message: "the destination said no".to_owned(),
    };
    let item = NewItem {
        number: one.number,
        outcome,
        link: None,
        settles: None,
        undone: None,
    };
    store
        .record(&run.id, &plan.id, &bridge, vec![item])
        .await
        .unwrap();
    let applied = hub.apply(&plan, confirmed()).await.unwrap();
    assert_eq!(applied.counts.done, u64::from(plan.counts.writes()));
}
