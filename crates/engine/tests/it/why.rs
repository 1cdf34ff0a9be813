//! Why a device is where it is, as a person is told.

use crate::hub::{Hub, confirmed, small};
use crate::undoing::{assets, type_in, undo};
use engine::Error;
use engine::why::{Answer, Explained};
use jiff::SignedDuration;
use model::{Bridge, Cause, Owner, RecordKind, SourceId, Verdict};
use serde_json::json;
use simulators::directory::{Fault, Mode};
use simulators::faults::Effect;
use testkit::TestStore;

/// What is said of the device.
pub async fn why(hub: &Hub, device: &str) -> Explained {
    why_over(hub, &hub.bridge().await, device).await
}

async fn why_over(hub: &Hub, bridge: &Bridge, device: &str) -> Explained {
    let mut all = hub.engine.why(&hub.actor, bridge, device).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test]
async fn a_device_says_why_it_is_where_it_is() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, directory) = Hub::with_directory(&store, small(8)).await;
        hub.read(&bridge).await;
        let row = hub.engine.matching(&hub.actor, &bridge).await.unwrap().rows;
        let row = row.into_iter().find(|row| row.devices > 0).unwrap();
        let device = store.devices_holding(&bridge.source, "organizationId", 100).await.unwrap();
        let device = device.into_iter().find(|d| d.organization == row.organization.id).unwrap().id;
        let id = device.as_str();
        assert_eq!(why(&hub, id).await.answer, Answer::NotPlanned);
        hub.plan().await;
        let undecided = why(&hub, id).await;
        assert!(
            matches!(undecided.answer, Answer::OrganizationLeftAlone { cause: Cause::Undecided, .. }),
            "{undecided:?}"
        );
        assert_eq!(undecided.organization_name.as_deref(), Some(row.organization.name.as_str()));
        hub.create_undecided(&bridge).await;
        assert!(why(&hub, id).await.outdated, "the decision is newer than the plan");
        let plan = hub.plan().await;
        let planned = why(&hub, id).await;
        assert!(matches!(&planned.answer, Answer::Planned { plan: of, .. } if *of == plan.id), "{planned:?}");

        let all = Fault {
            times: None,
            ..Fault::once("POST /assets", Mode::ErrorBefore { status: 404 })
        };
        directory.faults().add(all).unwrap();
        hub.apply(&plan, confirmed()).await.unwrap();
        let failed = why(&hub, id).await;
        assert!(matches!(&failed.answer, Answer::Failed { message, .. } if message.contains("404")), "{failed:?}");
        assert!(failed.next.unwrap().contains("errors retry"));
        directory.faults().clear();
        store.clock().advance(SignedDuration::from_secs(10));
        let plan = hub.plan().await;
        hub.apply(&plan, confirmed()).await.unwrap();
        let imported = why(&hub, id).await;
        assert_eq!(imported.answer, Answer::Imported);
        let asset = imported.asset.unwrap();
        assert_eq!(asset.how, "created for this device");
        assert!(asset.run.is_some() && imported.sentence.contains(asset.asset.as_str()), "{}", imported.sentence);
        assert!(imported.next.is_none());

        // By name, and by a part of it, and by nothing that is there.
        let bridge = hub.bridge().await;
        let by_name = hub.engine.why(&hub.actor, &bridge, &imported.label.to_uppercase()).await.unwrap();
        assert!(by_name.iter().any(|e| e.device == device), "{by_name:?}");
        let nobody = hub.engine.why(&hub.actor, &bridge, "no such 100% device_").await;
        assert!(matches!(nobody, Err(Error::Unknown { .. })));

        let record = [(RecordKind::Asset, device.clone())];
        hub.engine.ignore_records(&hub.actor, &bridge, &record, "a lab machine").await.unwrap();
        let ignored = why(&hub, id).await;
        assert!(matches!(ignored.answer, Answer::LeftAlone { cause: Cause::Ignored, .. }));
        assert!(ignored.sentence.contains("a lab machine"), "{}", ignored.sentence);
        hub.engine.unignore_records(&hub.actor, &bridge, &record).await.unwrap();

        // Out of scope.
        let mut settings = hub.bridge().await.settings;
        settings.scope.roles = vec!["no such role".to_owned()];
        hub.engine.change_bridge(&hub.actor, &hub.bridge().await, settings).await.unwrap();
        hub.plan().await;
        let out = why(&hub, id).await;
        assert!(matches!(&out.answer, Answer::LeftAlone { cause: Cause::OutOfScope, reason } if reason.contains("role")));
        assert!(out.asset.is_some(), "it is linked all the same");
    })
    .await;
}

