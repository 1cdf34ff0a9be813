//! Schedules, workers that notice the same tick, and jobs that come by themselves: each is stored together with what makes
//! it come.

use crate::world::{
    Ledger, accept_deliveries, bridge, bridge_to_ledger, engine, engine_to, queue, refuse_deliveries,
    technician,
};
use jiff::{SignedDuration, Timestamp};
use jobs::{Job, JobFilter, JobKind, JobState, NewSchedule, Queue, Scheduled, Worker, WorkerOptions};
use model::{Bridge, ConnectionId, RunKind};
use std::time::Duration;
use store::{Store, StoredGrant};
use testkit::{Engine, TestStore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A worker at work.
struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// On this store.
    async fn on(store: &Store, name: &str) -> Self {
        Self::with(engine(store, name), store).await
    }

    /// The same with an engine of its own kind.
    async fn with(engine: engine::Engine, store: &Store) -> Self {
        let (queue, stop) = (queue(store).await, CancellationToken::new());
        let options = WorkerOptions { concurrency: 2 };
        let worker = Worker::begin(engine, queue, &technician(), options, stop.clone())
            .await
            .unwrap();
        let task = tokio::spawn(worker.run());
        Self { stop, task }
    }

    /// Stops it, and waits for that.
    async fn stopped(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
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

/// Waits until the jobs are so.
async fn until(queue: &Queue, so: impl Fn(&[Job]) -> bool) -> Vec<Job> {
    for _ in 0..300 {
        let jobs = queue.jobs(&JobFilter::default(), 100).await.unwrap();
        if so(&jobs) {
            return jobs;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:#?}", queue.jobs(&JobFilter::default(), 100).await);
}

fn of_kind<'a>(jobs: &'a [Job], kind: &str) -> Vec<&'a Job> {
    jobs.iter().filter(|job| job.kind == kind).collect()
}

/// Time for a worker to look around once more, whatever it is at.
async fn another_look() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Lets a bridge do this at every full hour.
async fn hourly(queue: &Queue, bridge: &Bridge, what: Scheduled) {
    let new = NewSchedule {
        bridge: bridge.id.clone(),
        what,
        cron: "0 * * * *".to_owned(),
        zone: "Europe/Berlin".to_owned(),
    };
    queue.set_schedule(&technician(), &new).await.unwrap();
}

/// A queue, and a bridge that leads nowhere and is to sync and to plan at every full hour.
async fn both_hourly(store: &TestStore) -> (Queue, Bridge) {
    let (queue, bridge) = (queue(store).await, bridge(store).await);
    for what in [Scheduled::Sync, Scheduled::PlanOnly] {
        hourly(&queue, &bridge, what).await;
    }
    (queue, bridge)
}

async fn last_tick(queue: &Queue, what: Scheduled) -> Timestamp {
    let schedules = queue.schedules().await.unwrap();
    schedules.iter().find(|s| s.what == what).unwrap().last_tick
}

/// Expects the sync of the tick at 14:00 UTC, once, and nothing that stands for it or comes after it.
async fn expect_the_sync_of_14(queue: &Queue) {
    until(queue, |jobs| !of_kind(jobs, "sync").is_empty()).await;
    another_look().await;
    let jobs = of_bridges(queue).await;
    let syncs = of_kind(&jobs, "sync");
    assert_eq!(syncs.len(), 1, "{syncs:#?}");
    assert!(syncs[0].key.ends_with(":1768485600"), "{}", syncs[0].key);
    let ticked: Timestamp = "2026-01-15T14:00:00Z".parse().unwrap();
    assert_eq!(last_tick(queue, Scheduled::Sync).await, ticked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_one_job_for_all_workers_and_missed_ones_are_not_made_up_for() {
    TestStore::on_every_engine(async |store| {
        let (queue, _) = both_hourly(&store).await;
        let schedules = queue.schedules().await.unwrap();
        let paused = schedules.iter().find(|s| s.what == Scheduled::PlanOnly).unwrap();
        queue
            .switch_schedule(&technician(), &paused.id, Some("not now"))
            .await
            .unwrap();
        // Nobody was there for five hours and a half.
        store.clock().advance(SignedDuration::from_mins(330));
        let elsewhere = store.another().await;
        let mut workers = vec![Working::on(&store, "one").await];
        if store.engine() == Engine::Postgres {
            workers.push(Working::on(&elsewhere, "two").await);
        }
        let jobs = until_they_wait(&queue, 1).await;
        // The other worker looks around too.
        another_look().await;
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
        for worker in workers {
            worker.stopped().await;
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
    let first = Working::on(&store, "the first").await;
    let second = engine(&store, "the second")
        .become_runner(&technician())
        .await
        .unwrap_err();
    assert!(second.to_string().contains("(the first)"), "{second}");
    let workers = engine(&store, "a command").workers(&technician()).await.unwrap();
    assert_eq!(workers, ["the first"]);
    first.stopped().await;
    engine(&store, "the second")
        .become_runner(&technician())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_and_its_job_are_stored_together_or_not_at_all() {
    TestStore::on_every_engine(async |store| {
        let (queue, _) = both_hourly(&store).await;
        let set = last_tick(&queue, Scheduled::Sync).await;
        store.clock().advance(SignedDuration::from_mins(330));
        refuse_deliveries(&store, "sync").await;
        let worker = Working::on(&store, "one").await;
        // The plan's turn comes first: once its job is there, the worker comes to the sync in every round.
        until(&queue, |jobs| !of_kind(jobs, "plan_only").is_empty()).await;
        another_look().await;
        let jobs = of_bridges(&queue).await;
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        assert_eq!(last_tick(&queue, Scheduled::Sync).await, set);
        let noted = "SELECT COUNT(*) FROM audit_entry WHERE action = 'job.asked_for' AND subject = 'sync'";
        assert_eq!(store.sql(noted).await, 0);
        accept_deliveries(&store).await;
        expect_the_sync_of_14(&queue).await;
        assert_eq!(store.sql(noted).await, 1);
        worker.stopped().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_doubt_ends_its_job_only_together_with_the_job_that_looks_again() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge_to_ledger(&store).await);
        let ledger = Ledger::that_loses(1);
        refuse_deliveries(&store, "apply").await;
        let kind = JobKind::Sync {
            bridge: bridge.id.clone(),
            client: None,
            confirmed: true,
        };
        let id = queue.enqueue(&technician(), "request:1", &kind).await.unwrap();
        let id = id.id.unwrap();
        let worker = Working::with(engine_to(&store, "one", &ledger), &store).await;
        until(&queue, |_| ledger.asked() > 0).await;
        another_look().await;
        let jobs = of_bridges(&queue).await;
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        assert_eq!((jobs[0].state, &jobs[0].run), (JobState::Running, &None));
        accept_deliveries(&store).await;
        let looked = |job: &&Job| job.state == JobState::Done;
        let jobs = until(&queue, |jobs| of_kind(jobs, "apply").iter().any(looked)).await;
        let again = of_kind(&jobs, "apply");
        let first = queue.job(&id).await.unwrap();
        assert_eq!((first.state, first.attempt), (JobState::Done, 1), "{first:#?}");
        let key = format!("doubt:{}", first.run.unwrap());
        assert_eq!((again.len(), &again[0].key), (1, &key), "{again:#?}");
        assert_eq!(ledger.asked(), 2, "what never arrived was sent again");
        worker.stopped().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tick_of_a_paused_bridge_is_left_until_it_is_resumed_and_plans_go_on() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = both_hourly(&store).await;
        let set = last_tick(&queue, Scheduled::Sync).await;
        let undone = Some("run 7 was taken back");
        store.pause_bridge(&bridge.id, undone).await.unwrap();
        store.clock().advance(SignedDuration::from_mins(330));
        let worker = Working::on(&store, "one").await;
        until(&queue, |jobs| !of_kind(jobs, "plan_only").is_empty()).await;
        another_look().await;
        let jobs = of_bridges(&queue).await;
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        assert_eq!(last_tick(&queue, Scheduled::Sync).await, set);
        store.pause_bridge(&bridge.id, None).await.unwrap();
        expect_the_sync_of_14(&queue).await;
        worker.stopped().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_only_plans_reads_and_plans_and_writes_nothing() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge_to_ledger(&store).await);
        let ledger = Ledger::default();
        hourly(&queue, &bridge, Scheduled::PlanOnly).await;
        store.clock().advance(SignedDuration::from_mins(330));
        let worker = Working::with(engine_to(&store, "one", &ledger), &store).await;
        let planned = |jobs: &[Job]| {
            let jobs = of_kind(jobs, "plan_only");
            jobs.iter()
                .any(|job| job.state != JobState::Queued && job.state != JobState::Running)
        };
        until(&queue, planned).await;
        another_look().await;
        worker.stopped().await;
        let jobs = of_bridges(&queue).await;
        assert_eq!(jobs.len(), 1, "{jobs:#?}");
        assert_eq!(
            (jobs[0].state, &jobs[0].run),
            (JobState::Done, &None),
            "{jobs:#?}"
        );
        let plan = store.newest_plan(&bridge.id).await.unwrap().unwrap();
        assert_eq!(plan.counts.writes(), 1, "{plan:#?}");
        assert_eq!(ledger.asked(), 0);
        let runs = store.runs(10).await.unwrap();
        assert!(
            runs.len() == 1 && matches!(runs[0].kind, RunKind::Read { .. }),
            "{runs:#?}"
        );
    })
    .await;
}

async fn grant(store: &Store, connection: &ConnectionId) {
    let pair = StoredGrant {
        access_token: "access".into(),
        refresh_token: Some("refresh".into()),
        scopes: Vec::new(),
        expires: Timestamp::UNIX_EPOCH,
        version: 0,
    };
    store.grants(connection).replace(&pair).await.unwrap();
}

/// The keys of the jobs that keep grants alive, after another worker began, and made so many of them or found them there.
async fn kept_alive(store: &Store, queue: &Queue, name: &str, enough: usize) -> Vec<String> {
    let worker = Working::on(store, name).await;
    until(queue, |jobs| of_kind(jobs, "keep_alive").len() >= enough).await;
    worker.stopped().await;
    let jobs = queue.jobs(&JobFilter::default(), 100).await.unwrap();
    let mut keys: Vec<String> = of_kind(&jobs, "keep_alive")
        .into_iter()
        .map(|job| job.key.clone())
        .collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_kept_alive_once_a_day() {
    TestStore::on_every_engine(async |store| {
        let (queue, bridge) = (queue(&store).await, bridge(&store).await);
        let key = |connection: &ConnectionId, day: u8| format!("alive:{connection}:2026-01-{day}");
        grant(&store, &bridge.source).await;
        let mut keys = vec![key(&bridge.source, 15)];
        assert_eq!(kept_alive(&store, &queue, "one", 1).await, keys);
        // The job of a grant that is new tells that the second worker looked after all of them.
        grant(&store, &bridge.destination).await;
        keys.push(key(&bridge.destination, 15));
        keys.sort();
        assert_eq!(kept_alive(&store, &queue, "two", 2).await, keys);
        store.clock().advance(SignedDuration::from_hours(24));
        keys.extend([key(&bridge.source, 16), key(&bridge.destination, 16)]);
        keys.sort();
        assert_eq!(kept_alive(&store, &queue, "three", 4).await, keys);
    })
    .await;
}
