//! A hub is backed up while it works, restored, waits for an Owner, and then writes nothing twice.

use crate::hub::{Hub, confirmed, engine_on, owner, small};
use engine::Error;
use model::{Actor, ActorRole};
use store::BackupOptions;
use testkit::TestStore;

fn technician() -> Actor {
    Actor::Person {
        name: "technician".to_owned(),
        role: ActorRole::Technician,
    }
}

fn unconfirmed<T: std::fmt::Debug>(result: engine::Result<T>) {
    match result {
        Err(Error::Store(store::Error::Unconfirmed { reason })) => {
            assert!(reason.contains("restored from a backup"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

fn forbidden<T: std::fmt::Debug>(result: engine::Result<T>) {
    assert!(matches!(result, Err(Error::Forbidden { .. })), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_hub_waits_for_an_owner_and_then_creates_nothing_again() {
    TestStore::on_every_engine(async |test| {
        let (mut hub, bridge) = Hub::connected(&test, small(40), "humanizeit").await;
        hub.sync_all(&bridge).await;
        let assets = test.registry_asset_count().await.unwrap();
        assert!(assets > 0);
        let path = test.directory().join("hub.backup");
        let options = BackupOptions::default();
        forbidden(
            hub.engine
                .back_up(&technician(), &path, &options, hub.work())
                .await,
        );
        hub.engine
            .back_up(&hub.actor, &path, &options, hub.work())
            .await
            .unwrap();

        let fresh = TestStore::new(test.engine()).await;
        fresh.clock().advance(jiff::SignedDuration::from_mins(10));
        hub.engine = engine_on(&fresh);
        forbidden(hub.engine.restore(&technician(), &path, None, hub.work()).await);
        hub.engine
            .restore(&hub.actor, &path, None, hub.work())
            .await
            .unwrap();
        assert_eq!(fresh.registry_asset_count().await.unwrap(), assets);

        // It waits: nothing is read, written or authorized. What is stored can be looked at, and planned with.
        let calls = hub.ninja.grants().token_calls();
        let runner = hub.runner().await;
        unconfirmed(
            hub.engine
                .read(&hub.actor, &runner, &bridge.source, None, hub.work())
                .await,
        );
        unconfirmed(
            hub.engine
                .begin_consent(&hub.actor, &bridge.source, "http://127.0.0.1/")
                .await,
        );
        drop(runner);
        let plan = hub.plan().await;
        assert_eq!(plan.counts.writes(), 0);
        unconfirmed(hub.apply(&plan, confirmed()).await);
        assert_eq!(hub.ninja.grants().token_calls(), calls);
        assert!(hub.engine.instance(&technician()).await.unwrap().waits.is_some());

        forbidden(hub.engine.confirm_instance(&technician()).await);
        let instance = hub.engine.confirm_instance(&owner()).await.unwrap();
        assert_eq!((instance.epoch, instance.waits), (2, None));
        // Its links came with it: reading and planning again finds nothing to create.
        hub.read(&bridge).await;
        assert_eq!(hub.plan().await.counts.writes(), 0);
        assert_eq!(fresh.registry_asset_count().await.unwrap(), assets);
    })
    .await;
}

/// With two sources into one destination the ids stored there tell a hub nothing that it does not remember writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_set_back_to_before_its_first_write_takes_up_what_it_has_created_since() {
    TestStore::on_every_engine(async |test| {
        let (mut hub, north, directory) = Hub::with_directory(&test, small(30)).await;
        let (_other, _south) = Hub::beside(&test, small(30), &north).await;
        hub.read(&north).await;
        hub.create_undecided(&north).await;
        let path = test.directory().join("hub.backup");
        hub.engine
            .back_up(&hub.actor, &path, &BackupOptions::default(), hub.work())
            .await
            .unwrap();
        let written = sync_named(&hub, "assets").await;
        assert_eq!(
            (written.counts.failed, written.counts.unknown),
            (0, 0),
            "{written:?}"
        );
        let before = records(&directory);

        let fresh = TestStore::new(test.engine()).await;
        fresh.clock().advance(jiff::SignedDuration::from_mins(10));
        hub.engine = engine_on(&fresh);
        hub.engine
            .restore(&hub.actor, &path, None, hub.work())
            .await
            .unwrap();
        hub.engine.confirm_instance(&owner()).await.unwrap();
        let again = sync_named(&hub, "assets").await;
        assert!(again.counts.done > 30, "it plans all of it again: {again:?}");
        assert_eq!(records(&directory), before, "and adopts what is there");
        assert!(directory.duplicates().is_empty(), "{:?}", directory.duplicates());
        let last = sync_named(&hub, "assets").await;
        assert_eq!(last.counts.done, 0, "{last:?}");
    })
    .await;
}

async fn sync_named(hub: &Hub, name: &str) -> model::Run {
    let bridge = hub.engine.find_bridge(&hub.actor, Some(name)).await.unwrap();
    hub.read(&bridge).await;
    let runner = hub.runner().await;
    let plan = hub
        .engine
        .make_plan(&hub.actor, &runner, &bridge, None, hub.work())
        .await
        .unwrap();
    hub.engine
        .apply(&hub.actor, &runner, &plan.id, confirmed(), hub.work())
        .await
        .unwrap()
}

/// How many records of each kind there are.
fn records(directory: &simulators::directory::Directory) -> Vec<(String, usize)> {
    let records = directory.records();
    let kinds = records.as_object().unwrap().iter();
    kinds
        .map(|(kind, all)| {
            let number = all
                .as_array()
                .map(Vec::len)
                .or(all.as_object().map(serde_json::Map::len));
            (kind.clone(), number.unwrap_or_default())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_rotates_the_key_and_a_sync_goes_on_after_it() {
    TestStore::on_every_engine(async |test| {
        let (hub, bridge) = Hub::connected(&test, small(10), "humanizeit").await;
        forbidden(hub.engine.rotate_key(&technician(), false, hub.work()).await);
        // The key of a test's store comes from the program, not from a file: it says how such a key is rotated.
        let refused = hub.engine.rotate_key(&hub.actor, false, hub.work()).await;
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("put a new key before the old one")
        );
        hub.sync_all(&bridge).await;
    })
    .await;
}