#[tokio::test]
async fn a_device_whose_clients_assets_come_over_another_bridge_says_so() {
    TestStore::on_every_engine(async |store| {
        let (first, north) = Hub::connected(&store, small(12), "default").await;
        first.sync_all(&north).await;
        let asset = assets(&store).await.into_values().next().unwrap();
        let linked = asset.source_id.clone().unwrap();
        let (second, south) = Hub::beside(&store, small(12), &north).await;
        second.read(&south).await;
        let device = store.devices_holding(&south.source, "organizationId", 1).await.unwrap().remove(0);
        let verdict = Verdict::Matched { client: asset.client.clone() };
        let (engine, actor) = (&second.engine, &second.actor);
        engine.decide(actor, &south, vec![(device.organization.clone(), Some(verdict))]).await.unwrap();
        engine.choose_source(actor, &north, &asset.client).await.unwrap();
        let is_left_to = |answer: &Answer, other: &Bridge| {
            matches!(answer, Answer::OtherSource { client, bridge, .. } if *client == asset.client && *bridge == other.id)
        };
        let left = why_over(&second, &south, device.id.as_str()).await;
        assert!(is_left_to(&left.answer, &north) && left.asset.is_none(), "{left:?}");
        assert!(left.sentence.contains("chose bridge assets") && left.next.is_some(), "{left:?}");
        // It was linked before; a plan made since is silent about it.
        engine.choose_source(actor, &south, &asset.client).await.unwrap();
        let (north, runner) = (store.bridge(&north.id).await.unwrap(), first.runner().await);
        first.engine.make_plan(actor, &runner, &north, None, first.work()).await.unwrap();
        let left = why_over(&first, &north, &linked).await;
        assert!(is_left_to(&left.answer, &south) && left.asset.is_some(), "{left:?}");
        let back = why_over(&second, &south, device.id.as_str()).await;
        assert_eq!(back.answer, Answer::NotPlanned, "a plan tells of it now");
    })
    .await;
}

#[tokio::test]
async fn a_device_of_an_organization_that_the_source_does_not_list_says_so() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(12), "default").await;
        let unlisted = Effect::WrongType {
            field: "organizationId".to_owned(),
            value: json!(987_654),
            every: 2,
        };
        let is_said = |of: &Explained| {
            matches!(&of.answer, Answer::OrganizationLeftAlone { cause: Cause::Unlisted, reason } if reason.contains("987654"))
                && of.next.as_ref().is_some_and(|next| next.contains("987654"))
        };
        hub.ninja.faults().always("/v2/devices-detailed", unlisted.clone());
        hub.read(&bridge).await;
        let rows = store.devices_holding(&bridge.source, "987654", 100).await.unwrap();
        let device = rows.into_iter().find(|row| row.organization.as_str() == "987654").unwrap().id;
        let before = why(&hub, device.as_str()).await;
        assert!(is_said(&before), "before any plan: {before:?}");
        let plan = hub.plan().await;
        let all = hub.engine.operations(&hub.actor, &plan.id, 0, 1000).await.unwrap();
        let rows: Vec<_> = all.iter().filter(|row| row.cause == Some(Cause::Unlisted)).collect();
        let [row] = rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.subject.kind, row.subject.source_id.as_str()), (RecordKind::Client, "987654"));

        // One that was imported stays as it is, and says the same.
        hub.ninja.faults().clear();
        hub.sync_all(&bridge).await;
        assert_eq!(why(&hub, device.as_str()).await.answer, Answer::Imported);
        hub.ninja.faults().always("/v2/devices-detailed", unlisted);
        hub.read(&bridge).await;
        assert_eq!(hub.plan().await.counts.archives, 0);
        let moved = why(&hub, device.as_str()).await;
        assert!(is_said(&moved) && moved.asset.is_some(), "{moved:?}");
    })
    .await;
}

#[tokio::test]
async fn a_device_whose_asset_comes_out_of_the_archive_is_planned_also_where_a_field_waits_for_a_person() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(12), "default").await;
        let mut settings = bridge.settings.clone();
        let names = settings.mapping.rules.iter_mut().filter(|rule| rule.target == "name");
        names.for_each(|rule| rule.owner = Owner::Ask);
        let bridge = hub.engine.change_bridge(&hub.actor, &bridge, settings).await.unwrap();
        let run = hub.sync_all(&bridge).await;
        undo(&hub, &run).await;
        let asset = assets(&store).await.into_values().next().unwrap();
        let device = asset.source_id.clone().unwrap();
        type_in(&store, &asset.id, "name", asset.fields["name"].clone(), json!("Front desk")).await;
        let bridge = hub.bridge().await;
        hub.engine.release_undone(&hub.actor, &bridge, None).await.unwrap();
        let plan = hub.plan().await;
        let planned = why(&hub, &device).await;
        let is_restored =
            |answer: &Answer| matches!(answer, Answer::Planned { plan: of, action, .. } if *of == plan.id && action == "restore_asset");
        assert!(is_restored(&planned.answer), "{planned:?}");
        // In use again, what is left is the question.
        hub.apply(&plan, confirmed()).await.unwrap();
        let asks = why(&hub, &device).await;
        assert!(matches!(asks.answer, Answer::LeftAlone { cause: Cause::Conflict, .. }), "{asks:?}");
        assert_eq!(asks.asset.unwrap().asset, asset.id);
    })
    .await;
}

#[tokio::test]
async fn a_device_in_doubt_says_until_when() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, directory) = Hub::with_directory(&store, small(8)).await;
    directory
        .faults()
        .add(Fault::once("POST /assets", Mode::LostAnswer))
        .unwrap();
    hub.sync_all(&bridge).await;
    let lost: SourceId = hub
        .engine
        .row_errors(&hub.actor, &bridge)
        .await
        .unwrap()
        .remove(0)
        .source;
    let doubt = why(&hub, lost.as_str()).await;
    assert!(
        matches!(doubt.answer, Answer::InDoubt { until: Some(_) }),
        "{doubt:?}"
    );
    store.clock().advance(SignedDuration::from_secs(10));
    let doubt = why(&hub, lost.as_str()).await;
    assert!(
        matches!(doubt.answer, Answer::InDoubt { until: None }),
        "{doubt:?}"
    );
}
