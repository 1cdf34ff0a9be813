//! Records that could not be written: listed until they are overcome, tried again alone, or ignored for a reason.

use crate::hub::{Hub, confirmed, small};
use engine::Error;
use engine::row_errors::RowError;
use engine::why::Answer;
use jiff::SignedDuration;
use model::{Action, ActorRole, Bridge, Cause, Outcome, PlanAbout, RecordKind, SourceId};
use simulators::directory::{Directory, Fault, Mode};
use testkit::TestStore;

fn refuse_once(directory: &Directory, route: &str) {
    let refused = Mode::ErrorBefore { status: 404 };
    directory.faults().add(Fault::once(route, refused)).unwrap();
}

fn a_moment(store: &TestStore) {
    store.clock().advance(SignedDuration::from_secs(10));
}

async fn errors(hub: &Hub, bridge: &Bridge) -> Vec<RowError> {
    hub.engine.row_errors(&hub.actor, bridge).await.unwrap()
}

#[tokio::test]
async fn one_bad_record_stops_no_other_and_is_listed_until_it_is_overcome() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, directory) = Hub::with_directory(&store, small(12)).await;
        refuse_once(&directory, "POST /assets");
        let run = hub.sync_all(&bridge).await;
        assert_eq!(run.counts.failed, 1, "{run:?}");
        let listed = errors(&hub, &bridge).await;
        let [error] = &listed[..] else {
            panic!("{listed:?}")
        };
        assert!(
            matches!(&error.outcome, Outcome::Failed { message } if message.contains("404")),
            "{error:?}"
        );
        assert_eq!(
            (error.kind, error.times, &error.run),
            (RecordKind::Asset, 1, &run.id)
        );
        assert_eq!(error.action, "create_asset");
        let url = error.source_url.as_deref().unwrap_or_default();
        let device = format!("#/deviceDashboard/{}/overview", error.source);
        assert!(url.ends_with(&device), "a way to the device: {url}");
        assert_eq!(
            (&error.record, &error.record_url),
            (&None, &None),
            "nothing there yet"
        );

        // It fails once more, in a plan of its own, and is still one record.
        a_moment(&store);
        refuse_once(&directory, "POST /assets");
        let runner = hub.runner().await;
        let bridge = hub.bridge().await;
        let record = (error.kind, &error.source);
        let tried = hub
            .engine
            .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
            .await
            .unwrap();
        assert_eq!(tried.run.unwrap().counts.failed, 1);
        let again = errors(&hub, &bridge).await;
        assert_eq!((again.len(), again[0].times), (1, 2));
        assert!(again[0].last > again[0].first);
        a_moment(&store);

        let tried = hub
            .engine
            .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
            .await
            .unwrap();
        let about = PlanAbout::Record {
            kind: error.kind,
            source: error.source.clone(),
        };
        assert_eq!(tried.plan.about, Some(about));
        assert_eq!(
            tried.plan.counts.writes(),
            1,
            "only that record: {:?}",
            tried.plan.counts
        );
        assert_eq!(tried.run.unwrap().counts.done, 1);
        assert!(errors(&hub, &bridge).await.is_empty(), "overcome");
        let nothing = hub
            .engine
            .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
            .await
            .unwrap();
        assert!(nothing.run.is_none(), "nothing to write twice");
        drop(runner);
        assert_eq!(hub.plan().await.counts.writes(), 0);
        assert!(directory.duplicates().is_empty());
    })
    .await;
}

