//! Two bridges that write into one destination at once.

use crate::hub::{Hub, confirmed, small};
use engine::wizard::Unmatched;
use model::{Bridge, OrganizationMatch, PlanSummary, Verdict};
use std::collections::BTreeSet;
use testkit::{Engine, TestStore};

/// Decides that every organization gets a client of its own, whatever it resembles.
async fn create_all(hub: &Hub, bridge: &Bridge) {
    let matching = hub.engine.matching(&hub.actor, bridge).await.unwrap();
    let all = matching.rows.into_iter().filter(|row| !row.linked);
    let decisions = all
        .map(|row| (row.organization.id, Some(Verdict::Create)))
        .collect();
    hub.engine.decide(&hub.actor, bridge, decisions).await.unwrap();
}

async fn named(hub: &Hub, name: &str) -> Bridge {
    hub.engine.find_bridge(&hub.actor, Some(name)).await.unwrap()
}

async fn planned(hub: &Hub, name: &str) -> PlanSummary {
    let (runner, bridge) = (hub.runner().await, named(hub, name).await);
    hub.engine
        .make_plan(&hub.actor, &runner, &bridge, None, hub.work())
        .await
        .unwrap()
}

#[tokio::test]
async fn two_bridges_that_create_the_same_names_at_once_make_each_once() {
    TestStore::on_every_engine(async |store| {
        let (first, north) = Hub::connected(&store, small(30), "default").await;
        // The same names in another tenant.
        let (second, south) = Hub::beside(&store, small(30), &north).await;
        first.read(&north).await;
        second.read(&south).await;
        create_all(&first, &north).await;
        create_all(&second, &south).await;
        // Both plans see an empty destination.
        let (of_north, of_south) = (planned(&first, "assets").await, planned(&second, "south").await);
        assert_eq!(
            (of_north.counts.create_clients, of_south.counts.create_clients),
            (4, 4)
        );
        assert!(of_north.counts.create_asset_types > 0);
        let one = first.runner().await;
        // On SQLite one process works, at both.
        let other = match store.engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(second.runner().await),
        };
        let (north_run, south_run) = tokio::join!(
            first
                .engine
                .apply(&first.actor, &one, &of_north.id, confirmed(), first.work()),
            second.engine.apply(
                &second.actor,
                other.as_ref().unwrap_or(&one),
                &of_south.id,
                confirmed(),
                second.work()
            ),
        );
        let (north_run, south_run) = (north_run.unwrap(), south_run.unwrap());
        assert!(
            north_run.counts.skipped + south_run.counts.skipped >= 4,
            "{north_run:?} {south_run:?}"
        );
        drop((one, other));
        // Later, with a plan that could see them, the same creation is the person's own word.
        for (hub, name) in [
            (&first, "assets"),
            (&second, "south"),
            (&first, "assets"),
            (&second, "south"),
        ] {
            let bridge = named(hub, name).await;
            let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
            let open = matching.rows.iter().filter(|row| !row.linked);
            let decisions = open.map(|row| (row.organization.id.clone(), None)).collect();
            hub.engine.decide(&hub.actor, &bridge, decisions).await.unwrap();
            let matching = hub.engine.matching(&hub.actor, &bridge).await.unwrap();
            assert!(
                matching
                    .rows
                    .iter()
                    .all(|row| matches!(row.status, OrganizationMatch::Matched { .. }))
            );
            let plan = planned(hub, name).await;
            assert_eq!(plan.counts.create_clients, 0, "{:?}", plan.counts);
            let run = hub.apply(&plan, confirmed()).await.unwrap();
            assert_eq!(run.counts.failed + run.counts.skipped, 0, "{run:?}");
        }
        let clients = store.registry_clients().await.unwrap();
        let names: BTreeSet<&str> = clients.iter().map(|client| client.name.as_str()).collect();
        assert_eq!((clients.len(), names.len()), (4, 4), "{clients:?}");
        let types = store.registry_asset_types().await.unwrap();
        let names: BTreeSet<&str> = types.iter().map(|of_type| of_type.name.as_str()).collect();
        assert_eq!(types.len(), names.len(), "{types:?}");
        assert_eq!(
            store.registry_asset_count().await.unwrap(),
            30,
            "both tenants have the same machines"
        );
        for (hub, name) in [(&first, "assets"), (&second, "south")] {
            assert_eq!(planned(hub, name).await.counts.writes(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_plan_made_before_another_bridge_created_a_client_does_not_create_it_again() {
    TestStore::on_every_engine(async |store| {
        let (first, north) = Hub::connected(&store, small(8), "default").await;
        let (second, south) = Hub::beside(&store, small(8), &north).await;
        first.read(&north).await;
        second.read(&south).await;
        create_all(&first, &north).await;
        create_all(&second, &south).await;
        let (of_north, of_south) = (planned(&first, "assets").await, planned(&second, "south").await);
        first.apply(&of_north, confirmed()).await.unwrap();
        let late = second.apply(&of_south, confirmed()).await.unwrap();
        let left = second.engine.failed_items(&second.actor, &late).await.unwrap();
        assert!(
            left.iter()
                .any(|item| format!("{:?}", item.outcome).contains("another bridge")),
            "{left:?}"
        );
        let clients = store.registry_clients().await.unwrap();
        assert_eq!(clients.len(), 4, "{clients:?}");
        // The decision to create them is older as well: what they are is asked again, and nothing is written before.
        let still = planned(&second, "south").await;
        assert_eq!((still.counts.create_clients, still.counts.writes()), (0, 0));
        let south = named(&second, "south").await;
        let matching = second.engine.matching(&second.actor, &south).await.unwrap();
        for row in &matching.rows {
            assert!(row.overtaken && !row.linked, "{row:?}");
            let OrganizationMatch::Undecided { reason, suggestions } = &row.status else {
                panic!("{row:?}");
            };
            assert!(
                reason.contains("before another bridge began to create one"),
                "{reason}"
            );
            assert_eq!(
                matching.clients[&suggestions[0].client].name,
                row.organization.name
            );
        }
        // Whoever creates all that resemble no client has not looked at these, also where no rule goes by names.
        let mut settings = south.settings.clone();
        settings.matching.same_name = false;
        settings.matching.similar = None;
        let south = second
            .engine
            .change_bridge(&second.actor, &south, settings)
            .await
            .unwrap();
        let created = second
            .engine
            .create_unmatched(&second.actor, &south, Unmatched::ResemblingNone)
            .await
            .unwrap();
        assert!(created.is_empty(), "{created:?}");
        create_all(&second, &south).await;
        let said_again = planned(&second, "south").await;
        second.apply(&said_again, confirmed()).await.unwrap();
        assert_eq!(
            store.registry_clients().await.unwrap().len(),
            8,
            "a person's word, with both in sight"
        );
    })
    .await;
}
