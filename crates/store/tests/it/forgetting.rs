//! Retention: which rows go, which stay, and that a pass that was cut short goes on.

use crate::estate;
use crate::plans::{counts, operation};
use jiff::{SignedDuration, Timestamp};
use model::{Bridge, Outcome, PlanId, PlanSummary, RunId, RunState, SnapshotId};
use std::time::Duration;
use store::{NewIntent, NewItem, Store};
use testkit::TestStore;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A plan of so many operations, carried out by a run when it was made.
async fn carried_out(test: &TestStore, bridge: &Bridge, operations: u32) -> (PlanSummary, RunId) {
    let plan = planned(test, bridge, operations).await;
    let run = estate::run(test, &bridge.id, plan.id.as_str()).await;
    let items = (1..=operations).map(|number| NewItem {
        number,
        outcome: Outcome::Done {
            record: number.to_string().into(),
        },
        link: None,
        settles: None,
        undone: None,
    });
    test.record(&run, &plan.id, bridge, items.collect())
        .await
        .unwrap();
    let mut ended = test.runs(1).await.unwrap().remove(0);
    ended.counts.done = u64::from(operations);
    test.end_run(&mut ended, RunState::Finished).await.unwrap();
    (plan, run)
}

async fn planned(test: &Store, bridge: &Bridge, operations: u32) -> PlanSummary {
    let mut writer = test
        .begin_plan(bridge, &SnapshotId::from("some snapshot"), None, 0)
        .await
        .unwrap();
    writer
        .add((1..=operations).map(operation).collect())
        .await
        .unwrap();
    writer.finish(counts(operations), vec![]).await.unwrap()
}

/// Forgets everything older than 90 days, so many rows at a time; how many rounds that took.
async fn forget(test: &TestStore, batch: u32) -> u32 {
    let before: Timestamp = test.clock().advance(SignedDuration::ZERO) - DAY * 90;
    let mut rounds = 0;
    while test.forget_plan_rows(before, batch).await.unwrap().is_some() {
        rounds += 1;
    }
    rounds
}

async fn rows(test: &TestStore, plan: &PlanId) -> (usize, usize) {
    let operations = test.operations(plan, 0, 10_000).await.unwrap().len();
    (operations, test.run_items(plan).await.unwrap().len())
}

#[tokio::test]
async fn old_rows_go_some_at_a_time_and_counts_stay() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let (old, run) = carried_out(&test, &bridge, 250).await;
        test.clock().advance(DAY);
        let (newest, _) = carried_out(&test, &bridge, 3).await;
        test.clock().advance(DAY * 200);
        assert_eq!(forget(&test, 100).await, 3, "two whole batches and what was left");
        assert_eq!(rows(&test, &old.id).await, (0, 0));
        assert!(test.plan_is_forgotten(&old.id).await.unwrap());
        // What it was stays known.
        assert_eq!(test.plan(&old.id).await.unwrap(), old);
        let (kept, _) = test.runs_beginning(run.as_str(), 1).await.unwrap();
        assert_eq!(kept[0].counts.done, 250);
        assert_eq!(
            rows(&test, &newest.id).await,
            (3, 3),
            "the newest plan of a bridge is not old"
        );
        assert_eq!(forget(&test, 100).await, 0);
        let log = test.audit_entries(None, 50).await.unwrap();
        assert!(
            log.iter()
                .any(|e| e.action == "plan.rows_forgotten" && e.subject == old.id.to_string())
        );
    })
    .await;
}

#[tokio::test]
async fn a_pass_that_was_cut_short_goes_on_and_its_plan_counts_as_forgotten_meanwhile() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let (old, _) = carried_out(&test, &bridge, 250).await;
        test.clock().advance(DAY);
        planned(&test, &bridge, 1).await;
        let before = test.clock().advance(DAY * 200) - DAY * 90;
        // One batch, and the process is killed.
        let some = test.forget_plan_rows(before, 100).await.unwrap().unwrap();
        assert_eq!((some.plans, some.items, some.operations), (0, 100, 100));
        assert!(
            test.plan_is_forgotten(&old.id).await.unwrap(),
            "half of it is not what it was"
        );
        assert_eq!(forget(&test, 100).await, 2);
        assert_eq!(rows(&test, &old.id).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_an_undo_or_a_look_up_still_needs_stays() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let (late, _) = carried_out(&test, &bridge, 5).await;
        let doubtful = planned(&test, &bridge, 1).await;
        let run = estate::run(&test, &bridge.id, doubtful.id.as_str()).await;
        let intent = NewIntent {
            number: 1,
            marker: "c/client/1".to_owned(),
            version: 0,
            name: None,
        };
        test.switch_connection(
            &bridge.destination,
            Some(&model::ConnectionState::Connected),
            None,
            None,
        )
        .await
        .unwrap();
        let settles = Duration::from_secs(60);
        test.intend(&run, &doubtful.id, &bridge.destination, &[intent], settles, false)
            .await
            .unwrap();
        test.end_abandoned_runs("its process is gone").await.unwrap();
        // Carried out once more, long after it was made.
        test.clock().advance(DAY * 80);
        let again = estate::run(&test, &bridge.id, late.id.as_str()).await;
        test.end_abandoned_runs("its process is gone").await.unwrap();
        test.clock().advance(DAY);
        planned(&test, &bridge, 1).await;
        test.clock().advance(DAY * 85);
        assert_eq!(
            forget(&test, 100).await,
            0,
            "run {again} began 86 days ago, and a write is in doubt"
        );
        test.clock().advance(DAY * 10);
        forget(&test, 100).await;
        assert_eq!(rows(&test, &late.id).await, (0, 0));
        assert_eq!(
            rows(&test, &doubtful.id).await.0,
            1,
            "nobody knows yet what became of it"
        );
    })
    .await;
}

#[tokio::test]
async fn a_record_that_could_not_be_written_stays_listed() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let (old, _) = carried_out(&test, &bridge, 2).await;
        test.sql("UPDATE run_item SET state = 'failed' WHERE number = 2")
            .await;
        test.clock().advance(DAY);
        planned(&test, &bridge, 1).await;
        test.clock().advance(DAY * 200);
        assert_eq!(forget(&test, 100).await, 0);
        assert_eq!(rows(&test, &old.id).await.0, 2);
        test.sql("UPDATE run_item SET state = 'done' WHERE number = 2")
            .await;
        assert_eq!(forget(&test, 100).await, 1);
    })
    .await;
}

#[tokio::test]
async fn how_long_rows_are_kept_is_a_setting() {
    TestStore::on_every_engine(async |test| {
        assert_eq!(test.kept_days().await.unwrap(), 90);
        test.keep_for(30).await.unwrap();
        assert_eq!(test.kept_days().await.unwrap(), 30);
        let log = test.audit_entries(None, 5).await.unwrap();
        assert_eq!(log[0].action, "retention.set");
    })
    .await;
}
