//! What a worker does besides running jobs: takes up what dead ones left, makes jobs of ticks, wakes what waited.

use crate::error::Result;
use crate::execution::Hands;
use jiff::{SignedDuration, Timestamp};
use model::JobKind;
use model::{Actor, ConnectionState};
use std::time::Duration;
use tokio::time::Instant;

/// How often a worker looks around: what a killed worker left is noticed after this.
const ROUND: Duration = Duration::from_secs(2);
/// How often it looks after what changes slowly.
const SLOW_ROUND: Duration = Duration::from_secs(600);
/// A due job that nobody began for so long, while slots are free, has lost its delivery.
const OVERDUE: SignedDuration = SignedDuration::from_secs(10);
/// How long jobs that are over are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Hands {
    /// Looks around until it is stopped. `free` says how many slots are.
    pub async fn keep_house(&self, free: impl Fn() -> usize) {
        let mut slow: Option<Instant> = None;
        while !self.stop.is_cancelled() {
            if let Err(error) = self.look_around(free()).await {
                tracing::warn!(error = %error, "A worker could not look after the queue.");
            }
            if slow.is_none_or(|last| last.elapsed() >= SLOW_ROUND) {
                slow = Some(Instant::now());
                if let Err(error) = self.look_after_slow_things().await {
                    tracing::warn!(error = %error, "A worker could not look after grants and old jobs.");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn look_around(&self, free: usize) -> Result<()> {
        let store = self.queue.store();
        self.engine.bury_the_dead(&self.runner).await?;
        let now = store.clock().now();
        self.queue.take_up_abandoned().await?;
        self.queue.tick().await?;
        self.wake_what_waits(now).await?;
        if free > 0 {
            for job in store.due_jobs(now - OVERDUE, free).await? {
                tracing::debug!(job = %job.id, "A due job is offered again.");
                self.queue
                    .again(&job, job.due, job.reason.as_deref(), job.attempt)
                    .await?;
            }
        }
        Ok(())
    }

    /// Jobs go on whose connection is connected again, or which may write again.
    async fn wake_what_waits(&self, now: Timestamp) -> Result<()> {
        let store = self.queue.store();
        let waiting = store.jobs_that_wait().await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let paused = store.write_pause().await?.is_some();
        for job in waiting {
            let usable = match &job.waits_for {
                None => true,
                Some(id) => store.connection(id).await.is_ok_and(|c| {
                    c.state == ConnectionState::Connected && !(job.waits_for_writes && c.read_only)
                }),
            };
            if usable && !(job.waits_for_writes && paused) {
                tracing::info!(job = %job.id, "What a job waited for is there again.");
                self.queue.again(&job, now, None, 0).await?;
            }
        }
        Ok(())
    }

    async fn look_after_slow_things(&self) -> Result<()> {
        let now = self.queue.store().clock().now();
        self.keep_grants_alive(now).await?;
        self.maintain_daily(now).await?;
        let forgotten = self.queue.store().forget_jobs(now - KEPT).await?;
        if forgotten > 0 {
            tracing::info!(jobs = forgotten, "Forgot jobs that were over long ago.");
        }
        Ok(())
    }

    /// One job a day, whoever notices first.
    async fn maintain_daily(&self, now: Timestamp) -> Result<()> {
        let actor = Actor::Schedule {
            name: "maintenance".to_owned(),
        };
        // A restored hub is left as it is until an Owner has looked at it.
        if self.queue.store().instance().await?.waits.is_some() {
            return Ok(());
        }
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let key = format!("maintain:{day}");
        self.queue.enqueue(&actor, &key, &JobKind::Maintain).await?;
        Ok(())
    }

    /// One job a day for each connection with a grant, whoever notices first.
    async fn keep_grants_alive(&self, now: Timestamp) -> Result<()> {
        let actor = Actor::Schedule {
            name: "keep-alive".to_owned(),
        };
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        for connection in self.engine.connections_with_grants(&actor).await? {
            let key = format!("alive:{connection}:{day}");
            self.queue
                .enqueue(&actor, &key, &JobKind::KeepAlive { connection })
                .await?;
        }
        Ok(())
    }
}
