//! Which jobs there are: those to look after, and those people look through.

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::job::{Job, JobRow, JobState, job};
use crate::json::{micros, plain};
use crate::open::Store;
use jiff::Timestamp;
use model::BridgeId;

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only about this bridge.
    pub bridge: Option<BridgeId>,
}

/// The condition that the process which holds a row of `table` no longer says that it lives. `$1` is the time.
pub(crate) fn abandoned(table: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM lease l WHERE l.name = 'process:' || {table}.holder AND l.until >= $1)"
    )
}

impl Store {
    /// Running jobs whose worker no longer says that it lives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn abandoned_jobs(&self) -> Result<Vec<Job>> {
        let mut tx = self.write().await?;
        let now = self.database_time(&mut tx).await?;
        let sql = format!(
            "SELECT * FROM job WHERE state = 'running' AND {}",
            abandoned("job")
        );
        let rows = fetch_all!(tx, JobRow, sqlx::AssertSqlSafe(sql), micros(now))?;
        rows.into_iter().map(job).collect()
    }

    /// Queued jobs that were due at `at` or before, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_jobs(&self, at: Timestamp, limit: usize) -> Result<Vec<Job>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            JobRow,
            "SELECT * FROM job WHERE state = 'queued' AND due <= $1 ORDER BY due, id LIMIT $2",
            micros(at),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(job).collect()
    }

    /// The newest jobs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs(&self, filter: &JobFilter, limit: usize) -> Result<Vec<Job>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            JobRow,
            "SELECT * FROM job
             WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR bridge_id = $2)
             ORDER BY created DESC, id DESC LIMIT $3",
            filter.state.map(JobState::as_str),
            filter.bridge.as_ref().map(BridgeId::as_str),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(job).collect()
    }

    /// Jobs that are not over and not the program's own care, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs_not_over(&self, limit: usize) -> Result<Vec<Job>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            JobRow,
            "SELECT * FROM job WHERE state IN ('queued', 'running', 'waiting') AND kind NOT IN ('keep_alive', 'maintain')
             ORDER BY created, id LIMIT $1",
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(job).collect()
    }

    /// The job of that id.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn job(&self, id: &str) -> Result<Job> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, JobRow, "SELECT * FROM job WHERE id = $1", plain(id))?;
        job(row.ok_or_else(|| Error::Missing {
            what: "job",
            name: id.to_owned(),
        })?)
    }

    /// The job of that key: the one an earlier request of the same key made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_of_key(&self, key: &str) -> Result<Option<Job>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, JobRow, "SELECT * FROM job WHERE key = $1", plain(key))?;
        row.map(job).transpose()
    }

    /// Jobs of this kind on this bridge that are not over, within a transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_jobs(&self, tx: &mut Tx, bridge: &BridgeId, kind: &str) -> Result<Vec<Job>> {
        let rows = fetch_all!(
            tx,
            JobRow,
            "SELECT * FROM job
             WHERE bridge_id = $1 AND kind = $2 AND state IN ('queued', 'running', 'waiting') ORDER BY created, id",
            bridge.as_str(),
            kind
        )?;
        rows.into_iter().map(job).collect()
    }

    /// Jobs that wait for something that comes without them: a connection that is connected again, writes that are
    /// allowed again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs_that_wait(&self) -> Result<Vec<Job>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            JobRow,
            "SELECT * FROM job WHERE state = 'waiting' AND (waits_for IS NOT NULL OR waits_for_writes = $1)
             ORDER BY created, id",
            true
        )?;
        rows.into_iter().map(job).collect()
    }
}
