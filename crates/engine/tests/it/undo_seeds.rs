//! Planning and undoing held against chance, on the real registry: for every seed another estate, another day, and other
//! things typed in by hand.
//!
//! `RMMBRIDGE_UNDO_SEEDS=200 cargo nextest run -p engine undo_seeds` tries so many on every engine; a test run has three.

use crate::hub::{Hub, confirmed};
use crate::undoing::{assets, type_in, undo};
use model::{Operation, PlanSummary, RecordId};
use serde_json::json;
use simulators::ninjaone::Options;
use std::collections::BTreeSet;
use testkit::TestStore;

#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("RMMBRIDGE_UNDO_SEEDS").ok();
    0..asked.map_or(3, |text| text.parse().unwrap())
}

fn estate(seed: u64) -> Options {
    Options {
        devices: 20 + usize::try_from(seed * 7 % 30).unwrap(),
        organizations: Some(3 + usize::try_from(seed % 3).unwrap()),
        seed,
        ..Options::default()
    }
}

async fn operations(hub: &Hub, plan: &PlanSummary) -> Vec<Operation> {
    hub.engine
        .operations(&hub.actor, &plan.id, 0, 10_000)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_plan_made_twice_is_the_same_and_one_that_was_applied_leaves_nothing_to_write() {
    for seed in seeds() {
        TestStore::on_every_engine(async |store| {
            let (hub, bridge) = Hub::connected(&store, estate(seed), "humanizeit").await;
            for day in 0..3 {
                hub.read(&bridge).await;
                hub.create_undecided(&bridge).await;
                let first = hub.plan().await;
                let second = hub.plan().await;
                let (one, other) = (operations(&hub, &first).await, operations(&hub, &second).await);
                assert_eq!(
                    serde_json::to_string(&one).unwrap(),
                    serde_json::to_string(&other).unwrap(),
                    "seed {seed}, day {day}"
                );
                assert_eq!(
                    (first.counts.archives, second.counts.archives),
                    (0, 0),
                    "without a rule"
                );
                let before: BTreeSet<RecordId> = assets(&store).await.into_keys().collect();
                hub.apply(&second, confirmed()).await.unwrap();
                let after = assets(&store).await;
                assert!(
                    after.values().all(|asset| asset.archived.is_none()),
                    "seed {seed}"
                );
                assert!(before.iter().all(|id| after.contains_key(id)), "seed {seed}");
                assert_eq!(hub.plan().await.counts.writes(), 0, "seed {seed}, day {day}");
                hub.ninja.let_a_day_pass(0.3);
            }
            hub.ninja.shutdown().await;
        })
        .await;
    }
}

#[tokio::test]
async fn an_undo_restores_everything_but_what_a_person_changed_since() {
    for seed in seeds() {
        TestStore::on_every_engine(async |store| {
            let (hub, bridge) = Hub::connected(&store, estate(seed), "humanizeit").await;
            hub.sync_all(&bridge).await;
            let before = assets(&store).await;
            hub.ninja
                .let_a_day_pass(0.2 + 0.1 * f64::from(u32::try_from(seed % 7).unwrap()));
            hub.read(&bridge).await;
            let plan = hub.plan().await;
            if plan.counts.writes() == 0 {
                return;
            }
            let run = hub.apply(&plan, confirmed()).await.unwrap();
            let written = assets(&store).await;
            // A person types a name of their own into some of the assets.
            let mut typed = BTreeSet::new();
            for (id, asset) in written.iter().filter(|(_, asset)| asset.archived.is_none()) {
                if (typed.len() as u64) < seed % 4 {
                    let stands = asset.fields.get("name").cloned().unwrap_or_default();
                    type_in(&store, id, "name", stands, json!("By hand")).await;
                    typed.insert(id.clone());
                }
            }
            undo(&hub, &run).await;
            let after = assets(&store).await;
            for (id, stood) in &before {
                let mut stands = after[id].clone();
                if typed.contains(id) {
                    assert_eq!(stands.fields["name"], "By hand", "seed {seed}");
                    match stood.fields.get("name") {
                        Some(name) => stands.fields.insert("name".to_owned(), name.clone()),
                        None => stands.fields.remove("name"),
                    };
                }
                assert_eq!(stands, *stood, "seed {seed}: asset {id}");
            }
            for (id, created) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
                assert!(
                    created.archived.is_some() || typed.contains(id),
                    "seed {seed}: {id} was created by the run and stands"
                );
            }
            hub.ninja.shutdown().await;
        })
        .await;
    }
}
