//! What a person sees and decides about single records: conflicts, duplicates, differences.

use crate::hub::{Hub, confirmed, small};
use connect::{Marker, NewAsset, Write};
use engine::Error;
use engine::conflicts::ConflictChoice;
use jiff::SignedDuration;
use model::{
    Action, Asset, Bridge, BridgeSettings, Change, ConflictVerdict, DifferenceKey, Drift, Owner, RecordKind,
    Side,
};
use serde_json::{Value, json};
use simulators::directory::{Fault, Mode};
use std::time::Duration;
use store::registry::{AssetFilter, AssetUpdate, NewRegistryAsset};
use testkit::TestStore;
use tokio::time::Instant;

async fn assets(hub: &Hub) -> Vec<Asset> {
    let filter = AssetFilter {
        limit: 1000,
        ..AssetFilter::default()
    };
    let all = hub.engine.assets(&hub.actor, &filter).await.unwrap();
    all.into_iter().map(|asset| asset.asset).collect()
}

/// A person types a name into an asset of the registry.
async fn type_name(store: &TestStore, asset: &Asset, name: &str) {
    let before = store.registry_asset(&asset.id).await.unwrap().unwrap().asset;
    let change = Change {
        field: "name".to_owned(),
        before: before.fields["name"].clone(),
        after: Value::from(name),
    };
    let update = AssetUpdate {
        changes: vec![change],
        ..AssetUpdate::default()
    };
    let answers = store
        .update_registry_assets(&[(asset.id.clone(), update)])
        .await
        .unwrap();
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

/// A hub whose bridge asks about names that both sides changed, with everything written.
async fn that_asks(store: &TestStore) -> (Hub, Bridge) {
    let (hub, bridge) = Hub::connected(store, small(12), "default").await;
    let mut settings: BridgeSettings = bridge.settings.clone();
    for rule in settings
        .mapping
        .rules
        .iter_mut()
        .filter(|rule| rule.target == "name")
    {
        rule.owner = Owner::Ask;
    }
    let bridge = hub
        .engine
        .change_bridge(&hub.actor, &bridge, settings)
        .await
        .unwrap();
    hub.sync_all(&bridge).await;
    (hub, bridge)
}

#[tokio::test]
async fn a_conflict_is_decided_once_for_its_two_values() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = that_asks(&store).await;
        let (engine, actor) = (&hub.engine, &hub.actor);
        let asset = assets(&hub).await.remove(0);
        type_name(&store, &asset, "Front desk").await;
        let plan = hub.plan().await;
        assert_eq!((plan.counts.writes(), plan.counts.reviews), (0, 1));
        let conflicts = engine.conflicts(actor, &bridge).await.unwrap();
        assert_eq!((&conflicts.plan, conflicts.open.len()), (&plan.id, 1));
        let open = &conflicts.open[0];
        assert_eq!(
            (open.field.as_str(), &open.destination_value),
            ("name", &json!("Front desk"))
        );
        assert_eq!(open.asset.as_ref(), Some(&asset.id));
        let written = open.written.as_ref().unwrap();
        assert_eq!(
            (&written.value, &open.source_value),
            (&asset.fields["name"], &asset.fields["name"])
        );
        assert!(open.source_url.as_deref().unwrap().contains(open.device.as_str()));

        let choice = |seen: &str| ConflictChoice {
            devices: vec![open.device.clone()],
            fields: vec!["name".to_owned()],
            seen: Some(seen.into()),
            ..ConflictChoice::default()
        };
        let late = engine
            .decide_conflicts(actor, &bridge, &choice("another plan"), ConflictVerdict::Keep)
            .await;
        assert!(matches!(late, Err(Error::Superseded { .. })));
        let seen = choice(plan.id.as_str());
        let kept = engine
            .decide_conflicts(actor, &bridge, &seen, ConflictVerdict::Keep)
            .await
            .unwrap();
        assert_eq!(kept.len(), 1);
        assert!(
            engine.conflicts(actor, &bridge).await.unwrap().open.is_empty(),
            "decided, before any new plan"
        );
        let plan = hub.plan().await;
        assert_eq!((plan.counts.writes(), plan.counts.reviews), (0, 0), "kept");

        // One side changes again: asked again. This time the source's stands, for that field of all devices.
        type_name(&store, &asset, "Reception").await;
        assert_eq!(hub.plan().await.counts.reviews, 1);
        let all = ConflictChoice {
            fields: vec!["name".to_owned()],
            ..ConflictChoice::default()
        };
        engine
            .decide_conflicts(actor, &bridge, &all, ConflictVerdict::Take)
            .await
            .unwrap();
        let plan = hub.plan().await;
        assert_eq!((plan.counts.updates, plan.counts.reviews), (1, 0));
        hub.apply(&plan, confirmed()).await.unwrap();
        let stands = store.registry_asset(&asset.id).await.unwrap().unwrap();
        assert_eq!(stands.asset.fields["name"], asset.fields["name"]);
        let none = engine
            .decide_conflicts(actor, &bridge, &all, ConflictVerdict::Take)
            .await;
        assert!(matches!(none, Err(Error::Unknown { .. })), "nothing is open");
        let noted = store.audit_entries(None, 100).await.unwrap();
        assert_eq!(noted.iter().filter(|e| e.action == "conflict.decided").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_second_record_of_a_linked_device_is_a_difference_that_says_so() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(12), "default").await;
        hub.read(&bridge).await;
        hub.create_undecided(&bridge).await;
        let plan = hub.plan().await;
        hub.apply(&plan, confirmed()).await.unwrap();
        let first = assets(&hub).await.remove(0);
        let device = first.source_id.clone().unwrap();
        let second = NewRegistryAsset {
            client: first.client.clone(),
            site: None,
            asset_type: None,
            source_id: Some(device.clone()),
            marker: None,
            fields: [("name".to_owned(), json!("Typed in by somebody else"))].into(),
        };
        let added = store.add_registry_assets(&[second]).await.unwrap().remove(0);
        let second = added.unwrap();
        let plan = hub.plan().await;
        assert_eq!(plan.counts.writes(), 0, "the link decides: {:?}", plan.counts);
        let report = hub.engine.drift(&hub.actor, &bridge).await.unwrap();
        let [only] = &report.differences[..] else {
            panic!("{:?}", report.differences)
        };
        assert_eq!(only.difference.key.record, second.as_str());
        assert_eq!(only.difference.drift, Drift::Unlinked);
        let says = format!("the id of device {device}, which is linked to asset {}", first.id);
        assert!(
            only.difference.reason.contains(&says),
            "{}",
            only.difference.reason
        );
    })
    .await;
}

