//! What the queue costs, and what a second worker is good for.

use crate::hub::{self, Hub};
use crate::program::Worker;
use crate::simulator::Simulator;
use crate::writes::slow_directory;
use crate::{Setup, line, machine, median};
use connect::Secrets;
use engine::connecting::ConnectionRequest;
use jobs::{JobFilter, JobKind, JobState, Queue, WorkerOptions};
use model::{Actor, ConnectionId};
use std::time::{Duration, Instant};
use store::{DatabaseUrl, Store};
use testkit::{Engine as Database, TemporaryDatabase};
use tokio_util::sync::CancellationToken;

/// Jobs that do next to nothing.
const JOBS: usize = 2000;
/// Devices of each of the bridges two workers share.
const DEVICES: usize = 400;

/// Prints the table.
pub async fn table(setup: Setup) -> anyhow::Result<()> {
    println!("Queue");
    let place = tempfile::tempdir()?;
    let sqlite = DatabaseUrl::Sqlite(place.path().join("rmmbridge.db"));
    cost("SQLite", &sqlite).await?;
    if !Database::available().contains(&Database::Postgres) {
        println!("RMMBRIDGE_TEST_POSTGRES is not set: nothing was measured on PostgreSQL\n");
        return Ok(());
    }
    let postgres = TemporaryDatabase::create(place.path()).await;
    cost("PostgreSQL", &DatabaseUrl::parse(&postgres.url())?).await?;
    for concurrency in [1, 2, 4, 8] {
        let one = two_bridges(setup, 1, concurrency).await?;
        let two = two_bridges(setup, 2, concurrency).await?;
        line(
            &format!("two bridges of {DEVICES} devices, one worker, {concurrency} at once, wall"),
            &format!("{:.2} s", one.as_secs_f64()),
            "",
        );
        line(
            &format!("the same, two workers, {concurrency} at once each"),
            &format!("{:.2} s", two.as_secs_f64()),
            &format!(
                "{:.2} x as fast ({})",
                one.as_secs_f64() / two.as_secs_f64(),
                if concurrency == 1 {
                    "at least 1.7"
                } else {
                    "never slower"
                }
            ),
        );
    }
    println!();
    Ok(())
}

/// Processor time of this process and the server's time for our statements, for each of [`JOBS`] jobs.
async fn cost(name: &str, database: &DatabaseUrl) -> anyhow::Result<()> {
    let (engine, store, actor) = hub::engine_on(database).await?;
    let request = ConnectionRequest {
        kind: "registry".to_owned(),
        name: "registry".to_owned(),
        settings: serde_json::json!({}),
        secrets: Secrets::new(),
        allow_private_hosts: false,
    };
    let connection = engine.save_connection(&actor, request).await?.id;
    let queue = Queue::open(store.clone()).await?;
    let (processor, server) = (machine::cpu_time(), server_time(&store).await?);
    let start = Instant::now();
    for number in 0..JOBS {
        enqueue(&queue, &actor, number, &connection).await?;
    }
    let stop = CancellationToken::new();
    let options = WorkerOptions { concurrency: 4 };
    let worker = jobs::Worker::begin(engine, queue.clone(), &actor, options, stop.clone()).await?;
    let worker = tokio::spawn(worker.run());
    until_idle(&queue).await?;
    let wall = start.elapsed();
    let processor = machine::cpu_time().saturating_sub(processor);
    // The server tells of a session's time a moment after it passed.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let server = server_time(&store).await?.saturating_sub(server);
    stop.cancel();
    worker.await?;
    let each = (processor + server).as_secs_f64() * 1000.0 / JOBS as f64;
    line(
        &format!("a job on {name}, CPU and the server's time"),
        &format!("{each:.2} ms"),
        &format!(
            "at most 5 ms; {:.0} jobs a second",
            JOBS as f64 / wall.as_secs_f64()
        ),
    );
    store.close().await;
    Ok(())
}

async fn enqueue(
    queue: &Queue,
    actor: &Actor,
    number: usize,
    connection: &ConnectionId,
) -> anyhow::Result<()> {
    let kind = JobKind::KeepAlive {
        connection: connection.clone(),
    };
    queue.enqueue(actor, &format!("bench {number}"), &kind).await?;
    Ok(())
}

/// How long the server was at the statements of this database; nothing on SQLite, which is part of this process.
async fn server_time(store: &Store) -> anyhow::Result<Duration> {
    let store::Db::Postgres(pool) = store.db() else {
        return Ok(Duration::ZERO);
    };
    let milliseconds: f64 =
        sqlx::query_scalar("SELECT active_time FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(pool)
            .await?;
    Ok(Duration::from_secs_f64(milliseconds / 1000.0))
}

/// Until no job is queued or running.
async fn until_idle(queue: &Queue) -> anyhow::Result<()> {
    loop {
        let mut open = 0;
        for state in [JobState::Queued, JobState::Running] {
            let filter = JobFilter {
                state: Some(state),
                ..JobFilter::default()
            };
            open += queue.jobs(&filter, 1).await?.len();
        }
        if open == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How long so many workers take for the first sync of two bridges, each with a source and a slow directory of its own.
async fn two_bridges(setup: Setup, workers: usize, concurrency: usize) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..setup.rounds {
        let place = tempfile::tempdir()?;
        let database = TemporaryDatabase::create(place.path()).await;
        let url = DatabaseUrl::parse(&database.url())?;
        let mut kept = Vec::new();
        let mut bridges = Vec::new();
        for name in ["one", "two"] {
            let ninja = Simulator::start(DEVICES, Duration::ZERO).await?;
            let directory = slow_directory().await?;
            let mut hub = Hub::to_directory(&url, name, &ninja.url, &directory.base_url(), 1).await?;
            hub.read().await?;
            hub.create_undecided().await?;
            bridges.push(hub.bridge.id.clone());
            kept.push((ninja, directory, hub));
        }
        let mut running = Vec::new();
        for number in 0..workers {
            let data_dir = place.path().join(format!("worker {number}"));
            std::fs::create_dir(&data_dir)?;
            running.push(Worker::start(&data_dir, Some(&database.url()), concurrency).await?);
        }
        let (_, _, hub) = kept.first().ok_or_else(|| anyhow::anyhow!("no bridge"))?;
        let queue = Queue::open(hub.store.clone()).await?;
        let start = Instant::now();
        for bridge in bridges {
            let kind = JobKind::Sync {
                bridge: bridge.clone(),
                client: None,
                confirmed: true,
            };
            queue.enqueue(&hub.actor, bridge.as_str(), &kind).await?;
        }
        until_idle(&queue).await?;
        times.push(start.elapsed());
        let jobs = queue.jobs(&JobFilter::default(), 100).await?;
        let syncs: Vec<_> = jobs.iter().filter(|job| job.kind == "sync").collect();
        let wrong = syncs.iter().find(|job| job.state != JobState::Done);
        anyhow::ensure!(
            syncs.len() == 2 && wrong.is_none(),
            "a sync was not done: {}",
            wrong.and_then(|job| job.reason.as_deref()).unwrap_or_default()
        );
        for worker in running {
            worker.kill().await?;
        }
        for (_, _, hub) in kept {
            hub.store.close().await;
        }
    }
    Ok(median(times))
}
