//! Jobs: what is to be done by whoever works for this database, and how far it is.
//!
//! The row is the truth. The queue's own tables carry deliveries, each the word that a job is due; a job counts them,
//! and [`Store::claim_job`] lets only the newest one start it. So a delivery that comes twice, or late, does nothing.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::Result;
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use jiff::Timestamp;
use model::{Actor, BridgeId, ConnectionId, RunId};
use serde_json::{Value, json};

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It will be started when it is due.
    Queued,
    /// A worker is at it.
    Running,
    /// A person has to do something first; the reason says what.
    Waiting,
    /// It was done.
    Done,
    /// It could not be done, and trying again by itself would not help.
    Failed,
}

impl JobState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "waiting" => Self::Waiting,
            "done" => Self::Done,
            _ => Self::Failed,
        }
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// A job to be stored.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Told apart by it: a second job of the same key is not stored.
    pub key: String,
    /// What is to be done, e.g. `sync`.
    pub kind: &'static str,
    /// With what; its shape is the kind's own.
    pub arguments: Value,
    /// The bridge it is about.
    pub bridge: Option<BridgeId>,
    /// The connection it is about.
    pub connection: Option<ConnectionId>,
    /// On whose behalf.
    pub actor: Actor,
    /// Not before this.
    pub due: Timestamp,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Our id.
    pub id: String,
    /// What tells it apart.
    pub key: String,
    /// What is to be done.
    pub kind: String,
    /// With what.
    pub arguments: Value,
    /// The bridge it is about.
    pub bridge: Option<BridgeId>,
    /// The connection it is about.
    pub connection: Option<ConnectionId>,
    /// On whose behalf.
    pub actor: Actor,
    /// How it stands.
    pub state: JobState,
    /// The newest delivery; an older one may not start it.
    pub delivery: i64,
    /// How often it was started since it was queued by somebody.
    pub attempt: i64,
    /// How many workers in a row ended before it did.
    pub lost: i64,
    /// Not before this.
    pub due: Timestamp,
    /// The connection whose reconnection it waits for.
    pub waits_for: Option<ConnectionId>,
    /// Whether it waits for writes to be allowed again, to that connection or at all.
    pub waits_for_writes: bool,
    /// Why it waits, failed, or is tried again.
    pub reason: Option<String>,
    /// How far it is, in words.
    pub progress: Option<String>,
    /// What came of it; its shape is the kind's own.
    pub result: Option<Value>,
    /// The run it led to.
    pub run: Option<RunId>,
    /// Who is at it.
    pub holder: Option<String>,
    /// When it was stored.
    pub created: Timestamp,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub finished: Option<Timestamp>,
}

/// How a job goes on.
#[derive(Clone, Debug, Default)]
pub struct JobEnd {
    /// Why.
    pub reason: Option<String>,
    /// The connection whose reconnection it waits for.
    pub waits_for: Option<ConnectionId>,
    /// Whether it waits for writes to be allowed again.
    pub waits_for_writes: bool,
    /// What came of it.
    pub result: Option<Value>,
    /// The run it led to.
    pub run: Option<RunId>,
}

/// A job as it is stored.
#[derive(sqlx::FromRow)]
pub(crate) struct JobRow {
    id: String,
    key: String,
    kind: String,
    arguments: String,
    bridge_id: Option<String>,
    connection_id: Option<String>,
    actor: String,
    state: String,
    delivery: i64,
    attempt: i64,
    lost: i64,
    due: i64,
    waits_for: Option<String>,
    waits_for_writes: Option<bool>,
    reason: Option<String>,
    progress: Option<String>,
    result: Option<String>,
    run_id: Option<String>,
    holder: Option<String>,
    created: i64,
    started: Option<i64>,
    finished: Option<i64>,
}

pub(crate) fn job(row: JobRow) -> Result<Job> {
    Ok(Job {
        id: row.id,
        key: row.key,
        kind: row.kind,
        arguments: parse("arguments of a job", &row.arguments)?,
        bridge: row.bridge_id.map(BridgeId),
        connection: row.connection_id.map(ConnectionId),
        actor: parse("actor of a job", &row.actor)?,
        state: JobState::parse(&row.state),
        delivery: row.delivery,
        attempt: row.attempt,
        lost: row.lost,
        due: instant(row.due),
        waits_for: row.waits_for.map(ConnectionId),
        waits_for_writes: row.waits_for_writes.unwrap_or(false),
        reason: row.reason,
        progress: row.progress,
        result: row
            .result
            .map(|text| parse("result of a job", &text))
            .transpose()?,
        run: row.run_id.map(RunId),
        holder: row.holder,
        created: instant(row.created),
        started: row.started.map(instant),
        finished: row.finished.map(instant),
    })
}

