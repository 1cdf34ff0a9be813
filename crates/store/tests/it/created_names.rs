//! Names under which bridges create clients in one destination: which creation another bridge's plan or decision could
//! not see.

use crate::estate;
use crate::plans::counts;
use model::{Bridge, Decision, Outcome, RecordKind, RunId, SnapshotId, SourceId, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{NewIntent, NewItem, NewName, SeenMatches, Settled, Store};
use testkit::TestStore;

/// Two bridges into one destination.
async fn bridges(store: &Store) -> (Bridge, Bridge) {
    let north = estate::bridge(store).await;
    let source = estate::connection(store, "ninjaone", "South").await;
    let south = store
        .add_bridge(
            "south",
            &source.id,
            &north.destination,
            "humanizeit",
            estate::settings(),
        )
        .await
        .unwrap();
    (north, south)
}

/// A plan of the bridge that saw what is created by now, and a run of it.
async fn plan(store: &Store, bridge: &Bridge) -> (model::PlanId, RunId) {
    let seen = store.names_created(&bridge.destination).await.unwrap();
    let bridge = store.bridge(&bridge.id).await.unwrap();
    let writer = store
        .begin_plan(&bridge, &SnapshotId::from("some snapshot"), None, seen)
        .await
        .unwrap();
    let plan = writer.finish(counts(0), vec![]).await.unwrap();
    let run = estate::run(store, &bridge.id, plan.id.as_str()).await;
    (plan.id, run)
}

fn mark(bridge: &Bridge) -> String {
    format!("{}/client/1", bridge.source)
}

/// Begins to create the client of organization 1; whether that was this bridge's turn.
async fn begins(store: &Store, bridge: &Bridge, plan: &(model::PlanId, RunId), version: i64) -> bool {
    let intent = NewIntent {
        number: 1,
        marker: mark(bridge),
        version,
        name: Some(NewName {
            kind: RecordKind::Client,
            source: "1".into(),
            parent: String::new(),
            name: "acme".to_owned(),
        }),
    };
    let quarantine = Duration::from_secs(150);
    let intended = store
        .intend(
            &plan.1,
            &plan.0,
            &bridge.destination,
            &[intent],
            quarantine,
            false,
        )
        .await
        .unwrap();
    assert_ne!(intended.ours.contains(&1), intended.named.contains(&1));
    intended.ours.contains(&1)
}

async fn ends(store: &Store, bridge: &Bridge, plan: &(model::PlanId, RunId), version: i64, refused: bool) {
    let outcome = match refused {
        true => Outcome::Failed {
            message: "no".to_owned(),
        },
        false => Outcome::Done { record: "r".into() },
    };
    let item = NewItem {
        number: 1,
        outcome,
        link: None,
        settles: Some(Settled {
            marker: mark(bridge),
            version,
            refused,
        }),
        undone: None,
    };
    let lost = store.record(&plan.1, &plan.0, bridge, vec![item]).await.unwrap();
    assert!(lost.is_empty());
}

async fn wishes(store: &Store, bridge: &Bridge, names_created: i64) {
    let organization = SourceId::from("1");
    let decision = Decision {
        organization: organization.clone(),
        verdict: Verdict::Create,
        decided_by: "console:test".to_owned(),
        at: store.clock().now(),
    };
    let seen = SeenMatches {
        names_created,
        ..SeenMatches::default()
    };
    store
        .decide(&bridge.id, &[(organization, Some(decision))], &seen)
        .await
        .unwrap();
}

async fn overtaken(store: &Store, bridge: &Bridge) -> bool {
    let names = BTreeMap::from([(SourceId::from("1"), "acme".to_owned())]);
    let overtaken = store.overtaken_decisions(bridge, &names).await.unwrap();
    overtaken == BTreeSet::from([SourceId::from("1")])
}

#[tokio::test]
async fn what_the_destination_refused_to_create_takes_no_name_from_another_bridge() {
    TestStore::on_every_engine(async |store| {
        let (north, south) = bridges(&store).await;
        wishes(&store, &south, 0).await;
        let of_south = plan(&store, &south).await;
        // North tries at every sync, and is refused each time.
        for round in 0..3 {
            let of_north = plan(&store, &north).await;
            let version = round * 2;
            assert!(begins(&store, &north, &of_north, version).await);
            // While nobody knows what comes of it, south neither creates one nor believes in an older wish.
            assert!(!begins(&store, &south, &of_south, 0).await);
            assert!(overtaken(&store, &south).await);
            ends(&store, &north, &of_north, version + 1, true).await;
            assert!(!overtaken(&store, &south).await);
        }
        assert!(begins(&store, &south, &of_south, 0).await);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_frees_no_name_while_an_earlier_attempt_or_somebody_else_s_may_have_led_to_the_record() {
    TestStore::on_every_engine(async |store| {
        let (north, south) = bridges(&store).await;
        let of_south = plan(&store, &south).await;
        // Sent once, no answer; taken over, sent again and refused: the first may be there all the same.
        let of_north = plan(&store, &north).await;
        assert!(begins(&store, &north, &of_north, 0).await);
        assert!(begins(&store, &north, &of_north, 1).await);
        ends(&store, &north, &of_north, 2, true).await;
        assert!(!begins(&store, &south, &of_south, 0).await);

        // Refused, but the claim is another writer's by now.
        let of_north = plan(&store, &north).await;
        assert!(begins(&store, &north, &of_north, 3).await);
        assert!(begins(&store, &north, &of_north, 4).await);
        let held = Settled {
            marker: mark(&north),
            version: 4,
            refused: true,
        };
        store.close_claims(&north.destination, &[held]).await.unwrap();
        assert!(!begins(&store, &south, &of_south, 0).await);
    })
    .await;
}

#[tokio::test]
async fn a_wish_is_as_old_as_the_list_it_was_made_from() {
    TestStore::on_every_engine(async |store| {
        let (north, south) = bridges(&store).await;
        let looked = store.names_created(&south.destination).await.unwrap();
        let of_north = plan(&store, &north).await;
        assert!(begins(&store, &north, &of_north, 0).await);
        ends(&store, &north, &of_north, 1, false).await;

        // Said now, from a list that could not show north's client.
        wishes(&store, &south, looked).await;
        assert!(overtaken(&store, &south).await);
        let late = plan(&store, &south).await;
        assert!(!begins(&store, &south, &late, 0).await);

        // Said again with it in sight; a second browser with the old list says the same, and takes nothing from it.
        let looks = store.names_created(&south.destination).await.unwrap();
        wishes(&store, &south, looks).await;
        wishes(&store, &south, looked).await;
        assert!(!overtaken(&store, &south).await);
        let late = plan(&store, &south).await;
        assert!(begins(&store, &south, &late, 0).await);
    })
    .await;
}

#[tokio::test]
async fn nobody_saw_what_is_not_there_yet() {
    TestStore::on_every_engine(async |store| {
        let (north, south) = bridges(&store).await;
        wishes(&store, &south, i64::MAX).await;
        let of_north = plan(&store, &north).await;
        assert!(begins(&store, &north, &of_north, 0).await);
        ends(&store, &north, &of_north, 1, false).await;
        assert!(overtaken(&store, &south).await);
    })
    .await;
}
