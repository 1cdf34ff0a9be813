//! Two tenants of NinjaOne, whose organizations have the same small ids, in one destination.

use crate::hub::{Hub, confirmed, small};
use model::{MatchHow, OrganizationMatch, SourceId, Verdict};
use simulators::ninjaone::Options;
use std::collections::BTreeSet;
use testkit::TestStore;

#[tokio::test]
async fn two_tenants_with_the_same_small_ids_share_nothing() {
    TestStore::on_every_engine(async |store| {
        let (first, north) = Hub::connected(&store, small(40), "default").await;
        first.sync_all(&north).await;
        let options = Options {
            seed: 77,
            ..small(40)
        };
        let (second, south) = Hub::beside(&store, options, &north).await;
        second.read(&south).await;
        let ids = async |hub: &Hub, bridge| -> BTreeSet<SourceId> {
            let matching = hub.engine.matching(&hub.actor, bridge).await.unwrap();
            matching.rows.into_iter().map(|row| row.organization.id).collect()
        };
        assert_eq!(
            ids(&first, &north).await,
            ids(&second, &south).await,
            "the ids collide"
        );
        let matching = second.engine.matching(&second.actor, &south).await.unwrap();
        for row in matching.rows {
            let by_id = matches!(
                row.status,
                OrganizationMatch::Matched {
                    how: MatchHow::StoredId,
                    ..
                }
            );
            assert!(!by_id, "{row:?}");
        }
        // Even one client for both keeps their devices apart.
        let client = matching.clients.keys().next().unwrap().clone();
        let verdict = Verdict::Matched { client };
        let one = ids(&second, &south).await.into_iter().next().unwrap();
        let decisions = vec![(one, Some(verdict))];
        second
            .engine
            .decide(&second.actor, &south, decisions)
            .await
            .unwrap();
        second.create_undecided(&south).await;
        let south = second
            .engine
            .find_bridge(&second.actor, Some("south"))
            .await
            .unwrap();
        let runner = second.runner().await;
        let (actor, work) = (&second.actor, second.work());
        let plan = second
            .engine
            .make_plan(actor, &runner, &south, None, work)
            .await
            .unwrap();
        assert_eq!(plan.counts.create_assets, 40, "{:?}", plan.counts);
        let run = second
            .engine
            .apply(actor, &runner, &plan.id, confirmed(), work)
            .await
            .unwrap();
        assert_eq!(run.counts.done, u64::from(plan.counts.writes()), "{run:?}");
        let again = second
            .engine
            .make_plan(actor, &runner, &south, None, work)
            .await
            .unwrap();
        assert_eq!(again.counts.writes(), 0, "{:?}", again.counts);
        drop(runner);
        assert_eq!(store.registry_asset_count().await.unwrap(), 80);
    })
    .await;
}