impl Store {
    /// Notes within a transaction that a person wants a job tried again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_retry(&self, tx: &mut Tx, job: &Job) -> Result<()> {
        let detail = json!({ "job": job.id, "was": job.state.as_str(), "reason": job.reason });
        self.note(tx, &[Note::new("job.retried", &job.kind).with(detail)])
            .await
    }

    /// Stores a job within a transaction; its id, or `None` when there is one of that key already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_job(&self, tx: &mut Tx, new: &NewJob) -> Result<Option<String>> {
        let id = self.new_id().to_string();
        let inserted = execute!(
            tx,
            "INSERT INTO job (id, key, kind, arguments, bridge_id, connection_id, actor, state, delivery, attempt, due,
                              created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 1, 0, $8, $9)
             ON CONFLICT (key) DO NOTHING",
            id.as_str(),
            new.key.as_str(),
            new.kind,
            text("arguments of a job", &new.arguments)?,
            new.bridge.as_ref().map(BridgeId::as_str),
            new.connection.as_ref().map(ConnectionId::as_str),
            text("actor of a job", &new.actor)?,
            micros(new.due),
            micros(self.clock.now())
        )?;
        if inserted == 0 {
            return Ok(None);
        }
        let detail = json!({ "job": id, "key": new.key, "arguments": new.arguments });
        self.note(tx, &[Note::new("job.asked_for", new.kind).with(detail)])
            .await?;
        Ok(Some(id))
    }

    /// Starts a queued job for `holder`, when `delivery` is the newest word of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_job(&self, id: &str, delivery: i64, holder: &str) -> Result<Option<Job>> {
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            JobRow,
            "UPDATE job SET state = 'running', holder = $1, started = $2, attempt = attempt + 1, progress = NULL
             WHERE id = $3 AND delivery = $4 AND state = 'queued'
             RETURNING *",
            holder,
            micros(self.clock.now()),
            id,
            delivery
        )?;
        tx.commit().await?;
        row.map(job).transpose()
    }

    /// Puts a job into the queue again, unless it went on since it was read as `job`; the number of the delivery that
    /// is now due, which the caller hands to the queue in the same transaction. `attempt` is how many attempts count so
    /// far, `lost` whether its worker ended before it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requeue_job(
        &self,
        tx: &mut Tx,
        job: &Job,
        due: Timestamp,
        reason: Option<&str>,
        attempt: i64,
        lost: bool,
    ) -> Result<Option<i64>> {
        let row = fetch_optional!(
            tx,
            (i64,),
            "UPDATE job SET state = 'queued', delivery = delivery + 1, due = $1, reason = $2, holder = NULL,
                            waits_for = NULL, waits_for_writes = NULL, progress = NULL, finished = NULL, attempt = $3,
                            lost = CASE WHEN $7 THEN lost + 1 WHEN state = 'queued' THEN lost ELSE 0 END
             WHERE id = $4 AND delivery = $5 AND state = $6
             RETURNING delivery",
            micros(due),
            reason.map(plain),
            attempt,
            job.id.as_str(),
            job.delivery,
            job.state.as_str(),
            lost
        )?;
        Ok(row.map(|(delivery,)| delivery))
    }

    /// Ends a running job, or makes it wait, unless it went on since `delivery`. Whether it did so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_job(
        &self,
        tx: &mut Tx,
        id: &str,
        delivery: i64,
        state: JobState,
        end: &JobEnd,
    ) -> Result<bool> {
        let result = end
            .result
            .as_ref()
            .map(|result| text("result of a job", result))
            .transpose()?;
        let ended = execute!(
            tx,
            "UPDATE job SET state = $1, reason = $2, waits_for = $3, waits_for_writes = $4, result = $5,
                            run_id = $6, holder = NULL, finished = $7
             WHERE id = $8 AND delivery = $9 AND state IN ('running', 'waiting')",
            state.as_str(),
            end.reason.as_deref().map(plain),
            end.waits_for.as_ref().map(ConnectionId::as_str),
            end.waits_for_writes,
            result,
            end.run.as_ref().map(RunId::as_str),
            state.is_over().then(|| micros(self.clock.now())),
            id,
            delivery
        )?;
        Ok(ended > 0)
    }

    /// Notes how far a running job is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_progress(&self, id: &str, delivery: i64, progress: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "UPDATE job SET progress = $1 WHERE id = $2 AND delivery = $3 AND state = 'running'",
            progress,
            id,
            delivery
        )?;
        tx.commit().await
    }

    /// Ends what waited for a person since a later job of the same kind has done it, or waits for the same.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn overtake_jobs(&self, tx: &mut Tx, by: &Job) -> Result<u64> {
        let Some(bridge) = &by.bridge else { return Ok(0) };
        execute!(
            tx,
            "UPDATE job SET state = 'done', finished = $1, reason = 'a later job took its place'
             WHERE bridge_id = $2 AND kind = $3 AND arguments = $4 AND state = 'waiting' AND id <> $5
               AND created <= $6",
            micros(self.clock.now()),
            bridge.as_str(),
            by.kind.as_str(),
            text("arguments of a job", &by.arguments)?,
            by.id.as_str(),
            micros(by.created)
        )
    }

    /// Forgets jobs that were over before `before`, and what the queue kept of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_jobs(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.write().await?;
        let forgotten = execute!(
            tx,
            "DELETE FROM job WHERE state IN ('done', 'failed') AND finished < $1",
            micros(before)
        )?;
        // The queue's own tables. Its tasks are forgotten a day after they were delivered: the jobs they spoke of
        // hold what is worth knowing.
        let (tasks, workers) = match &tx {
            Tx::Sqlite(_) => (
                "DELETE FROM Jobs WHERE status IN ('Done', 'Failed', 'Killed') AND done_at < $1",
                "DELETE FROM Workers WHERE last_seen < $1 AND id NOT IN (SELECT lock_by FROM Jobs WHERE lock_by IS NOT NULL)",
            ),
            Tx::Postgres(_) => (
                "DELETE FROM apalis.jobs WHERE status IN ('Done', 'Failed', 'Killed') AND done_at < to_timestamp($1)",
                "DELETE FROM apalis.workers WHERE last_seen < to_timestamp($1)
                 AND id NOT IN (SELECT lock_by FROM apalis.jobs WHERE lock_by IS NOT NULL)",
            ),
        };
        let yesterday = self.clock.now().as_second() - 24 * 3600;
        execute!(tx, tasks, yesterday)?;
        execute!(tx, workers, yesterday)?;
        if forgotten > 0 {
            let note = Note::new("jobs.forgotten", "finished jobs").with(json!({ "jobs": forgotten }));
            self.note(&mut tx, &[note]).await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }
}
