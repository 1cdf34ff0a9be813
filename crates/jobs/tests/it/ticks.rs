//! Schedules, and workers that notice the same tick.

use crate::world::{bridge, engine, queue, technician};
use jiff::SignedDuration;
use jobs::{Job, JobFilter, JobState, NewSchedule, Queue, Scheduled, Worker, WorkerOptions};
use std::time::Duration;
use store::Store;
use testkit::{Engine, TestStore};
use tokio_util::sync::CancellationToken;

/// Runs a worker on a store until `stop`.
async fn worker(store: &Store, name: &str, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let (engine, queue) = (engine(store, name), queue(store).await);
    let options = WorkerOptions { concurrency: 2 };
    let worker = Worker::begin(engine, queue, &technician(), options, stop.clone())
        .await
        .unwrap();
    tokio::spawn(worker.run())
}

/// The jobs of bridges: a worker makes one of maintenance by itself.
async fn of_bridges(queue: &Queue) -> Vec<Job> {
    let all = queue.jobs(&JobFilter::default(), 100).await.unwrap();
    all.into_iter().filter(|job| job.bridge.is_some()).collect()
}

/// Waits until `enough` jobs wait for a person: the bridge leads nowhere.
async fn until_they_wait(queue: &Queue, enough: usize) -> Vec<Job> {
    for _ in 0..300 {
        let jobs = of_bridges(queue).await;
        if jobs.iter().filter(|job| job.state == JobState::Waiting).count() >= enough {
            return jobs;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:#?}", queue.jobs(&JobFilter::default(), 100).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_one_job_for_all_workers_and_missed_ones_are_not_made_up_for() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        for what in [Scheduled::Sync, Scheduled::PlanOnly] {
            let new = NewSchedule {
                bridge: bridge.id.clone(),
                what,
                cron: "0 * * * *".to_owned(),
                zone: "Europe/Berlin".to_owned(),
            };
            queue.set_schedule(&technician(), &new).await.unwrap();
        }
        let schedules = queue.schedules().await.unwrap();
        let paused = schedules.iter().find(|s| s.what == Scheduled::PlanOnly).unwrap();
        queue
            .switch_schedule(&technician(), &paused.id, Some("not now"))
            .await
            .unwrap();
        // Nobody was there for five hours and a half.
        store.clock().advance(SignedDuration::from_mins(330));
        let stop = CancellationToken::new();
        let elsewhere = store.another().await;
        let mut workers = vec![worker(&store, "one", &stop).await];
        if store.engine() == Engine::Postgres {
            workers.push(worker(&elsewhere, "two", &stop).await);
        }
        let jobs = until_they_wait(&queue, 1).await;
        // The other worker looks around too.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let later = of_bridges(&queue).await;
        assert_eq!(later.len(), 1, "{later:#?}");
        assert_eq!(jobs[0].kind, "sync");
        assert!(jobs[0].key.ends_with(":1768485600"), "14:00 UTC: {}", jobs[0].key);
        assert_eq!(jobs[0].actor.to_string(), "schedule:assets");
        let reason = jobs[0].reason.clone().unwrap();
        assert!(reason.contains("nowhere"), "{reason}");
        // The next tick's job takes the place of the one that waits for a person.
        store.clock().advance(SignedDuration::from_hours(1));
        for _ in 0..300 {
            let jobs = of_bridges(&queue).await;
            let states: Vec<JobState> = jobs.iter().map(|job| job.state).collect();
            if states == [JobState::Waiting, JobState::Done] {
                break;
            }
            assert!(jobs.len() <= 2, "{jobs:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let jobs = of_bridges(&queue).await;
        assert_eq!(jobs[1].state, JobState::Done, "{jobs:#?}");
        stop.cancel();
        for worker in workers {
            worker.await.unwrap();
        }
        assert!(
            store.leases("").await.unwrap().is_empty(),
            "everything was given back"
        );
    })
    .await;
}

#[tokio::test]
async fn one_process_works_on_sqlite_and_the_second_is_told_who() {
    let store = TestStore::sqlite().await;
    let stop = CancellationToken::new();
    let first = worker(&store, "the first", &stop).await;
    let second = engine(&store, "the second")
        .become_runner(&technician())
        .await
        .unwrap_err();
    assert!(second.to_string().contains("(the first)"), "{second}");
    let workers = engine(&store, "a command").workers(&technician()).await.unwrap();
    assert_eq!(workers, ["the first"]);
    stop.cancel();
    first.await.unwrap();
    engine(&store, "the second")
        .become_runner(&technician())
        .await
        .unwrap();
}
