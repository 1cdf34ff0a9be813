//! Runs and their items: intended, then ended, once.

use crate::estate;
use jiff::SignedDuration;
use model::{BridgeId, Outcome, PlanId, RecordKind, RunCounts, RunId, RunKind, RunState};
use std::collections::BTreeMap;
use store::{NewItem, NewLink};
use testkit::TestStore;

fn done(record: &str) -> Outcome {
    Outcome::Done {
        record: record.into(),
    }
}

fn item(number: u32, outcome: Outcome) -> NewItem {
    NewItem {
        number,
        outcome,
        link: None,
        settles: None,
        undone: None,
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_with_how_they_ended() {
    TestStore::on_every_engine(async |test| {
        let read = RunKind::Read {
            connection: "c-1".into(),
        };
        let apply = RunKind::Apply {
            bridge: BridgeId::from("b-1"),
            plan: PlanId::from("p-1"),
        };
        let mut first = test
            .begin_run(read.clone(), "schedule:nightly", "a holder")
            .await
            .unwrap();
        assert_eq!((&first.kind, &first.state), (&read, &RunState::Running));
        test.clock().advance(SignedDuration::from_secs(3));
        let mut second = test.begin_run(apply, "person:ana", "a holder").await.unwrap();
        assert_eq!(test.runs(10).await.unwrap(), [second.clone(), first.clone()]);

        first.counts = RunCounts {
            done: 1200,
            failed: 1,
            skipped: 2,
            unknown: 3,
        };
        let finished = test.clock().advance(SignedDuration::from_secs(3));
        test.end_run(&mut first, RunState::Finished).await.unwrap();
        assert_eq!(first.finished, Some(finished));
        let reason = "the registry did not answer; try again".to_owned();
        test.end_run(&mut second, RunState::Failed { reason })
            .await
            .unwrap();
        assert_eq!(test.runs(10).await.unwrap(), [second.clone(), first]);
        assert_eq!(test.runs(1).await.unwrap(), [second.clone()]);
        // Reads write nothing.
        let since = async |at| test.writes_since(at).await.unwrap();
        assert_eq!(since(second.started).await, [(second.started, second.counts)]);
        assert!(since(finished).await.is_empty());
        assert!(test.runs(0).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn runs_whose_process_died_are_ended_and_no_others() {
    TestStore::on_every_engine(async |test| {
        let kind = RunKind::Read {
            connection: "c-1".into(),
        };
        let mut ended = test
            .begin_run(kind.clone(), "console:test", "a holder")
            .await
            .unwrap();
        test.end_run(&mut ended, RunState::Finished).await.unwrap();
        let left = [
            test.begin_run(kind.clone(), "console:test", "a holder")
                .await
                .unwrap(),
            test.begin_run(kind, "console:test", "a holder").await.unwrap(),
        ];
        let lives = test
            .begin_run(left[0].kind.clone(), "console:test", "alive")
            .await
            .unwrap();
        let now = test.clock().advance(SignedDuration::from_hours(1));
        test.take_lease("process:alive", "alive", std::time::Duration::from_secs(60))
            .await
            .unwrap();
        assert_eq!(test.end_abandoned_runs("its process ended").await.unwrap(), 2);
        assert_eq!(test.end_abandoned_runs("its process ended").await.unwrap(), 0);
        let runs = test.runs(10).await.unwrap();
        for run in left {
            let run = runs.iter().find(|r| r.id == run.id).unwrap();
            assert_eq!(
                run.state,
                RunState::Failed {
                    reason: "its process ended".to_owned()
                }
            );
            assert_eq!(run.finished, Some(now));
        }
        assert!(runs.contains(&ended) && runs.contains(&lives));
    })
    .await;
}

#[tokio::test]
async fn a_run_that_broke_off_counts_what_it_did() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let plan = PlanId::from("p-1");
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: plan.clone(),
        };
        let begin = async || {
            test.begin_run(kind.clone(), "console:test", "a holder")
                .await
                .unwrap()
        };
        let refused = Outcome::Failed {
            message: "the name is too long".to_owned(),
        };
        // One whose process was killed, and one whose last commit was answered with an error.
        let killed = begin().await;
        let items = vec![item(1, done("r-1")), item(2, refused)];
        test.record(&killed.id, &plan, &bridge, items).await.unwrap();
        assert_eq!(test.end_abandoned_runs("its process ended").await.unwrap(), 1);
        let mut failed = begin().await;
        let items = vec![item(3, done("r-3"))];
        test.record(&failed.id, &plan, &bridge, items).await.unwrap();
        let reason = "the database went away".to_owned();
        test.end_run(&mut failed, RunState::Failed { reason })
            .await
            .unwrap();
        let counts = async |id: &RunId| {
            let runs = test.runs(10).await.unwrap();
            let counts = runs.iter().find(|run| run.id == *id).unwrap().counts;
            (counts.done, counts.failed)
        };
        assert_eq!(counts(&killed.id).await, (1, 1));
        assert_eq!(counts(&failed.id).await, (1, 0));
        assert_eq!(failed.counts.done, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_done_stays_done_and_what_is_not_may_be_tried_again() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let plan = PlanId::from("p-1");
        let first = estate::run(&test, &bridge.id, plan.as_str()).await;
        let failed = Outcome::Failed {
            message: "the name is too long".to_owned(),
        };
        let skipped = Outcome::Skipped {
            message: "os was changed by hand".to_owned(),
        };
        let unknown = Outcome::Unknown {
            message: "the connection was reset".to_owned(),
        };
        test.record(
            &first,
            &plan,
            &bridge,
            vec![
                item(1, done("r-1")),
                item(2, failed.clone()),
                item(3, skipped.clone()),
                item(4, unknown.clone()),
            ],
        )
        .await
        .unwrap();
        assert_eq!(
            test.failed_items(&first).await.unwrap(),
            [(2, failed, None), (3, skipped, None), (4, unknown, None)]
        );

        // Another run of the same plan tries what failed again.
        let second = estate::run(&test, &bridge.id, plan.as_str()).await;
        test.record(&second, &plan, &bridge, vec![item(2, done("r-2"))])
            .await
            .unwrap();
        let items = test.run_items(&plan).await.unwrap();
        assert_eq!((&items[&2].outcome, &items[&2].run), (&done("r-2"), &second));
        assert_eq!((&items[&1].outcome, &items[&1].run), (&done("r-1"), &first));
        assert_eq!(
            test.failed_items(&first).await.unwrap().len(),
            3,
            "its own books stay"
        );
        assert!(test.failed_items(&second).await.unwrap().is_empty());
        assert!(test.run_items(&"other".into()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_outcome_and_its_link_are_stored_together_or_not_at_all() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let plan = PlanId::from("p-1");
        let run = estate::run(&test, &bridge.id, plan.as_str()).await;
        let linked = |number: u32| NewItem {
            number,
            outcome: done("r"),
            link: Some(NewLink {
                kind: RecordKind::Client,
                source: number.to_string().into(),
                destination: "r".into(),
                written: BTreeMap::new(),
            }),
            settles: None,
            undone: None,
        };
        test.record(&run, &plan, &bridge, vec![linked(1)]).await.unwrap();
        assert_eq!(test.links(&bridge.id, RecordKind::Client).await.unwrap().len(), 1);

        // The run of the second is gone: its outcome cannot be stored, so its link is not.
        let nobody = RunId::from("nobody");
        test.record(&nobody, &plan, &bridge, vec![linked(2)])
            .await
            .unwrap_err();
        assert_eq!(test.links(&bridge.id, RecordKind::Client).await.unwrap().len(), 1);
        assert!(!test.run_items(&plan).await.unwrap().contains_key(&2));
    })
    .await;
}

#[tokio::test]
async fn the_counts_of_a_run_are_those_of_its_items_whatever_a_later_run_of_its_plan_does() {
    TestStore::on_every_engine(async |test| {
        let bridge = estate::bridge(&test).await;
        let plan = PlanId::from("p-1");
        let kind = RunKind::Apply {
            bridge: bridge.id.clone(),
            plan: plan.clone(),
        };
        let begin = async || {
            test.begin_run(kind.clone(), "console:test", "a holder")
                .await
                .unwrap()
        };
        let unknown = || Outcome::Unknown {
            message: "the connection was reset".to_owned(),
        };
        let refused = || Outcome::Failed {
            message: "the name is too long".to_owned(),
        };
        let (mut first, mut second) = (begin().await, begin().await);
        let items = vec![item(1, done("r-1")), item(2, unknown()), item(3, refused())];
        test.record(&first.id, &plan, &bridge, items).await.unwrap();
        // Another worker looks up what is in doubt, and writes over nothing but its own.
        let items = vec![item(1, done("r-1")), item(2, done("r-2")), item(3, refused())];
        test.record(&second.id, &plan, &bridge, items).await.unwrap();
        test.end_run(&mut first, RunState::Finished).await.unwrap();
        test.end_run(&mut second, RunState::Finished).await.unwrap();
        for run in [&first, &second] {
            let mut counts = RunCounts::default();
            for item in test.items_of(&run.id).await.unwrap().values() {
                counts.add(&item.outcome);
            }
            assert_eq!(counts, run.counts);
        }
        assert_eq!(
            (first.counts.done, first.counts.unknown, first.counts.failed),
            (1, 1, 1)
        );
        assert_eq!((second.counts.done, second.counts.failed), (2, 1));
        // For the plan each operation counts once, and done is done.
        let items = test.run_items(&plan).await.unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items[&2].outcome, done("r-2"));
        // Both have something to take back.
        assert_eq!(test.done_items(&first.id).await.unwrap().len(), 1);
        assert_eq!(test.done_items(&second.id).await.unwrap().len(), 2);

        // One that was taken for dead, and was only slow.
        let slow = begin().await;
        assert_eq!(test.end_abandoned_runs("its process ended").await.unwrap(), 1);
        test.record(&slow.id, &plan, &bridge, vec![item(4, done("r-4"))])
            .await
            .unwrap();
        let runs = test.runs(10).await.unwrap();
        assert_eq!(runs.iter().find(|run| run.id == slow.id).unwrap().counts.done, 1);
    })
    .await;
}