#[tokio::test]
async fn drift_is_the_newest_plan_read_as_a_report() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(12), "default").await;
        let (engine, actor) = (&hub.engine, &hub.actor);
        assert!(matches!(
            engine.drift(actor, &bridge).await,
            Err(Error::NoneYet { .. })
        ));
        hub.read(&bridge).await;
        hub.create_undecided(&bridge).await;
        let plan = hub.plan().await;
        let report = engine.drift(actor, &bridge).await.unwrap();
        assert_eq!(report.counts.only_source, u64::from(plan.counts.writes()));
        hub.apply(&plan, confirmed()).await.unwrap();
        assert!(
            engine.drift(actor, &bridge).await.unwrap().counts.is_none(),
            "what was applied differs no more"
        );

        // A machine NinjaOne does not know, and a value somebody typed.
        let client = store.registry_clients().await.unwrap().remove(0).name;
        let csv = format!("client,name,serialNumber\n\"{client}\",Label printer,LP-1\n");
        engine
            .import_assets(actor, "a.csv", csv.as_bytes())
            .await
            .unwrap();
        let mine = assets(&hub)
            .await
            .into_iter()
            .find(|a| a.source_id.is_some())
            .unwrap();
        type_name(&store, &mine, "Front desk").await;
        hub.plan().await;
        let report = engine.drift(actor, &bridge).await.unwrap();
        assert_eq!(
            (report.counts.only_destination, report.counts.differing),
            (1, 1),
            "{:?}",
            report.counts
        );
        let printer = report
            .differences
            .iter()
            .find(|d| d.difference.drift == Drift::OnlyDestination)
            .unwrap();
        assert_eq!(printer.difference.label, "Label printer");
        assert_eq!(printer.difference.key.side, Side::Destination);
        let differs = report
            .differences
            .iter()
            .find(|d| d.difference.drift == Drift::Differs)
            .unwrap();
        assert_eq!(differs.difference.destination_value, json!("Front desk"));

        let keys: Vec<DifferenceKey> = report
            .differences
            .iter()
            .map(|d| d.difference.key.clone())
            .collect();
        let refused = engine.accept_differences(actor, &bridge, &keys, " ").await;
        assert!(matches!(refused, Err(Error::NoReason { .. })));
        engine
            .accept_differences(actor, &bridge, &keys, "fine so")
            .await
            .unwrap();
        let report = engine.drift(actor, &bridge).await.unwrap();
        assert!(
            report.counts.is_none() && report.counts.accepted == 2,
            "{:?}",
            report.counts
        );
        assert!(
            report
                .differences
                .iter()
                .all(|d| d.accepted.as_ref().is_some_and(|a| a.reason == "fine so"))
        );
        // It holds for these values: with another, it is a difference again.
        type_name(&store, &mine, "Reception").await;
        hub.plan().await;
        let report = engine.drift(actor, &bridge).await.unwrap();
        assert_eq!((report.counts.differing, report.counts.accepted), (1, 1));
        let printer = keys
            .iter()
            .filter(|key| key.side == Side::Destination)
            .cloned()
            .collect::<Vec<_>>();
        assert_eq!(
            engine
                .unaccept_differences(actor, &bridge, &printer)
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            engine
                .drift(actor, &bridge)
                .await
                .unwrap()
                .counts
                .only_destination,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn of_two_records_with_our_mark_a_person_says_which_one_it_is() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, directory) = Hub::with_directory(&store, small(8)).await;
        let (engine, actor) = (&hub.engine, &hub.actor);
        directory
            .faults()
            .add(Fault::once("POST /assets", Mode::LostAnswer))
            .unwrap();
        hub.sync_all(&bridge).await;
        let lost = engine.row_errors(actor, &bridge).await.unwrap().remove(0);
        // Somebody restored the directory, say: there is another of it.
        let marker = Marker::new(&bridge.source, RecordKind::Asset, &lost.source);
        let to = testkit::directory::open(&directory.base_url(), "directory-demo-key", &json!({}));
        let client = store
            .links(&bridge.id, RecordKind::Client)
            .await
            .unwrap()
            .into_values()
            .next()
            .unwrap();
        let twin = Write::CreateAsset {
            marker: marker.clone(),
            asset: NewAsset {
                client,
                site: None,
                asset_type: None,
                source_id: "another".to_owned(),
                fields: [("name".to_owned(), json!("the twin"))].into(),
            },
        };
        let soon = Instant::now() + Duration::from_secs(10);
        let twin = to.write(&[twin], soon).await.remove(0).unwrap().id;
        let runner = hub.runner().await;
        let record = (RecordKind::Asset, &lost.source);
        assert!(
            engine.duplicates(actor, &bridge).await.unwrap().is_empty(),
            "it may still arrive"
        );
        store.clock().advance(SignedDuration::from_secs(10));
        tokio::time::sleep(wait(&store)).await;
        let found = engine.duplicates(actor, &bridge).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].marked && found[0].candidates.len() == 2, "{found:?}");
        assert!(
            found[0]
                .candidates
                .iter()
                .any(|c| c.name.as_deref() == Some("the twin"))
        );
        let nobody = engine
            .link_duplicate(actor, &runner, &bridge, record, &"x".into(), hub.work())
            .await;
        assert!(matches!(nobody, Err(Error::Unknown { .. })));
        let right = found[0]
            .candidates
            .iter()
            .map(|c| c.record.clone())
            .find(|id| *id != twin)
            .unwrap();
        engine
            .link_duplicate(actor, &runner, &bridge, record, &right, hub.work())
            .await
            .unwrap();
        // A job whose worker died after the link was stored is run again: it is done, and another answer is none.
        engine
            .link_duplicate(actor, &runner, &bridge, record, &right, hub.work())
            .await
            .unwrap();
        let late = engine
            .link_duplicate(actor, &runner, &bridge, record, &twin, hub.work())
            .await;
        assert!(matches!(late, Err(Error::Unknown { .. })), "{late:?}");
        drop(runner);
        assert!(
            engine.duplicates(actor, &bridge).await.unwrap().is_empty(),
            "its claim is closed"
        );
        let link = store
            .link(&bridge.id, RecordKind::Asset, &lost.source)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(link.destination, right);
        let plan = hub.plan().await;
        assert_eq!(plan.counts.create_assets, 0, "nothing is made a third time");
        assert_eq!(directory.duplicates().len(), 1, "and nothing is deleted");
        let noted = store.audit_entries(None, 100).await.unwrap();
        let noted = noted.iter().find(|e| e.action == "record.chosen").unwrap();
        assert!(noted.detail.to_string().contains(twin.as_str()), "{noted:?}");
    })
    .await;
}

/// PostgreSQL measures quarantines by its own clock.
fn wait(store: &TestStore) -> Duration {
    match store.engine() {
        testkit::Engine::Sqlite => Duration::ZERO,
        testkit::Engine::Postgres => Duration::from_millis(5500),
    }
}

#[tokio::test]
async fn every_operation_that_writes_nothing_says_why() {
    let store = TestStore::sqlite().await;
    let (hub, bridge) = that_asks(&store).await;
    let asset = assets(&hub).await.remove(0);
    type_name(&store, &asset, "Front desk").await;
    hub.read(&bridge).await;
    let plan = hub.plan().await;
    let operations = hub
        .engine
        .operations(&hub.actor, &plan.id, 0, 1000)
        .await
        .unwrap();
    assert!(!operations.is_empty());
    for operation in operations {
        let silent = matches!(operation.action, Action::Skip | Action::Review { .. });
        assert_eq!(operation.cause.is_some(), silent, "{operation:?}");
    }
}
