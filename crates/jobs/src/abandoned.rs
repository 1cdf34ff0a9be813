//! Jobs whose worker ended before they did: taken up again, but not for ever.

use crate::error::Result;
use crate::queue::Queue;
use store::crash::{Point, point};
use store::{Job, JobEnd, JobState};

/// How many workers in a row may end before a job does: with the last of them it counts as failed.
pub const LOST: i64 = 10;

impl Queue {
    /// Puts jobs back whose worker no longer says that it lives, to be begun at once. One that its workers do not outlive,
    /// time after time, may be what ends them: it counts as failed, and a person looks first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_up_abandoned(&self) -> Result<()> {
        for job in self.store().abandoned_jobs().await? {
            if job.lost + 1 >= LOST {
                tracing::error!(job = %job.id, kind = %job.kind, "A job is given up: its workers ended before it did.");
                self.give_up(&job).await?;
            } else {
                tracing::warn!(job = %job.id, kind = %job.kind, holder = job.holder, "A job's worker is gone; it is queued again.");
                self.take_back(&job).await?;
            }
            point(Point::JobTakenUp)?;
        }
        Ok(())
    }

    /// It is no attempt of the job's own: nothing is known against it. It is due when it was: a clock that was an hour
    /// ahead would make it wait for as long.
    async fn take_back(&self, job: &Job) -> Result<()> {
        let mut tx = self.store().transaction().await?;
        let reason = Some("its worker ended before it did");
        let number = self
            .store()
            .requeue_job(&mut tx, job, job.due, reason, job.attempt - 1, true)
            .await?;
        Self::deliver(&mut tx, job, job.due, number).await?;
        Ok(tx.commit().await?)
    }

    async fn give_up(&self, job: &Job) -> Result<()> {
        let end = JobEnd {
            reason: Some(format!(
                "its worker ended before it did, {LOST} times in a row: it may be what ends them. Look at their logs, then \
                 try it again: rmmbridge jobs retry {}",
                job.id
            )),
            ..JobEnd::default()
        };
        let mut tx = self.store().transaction().await?;
        self.store()
            .end_job(&mut tx, &job.id, job.delivery, JobState::Failed, &end)
            .await?;
        Ok(tx.commit().await?)
    }
}
