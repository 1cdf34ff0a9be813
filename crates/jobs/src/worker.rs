//! The worker: runs jobs and schedules until it is stopped.

use crate::backend::{self, Delivery};
use crate::error::Result;
use crate::execution::Hands;
use crate::queue::Queue;
use engine::Engine;
use model::Actor;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a worker waits before it asks a database again that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How a worker is set up.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// How many jobs it runs at once.
    pub concurrency: usize,
}

/// Runs jobs and schedules.
pub struct Worker {
    hands: Arc<Hands>,
    slots: Arc<Semaphore>,
    concurrency: usize,
}

impl Worker {
    /// A worker that says from now on that it lives. `stop` asks it to end.
    ///
    /// # Errors
    /// On SQLite when another process is at work, which it names; or when the store fails.
    pub async fn begin(
        engine: Engine,
        queue: Queue,
        actor: &Actor,
        options: WorkerOptions,
        stop: CancellationToken,
    ) -> Result<Self> {
        let runner = engine.become_runner(actor).await?;
        engine.stand_by(&runner).await?;
        let concurrency = options.concurrency.max(1);
        Ok(Self {
            hands: Arc::new(Hands {
                engine,
                queue,
                runner: Arc::new(runner),
                stop,
            }),
            slots: Arc::new(Semaphore::new(concurrency)),
            concurrency,
        })
    }

    /// Runs until it is asked to stop: then takes no more jobs, lets those under way reach their safe point, hands
    /// them back, and gives back what it holds.
    pub async fn run(self) {
        let Self {
            hands,
            slots,
            concurrency,
        } = self;
        let tasks = TaskTracker::new();
        let house = {
            let (hands, slots) = (hands.clone(), slots.clone());
            tokio::spawn(async move { hands.keep_house(|| slots.available_permits()).await })
        };
        let watch = {
            let hands = hands.clone();
            tokio::spawn(async move { hands.keep_watch().await })
        };
        // Each beginning has a name of its own: apalis refuses one whose last heartbeat is not long ago.
        for beginning in 1_u64.. {
            let name = format!("{} #{beginning}", hands.runner.holder());
            let deliver = {
                let (hands, slots, tasks) = (hands.clone(), slots.clone(), tasks.clone());
                move |delivery: Delivery| {
                    let (hands, slots) = (hands.clone(), slots.clone());
                    // A task of its own: apalis drops what it runs when the database fails it.
                    let (taking, taken) = (hands.clone(), delivery.clone());
                    let job = tasks.spawn(async move {
                        let Ok(_slot) = slots.acquire().await else { return };
                        if !taking.stop.is_cancelled() {
                            taking.take(&taken.job, taken.number).await;
                        }
                    });
                    async move {
                        if let Err(error) = job.await {
                            hands
                                .cut_short(&delivery.job, delivery.number, &error.to_string())
                                .await;
                        }
                    }
                }
            };
            let store = hands.queue.store();
            let ended = backend::listen(store, &name, concurrency, &hands.stop, deliver).await;
            if hands.stop.is_cancelled() {
                break;
            }
            match ended {
                Ok(()) => tracing::warn!("The queue ended its worker; another is begun."),
                Err(error) => {
                    tracing::warn!(error = %error, "The queue cannot be asked; it is asked again.");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        tasks.close();
        tasks.wait().await;
        let _ = house.await;
        let _ = watch.await;
        if let Ok(hands) = Arc::try_unwrap(hands)
            && let Ok(runner) = Arc::try_unwrap(hands.runner)
        {
            runner.leave().await;
        }
    }
}