/// What was found at the first of two times is told after the second, though a clock said that it came later.
#[tokio::test]
async fn what_failed_and_what_came_right_keep_their_order_when_the_clock_is_set_back() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, directory) = Hub::with_directory(&store, small(12)).await;
        let back = SignedDuration::from_hours(-1);
        let why = async |device: &SourceId| {
            let bridge = hub.bridge().await;
            let mut all = hub
                .engine
                .why(&hub.actor, &bridge, device.as_str())
                .await
                .unwrap();
            assert_eq!(all.len(), 1, "{all:?}");
            all.remove(0).answer
        };
        refuse_once(&directory, "POST /assets");
        hub.sync_all(&bridge).await;
        let failed = errors(&hub, &bridge).await.remove(0).source;
        assert!(matches!(why(&failed).await, Answer::Failed { .. }));

        store.clock().advance(back);
        let plan = hub.plan().await;
        hub.apply(&plan, confirmed()).await.unwrap();
        assert!(
            errors(&hub, &bridge).await.is_empty(),
            "overcome, an hour before it failed"
        );
        assert_eq!(why(&failed).await, Answer::Imported);

        // An hour before that success, its next write is refused.
        store.clock().advance(back);
        let id: u32 = failed.as_str().parse().unwrap();
        hub.ninja.estate_mut().device_mut(id).unwrap().system_name = "RENAMED".into();
        hub.read(&bridge).await;
        refuse_once(&directory, "PATCH /assets/{id}");
        let plan = hub.plan().await;
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(run.counts.failed, 1, "{run:?}");
        let listed = errors(&hub, &bridge).await;
        assert_eq!(
            listed
                .iter()
                .map(|e| (&e.source, &e.run, e.times))
                .collect::<Vec<_>>(),
            [(&failed, &run.id, 1)]
        );
        let record = listed[0].record.as_ref().unwrap();
        let there = format!("{}/api/v1/assets/{record}", directory.base_url());
        assert_eq!(listed[0].record_url, Some(there), "a way to the asset");
        assert!(listed[0].source_url.is_some(), "and to the device");
        assert!(matches!(why(&failed).await, Answer::Failed { run: of, .. } if of == run.id));
    })
    .await;
}

#[tokio::test]
async fn a_device_is_tried_again_with_the_client_it_needs() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, directory) = Hub::with_directory(&store, small(12)).await;
    refuse_once(&directory, "POST /clients");
    let run = hub.sync_all(&bridge).await;
    let listed = errors(&hub, &bridge).await;
    assert_eq!(
        listed.len() as u64,
        run.counts.failed + run.counts.skipped,
        "the client and its devices: {listed:?}"
    );
    let client = listed.iter().find(|e| e.kind == RecordKind::Client).unwrap();
    let url = client.source_url.as_deref().unwrap_or_default();
    let organization = format!("#/customerDashboard/{}/overview", client.source);
    assert!(url.ends_with(&organization), "a way to the organization: {url}");
    let devices: Vec<&RowError> = listed.iter().filter(|e| e.kind == RecordKind::Asset).collect();
    assert!(!devices.is_empty() && devices.iter().all(|d| d.client == client.label));
    let runner = hub.runner().await;
    let bridge = hub.bridge().await;
    a_moment(&store);
    let record = (devices[0].kind, &devices[0].source);
    let tried = hub
        .engine
        .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
        .await
        .unwrap();
    assert_eq!(tried.plan.counts.create_clients, 1);
    assert_eq!(tried.plan.counts.create_assets, 1);
    assert_eq!(tried.run.unwrap().counts.failed, 0);
    let left = errors(&hub, &bridge).await;
    assert_eq!(
        left.len(),
        devices.len() - 1,
        "the client is there, and one device: {left:?}"
    );
    drop(runner);
    a_moment(&store);
    let plan = hub.plan().await;
    hub.apply(&plan, confirmed()).await.unwrap();
    assert!(errors(&hub, &bridge).await.is_empty());
}

#[tokio::test]
async fn an_ignored_record_is_left_alone_with_its_reason_until_that_is_taken_back() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, directory) = Hub::with_directory(&store, small(12)).await;
        refuse_once(&directory, "POST /assets");
        hub.sync_all(&bridge).await;
        let error = errors(&hub, &bridge).await.remove(0);
        let record = [(error.kind, error.source.clone())];
        let ignore = |reason: &'static str| hub.engine.ignore_records(&hub.actor, &bridge, &record, reason);
        assert!(matches!(ignore("  ").await.unwrap_err(), Error::NoReason { .. }));
        let before = hub.plan().await;
        ignore(" a lab machine ").await.unwrap();
        let stale = hub.apply(&before, confirmed()).await.unwrap_err();
        assert!(
            matches!(stale, Error::StalePlan { .. }),
            "a decision makes older plans stale: {stale}"
        );
        assert!(errors(&hub, &bridge).await.is_empty());
        let ignored = hub.engine.ignored_records(&hub.actor, &bridge).await.unwrap();
        assert_eq!(ignored.len(), 1);
        assert_eq!(
            (ignored[0].reason.as_str(), &ignored[0].label),
            ("a lab machine", &error.label)
        );
        let plan = hub.plan().await;
        assert_eq!((plan.counts.writes(), plan.counts.skips), (0, 1));
        let operation = hub
            .engine
            .operations(&hub.actor, &plan.id, 0, 10)
            .await
            .unwrap()
            .remove(0);
        assert_eq!(
            (&operation.action, operation.cause),
            (&Action::Skip, Some(Cause::Ignored))
        );
        assert!(operation.reason.contains("a lab machine"), "{}", operation.reason);
        let entries = store.audit_entries(None, 50).await.unwrap();
        let noted = entries.iter().find(|e| e.action == "record.ignored").unwrap();
        assert!(noted.detail.to_string().contains("a lab machine"), "{noted:?}");
        assert_eq!(noted.actor, hub.actor.to_string());

        assert_eq!(
            hub.engine
                .unignore_records(&hub.actor, &bridge, &record)
                .await
                .unwrap(),
            1
        );
        assert!(
            hub.engine
                .unignore_records(&hub.actor, &bridge, &record)
                .await
                .is_err()
        );
        assert_eq!(hub.plan().await.counts.create_assets, 1);
    })
    .await;
}

