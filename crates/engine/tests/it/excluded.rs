//! What is said of a device that was imported, after its organization was excluded.

use crate::hub::{Hub, small};
use crate::why::why;
use engine::why::{Answer, Explained};
use model::{Cause, RecordKind, Verdict};
use store::registry::AssetFilter;
use testkit::TestStore;

#[tokio::test]
async fn an_imported_device_of_an_excluded_organization_is_no_longer_kept_up_to_date() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(8), "default").await;
        hub.sync_all(&bridge).await;
        let filter = AssetFilter {
            limit: 1,
            ..AssetFilter::default()
        };
        let asset = hub.engine.assets(&hub.actor, &filter).await.unwrap().remove(0);
        let id = asset.asset.source_id.clone().unwrap();
        assert_eq!(why(&hub, &id).await.answer, Answer::Imported);
        let row = store.device(&bridge.source, &id.as_str().into()).await.unwrap();
        let organization = row.unwrap().organization;
        let decide = async |verdict: Option<Verdict>| {
            let decision = vec![(organization.clone(), verdict)];
            hub.engine.decide(&hub.actor, &bridge, decision).await.unwrap();
        };
        let is_said = |of: &Explained| {
            matches!(
                &of.answer,
                Answer::OrganizationLeftAlone {
                    cause: Cause::Excluded,
                    ..
                }
            ) && of.asset.is_some()
                && of.sentence.contains("no longer kept up to date")
                && of.next.as_ref().is_some_and(|next| next.contains("exclusion"))
        };
        // At once, and after a plan that has nothing to say of the device.
        decide(Some(Verdict::Exclude)).await;
        let excluded = why(&hub, &id).await;
        assert!(is_said(&excluded), "{excluded:?}");
        hub.plan().await;
        let excluded = why(&hub, &id).await;
        assert!(is_said(&excluded) && !excluded.outdated, "{excluded:?}");
        // The exclusion is taken back: what the plan says of it is over, at once.
        decide(None).await;
        assert_eq!(why(&hub, &id).await.answer, Answer::Imported);
        hub.plan().await;
        assert_eq!(why(&hub, &id).await.answer, Answer::Imported);
    })
    .await;
}

/// What the last plan of the whole bridge says of an organization is over where a device of it was written since.
#[tokio::test]
async fn a_device_that_was_imported_alone_is_not_held_to_an_older_plan() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge) = Hub::connected(&store, small(8), "default").await;
        hub.read(&bridge).await;
        hub.plan().await;
        hub.create_undecided(&bridge).await;
        let bridge = hub.bridge().await;
        let rows = store
            .devices_holding(&bridge.source, "organizationId", 100)
            .await
            .unwrap();
        let runner = hub.runner().await;
        let mut imported = Vec::new();
        for row in rows {
            let record = (RecordKind::Asset, &row.id);
            let tried = hub
                .engine
                .retry_record(&hub.actor, &runner, &bridge, record, hub.work())
                .await
                .unwrap();
            if tried.run.is_some_and(|run| run.counts.failed == 0) {
                imported.push(row.id);
            }
        }
        drop(runner);
        assert!(imported.len() > 1, "the newest plan tells of the last one only");
        assert_eq!(why(&hub, imported[0].as_str()).await.answer, Answer::Imported);
    })
    .await;
}
