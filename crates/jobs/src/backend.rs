//! The queue library, and the only place that knows it.
//!
//! What of apalis 1.0 is used: its tables, a push within our transaction, and workers that poll and are told of a
//! task once. What is not, and why:
//! - its retries, which have no pause: a job says itself when it is due again;
//! - its recovery of tasks whose worker died, which waits for missed heartbeats: jobs are recovered by our own leases
//!   (`housekeeping.rs`), and a task that apalis delivers a second time carries an old number and does nothing;
//! - `SqliteStorage::setup`, which switches `synchronous` off for the whole pool and shares our table of migrations.
//!
//! A worker of apalis ends with the first error of its database, and drops the futures it runs: jobs are tasks of
//! their own, and the worker is begun anew under another name.

use crate::error::{Error, Result};
use apalis::prelude::*;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::time::Duration;
use store::{Db, Store, Tx};
use tokio_util::sync::CancellationToken;

/// The queue's name, never that of a type.
const QUEUE: &str = "jobs";
/// How often a worker asks for a task: what an idle worker costs, and how long a job waits for it.
const POLL: Duration = Duration::from_millis(500);
/// How often apalis' worker says that it lives, and how many it may miss.
const HEARTBEAT: Duration = Duration::from_secs(5);
const MISSED: usize = 3;

/// The word that a job is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// The job.
    pub job: String,
    /// Its number; only the newest counts.
    pub number: i64,
}

type Running = Pin<Box<dyn Future<Output = Result<(), WorkerError>> + Send>>;

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Queue(error.to_string())
}

/// Makes or updates the queue's tables.
pub(crate) async fn migrate(store: &Store) -> Result<()> {
    match store.db() {
        Db::Sqlite { .. } => {
            let mut migrator = SqliteStorage::migrations();
            migrator.dangerous_set_table_name("_apalis_migrations");
            let mut tx = store.transaction().await?;
            if let Tx::Sqlite(transaction) = &mut tx {
                migrator
                    .run_direct(None, &mut **transaction, false)
                    .await
                    .map_err(failed)?;
            }
            tx.commit().await?;
        }
        Db::Postgres(pool) => PostgresStorage::setup(pool).await.map_err(failed)?,
    }
    Ok(())
}

/// Hands the word that a job is due to the queue, within the transaction that makes it so.
pub(crate) async fn push(tx: &mut Tx, delivery: &Delivery, due: Timestamp) -> Result<()> {
    let task = TaskBuilder::new(serde_json::to_vec(delivery)?)
        .run_at_timestamp(u64::try_from(due.as_second()).unwrap_or(0))
        // A failed delivery is no failed job: it is made again until somebody takes it.
        .max_attempts(i32::MAX as usize)
        .idempotency_key(format!("{}:{}", delivery.job, delivery.number))
        .build();
    match tx {
        Tx::Sqlite(transaction) => apalis_sqlite::queries::push_tasks(&mut **transaction, QUEUE, &[task])
            .await
            .map_err(failed),
        Tx::Postgres(transaction) => {
            apalis_postgres::queries::push_tasks(&mut **transaction, QUEUE, vec![task])
                .await
                .map_err(failed)
        }
    }
}

/// Hands deliveries to `deliver`, `slots` at a time, until `stop`. Ends early when the database fails.
///
/// At `stop` the worker of apalis is dropped and not asked to end: while it waits for what is under way it no longer
/// drives a fetch it has begun, which on SQLite holds the one connection that writes, and what is under way waits for
/// that. What it leaves locked carries numbers that are old by then.
pub(crate) async fn listen<F, W>(
    store: &Store,
    name: &str,
    slots: usize,
    stop: &CancellationToken,
    deliver: F,
) -> Result<()>
where
    F: Fn(Delivery) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    // Both engines have a type of their own for each of these.
    macro_rules! run {
        ($storage:expr, $config:expr) => {{
            let config = $config
                .queue(QUEUE)
                // One at a time: a task that is fetched and not begun is kept from other workers.
                .batch_size(1)
                .heartbeat_interval(HEARTBEAT)
                .missed_heartbeats(MISSED);
            let worker = WorkerBuilder::new(name)
                .backend($storage.with_config(config).poll_with_interval(POLL))
                .concurrency(slots)
                .build(move |delivery: Delivery| {
                    let delivering = deliver(delivery);
                    async move {
                        delivering.await;
                        Ok::<(), BoxDynError>(())
                    }
                });
            // As a trait object it can be sent; the compiler does not see that through apalis' own types.
            let running: Running = Box::pin(worker.run());
            tokio::select! {
                ended = running => ended.map_err(failed),
                () = stop.cancelled() => Ok(()),
            }
        }};
    }
    match store.db() {
        Db::Sqlite { write, .. } => {
            run!(
                SqliteStorage::<Delivery>::new(write),
                apalis_sqlite::Config::default()
            )
        }
        Db::Postgres(pool) => run!(
            PostgresStorage::<Delivery>::new(pool),
            apalis_postgres::Config::default()
        ),
    }
}