#[tokio::test]
async fn an_ignored_organization_takes_its_devices_along() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, _directory) = Hub::with_directory(&store, small(12)).await;
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let all = hub.plan().await.counts;
    let row = hub
        .engine
        .matching(&hub.actor, &bridge)
        .await
        .unwrap()
        .rows
        .remove(0);
    let record = [(RecordKind::Client, row.organization.id)];
    hub.engine
        .ignore_records(&hub.actor, &bridge, &record, "not ours any more")
        .await
        .unwrap();
    let left = hub.plan().await.counts;
    assert_eq!(left.create_clients, all.create_clients - 1);
    assert_eq!(
        u64::from(left.create_assets),
        u64::from(all.create_assets) - row.devices
    );
    let unknown = [(RecordKind::Client, "no such".into())];
    let refused = hub
        .engine
        .ignore_records(&hub.actor, &bridge, &unknown, "why not")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("no such"), "{refused}");
}

#[tokio::test]
async fn a_record_in_doubt_is_listed_until_it_was_found_out() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, directory) = Hub::with_directory(&store, small(12)).await;
    directory
        .faults()
        .add(Fault::once("POST /assets", Mode::LostAnswer))
        .unwrap();
    let run = hub.sync_all(&bridge).await;
    assert_eq!(run.counts.unknown, 1, "{run:?}");
    let listed = errors(&hub, &bridge).await;
    assert!(
        matches!(
            &listed[..],
            [RowError {
                outcome: Outcome::Unknown { .. },
                ..
            }]
        ),
        "{listed:?}"
    );
    hub.plan().await;
    assert_eq!(
        errors(&hub, &bridge).await.len(),
        1,
        "a plan alone finds nothing out while it may still arrive"
    );
    a_moment(&store);
    let plan = hub.plan().await;
    if plan.counts.writes() > 0 {
        hub.apply(&plan, confirmed()).await.unwrap();
    }
    assert!(errors(&hub, &bridge).await.is_empty());
    assert!(directory.duplicates().is_empty());
}

#[tokio::test]
async fn a_viewer_sees_errors_and_decides_nothing() {
    let store = TestStore::sqlite().await;
    let (mut hub, bridge) = Hub::connected(&store, small(4), "default").await;
    hub.read(&bridge).await;
    let runner = hub.runner().await;
    hub.actor = model::Actor::Person {
        name: "eve".to_owned(),
        role: ActorRole::Viewer,
    };
    let record = (RecordKind::Asset, "1".into());
    hub.engine.row_errors(&hub.actor, &bridge).await.unwrap();
    let one = std::slice::from_ref(&record);
    let ignored = hub
        .engine
        .ignore_records(&hub.actor, &bridge, one, "why not")
        .await;
    assert!(matches!(ignored, Err(Error::Forbidden { .. })));
    let unignored = hub.engine.unignore_records(&hub.actor, &bridge, one).await;
    assert!(matches!(unignored, Err(Error::Forbidden { .. })));
    let record = (record.0, &record.1);
    let tried = hub
        .engine
        .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
        .await;
    assert!(matches!(tried, Err(Error::Forbidden { .. })));
}
