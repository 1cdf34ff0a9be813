//! Putting jobs into the queue, and looking at them.

use crate::backend::{self, Delivery};
use crate::error::{Error, Result};
use jiff::Timestamp;
use model::JobKind;
use model::{Actor, ActorRole};
use std::time::Duration;
use store::{Job, JobFilter, JobState, NewJob, Store, Tx};

/// The queue of one database.
#[derive(Clone, Debug)]
pub struct Queue {
    store: Store,
}

/// A job that is in the queue now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id; `None` when one of the same key was there already.
    pub id: Option<String>,
}

/// What waits to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that are due and not begun.
    pub due: usize,
    /// For how long the oldest of them has been due. Grows when no worker is there, or too few.
    pub oldest: Option<Duration>,
}

/// Counted no further: whoever has so many due has another worry than their exact number.
const MOST_DUE: usize = 10_000;

impl Queue {
    /// The queue of a database; its tables are made or brought up to date.
    ///
    /// # Errors
    /// When that fails.
    pub async fn open(store: Store) -> Result<Self> {
        backend::migrate(&store).await?;
        Ok(Self { store })
    }

    /// The store it is on.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Puts a job into the queue. A second one of the same `key` is not: the key holds what was asked for and by which
    /// request or tick.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    pub async fn enqueue(&self, actor: &Actor, key: &str, kind: &JobKind) -> Result<Enqueued> {
        let mut tx = self.store.transaction().await?;
        let now = self.store.clock().now();
        let enqueued = self.enqueue_in(&mut tx, actor, key, kind, now).await?;
        tx.commit().await?;
        Ok(enqueued)
    }

    /// The same within a transaction, not to be started before `due`: the job is there if and only if what else the
    /// transaction does is.
    ///
    /// # Errors
    /// The same.
    pub async fn enqueue_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        key: &str,
        kind: &JobKind,
        due: Timestamp,
    ) -> Result<Enqueued> {
        may(actor, "run jobs")?;
        let new = NewJob {
            key: key.to_owned(),
            kind: kind.name(),
            arguments: serde_json::to_value(kind)?,
            bridge: kind.bridge().cloned(),
            connection: kind.connection().cloned(),
            actor: actor.clone(),
            due,
        };
        let id = self.store.on_behalf_of(actor).insert_job(tx, &new).await?;
        if let Some(id) = &id {
            let delivery = Delivery {
                job: id.clone(),
                number: 1,
            };
            backend::push(tx, &delivery, due).await?;
        }
        Ok(Enqueued { id })
    }

    /// Puts a job into the queue once more within a transaction, unless it went on meanwhile. Whether it did so.
    pub(crate) async fn again_in(
        &self,
        tx: &mut Tx,
        job: &Job,
        due: Timestamp,
        reason: Option<&str>,
        attempt: i64,
    ) -> Result<bool> {
        let number = self
            .store
            .requeue_job(tx, job, due, reason, attempt, false)
            .await?;
        Self::deliver(tx, job, due, number).await
    }

    /// Pushes the delivery of a job that was put into the queue again, if it was.
    pub(crate) async fn deliver(tx: &mut Tx, job: &Job, due: Timestamp, number: Option<i64>) -> Result<bool> {
        let Some(number) = number else {
            return Ok(false);
        };
        let delivery = Delivery {
            job: job.id.clone(),
            number,
        };
        backend::push(tx, &delivery, due).await?;
        Ok(true)
    }

    /// The same in a transaction of its own.
    pub(crate) async fn again(
        &self,
        job: &Job,
        due: Timestamp,
        reason: Option<&str>,
        attempt: i64,
    ) -> Result<bool> {
        let mut tx = self.store.transaction().await?;
        let done = self.again_in(&mut tx, job, due, reason, attempt).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// The newest jobs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn jobs(&self, filter: &JobFilter, limit: usize) -> Result<Vec<Job>> {
        Ok(self.store.jobs(filter, limit).await?)
    }

    /// The job of that id.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn job(&self, id: &str) -> Result<Job> {
        Ok(self.store.job(id).await?)
    }

    /// What is due and not begun.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn backlog(&self) -> Result<Backlog> {
        let now = self.store.clock().now();
        let due = self.store.due_jobs(now, MOST_DUE).await?;
        let oldest = due
            .first()
            .map(|job| Duration::try_from(now.duration_since(job.due)).unwrap_or_default());
        Ok(Backlog {
            due: due.len(),
            oldest,
        })
    }

    /// Puts a job that failed, waits, or pauses into the queue again, to be started now.
    ///
    /// # Errors
    /// When the actor may not, it is done or under way, or the store fails.
    pub async fn retry(&self, actor: &Actor, id: &str) -> Result<()> {
        may(actor, "retry jobs")?;
        let job = self.store.job(id).await?;
        let advice = match job.state {
            JobState::Done => "there is nothing left to do. Ask for a new one",
            JobState::Running => "it is under way",
            JobState::Queued | JobState::Waiting | JobState::Failed => {
                let now = self.store.clock().now();
                let mut tx = self.store.transaction().await?;
                if self.again_in(&mut tx, &job, now, None, 0).await? {
                    self.store.on_behalf_of(actor).note_retry(&mut tx, &job).await?;
                    return Ok(tx.commit().await?);
                }
                "it went on meanwhile. Look again"
            }
        };
        Err(Error::NotNow {
            id: id.to_owned(),
            state: job.state.as_str(),
            advice,
        })
    }
}

pub(crate) fn may(actor: &Actor, doing: &'static str) -> Result<()> {
    if actor.may(ActorRole::Technician) {
        return Ok(());
    }
    Err(Error::Forbidden {
        actor: actor.to_string(),
        doing,
    })
}
