//! Stopping a job: at once while nobody is at it, otherwise at its next safe point.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::job::JobState;
use crate::json::{micros, plain};
use crate::open::Store;
use model::{Run, RunId, RunKind};
use serde_json::json;

impl Store {
    /// Asks a job to stop, on behalf of `by`. One that nobody is at is over; one under way goes on to its next safe
    /// point. How it stood.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such job, or when the database fails.
    pub async fn ask_job_to_stop(&self, id: &str, by: &str) -> Result<JobState> {
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (String, String),
            "SELECT kind, state FROM job WHERE id = $1",
            plain(id)
        )?;
        let (kind, state) = row.ok_or_else(|| Error::Missing {
            what: "job",
            name: id.to_owned(),
        })?;
        let state = JobState::parse(&state);
        let touched = match state {
            JobState::Done | JobState::Failed => 0,
            JobState::Queued | JobState::Waiting => execute!(
                tx,
                "UPDATE job SET state = 'done', delivery = delivery + 1, reason = $1, finished = $2, stop_asked = $3,
                                waits_for = NULL, waits_for_writes = NULL
                 WHERE id = $4 AND state IN ('queued', 'waiting')",
                format!("{by} took it out of the queue"),
                micros(self.clock.now()),
                plain(by),
                id
            )?,
            JobState::Running => execute!(
                tx,
                "UPDATE job SET stop_asked = $1 WHERE id = $2 AND state = 'running'",
                plain(by),
                id
            )?,
        };
        if touched > 0 {
            let note = Note::new("job.stopped", kind).with(json!({ "job": id, "was": state.as_str() }));
            self.note(&mut tx, &[note]).await?;
        }
        tx.commit().await?;
        Ok(state)
    }

    /// Who asked a job to stop, if anybody did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_stop_asked(&self, id: &str) -> Result<Option<String>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<String>,),
            "SELECT stop_asked FROM job WHERE id = $1",
            plain(id)
        )?;
        Ok(row.and_then(|(by,)| by))
    }

    /// The job that is at a run now: of the same process, and about the same bridge or source. None where a command runs
    /// it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_at(&self, run: &Run) -> Result<Option<String>> {
        let (bridge, connection) = match &run.kind {
            RunKind::Read { connection } => ("", connection.as_str()),
            RunKind::Apply { bridge, .. } | RunKind::Undo { bridge, .. } => (bridge.as_str(), ""),
        };
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT j.id FROM job j WHERE j.state = 'running' AND j.holder = (SELECT r.holder FROM run r WHERE r.id = $1)
               AND (j.bridge_id = $2 OR j.connection_id = $3
                    OR j.bridge_id IN (SELECT b.id FROM bridge b WHERE b.source_id = $3))
             ORDER BY j.started DESC LIMIT 1",
            run.id.as_str(),
            bridge,
            connection
        )?;
        Ok(row.map(|(id,)| id))
    }

    /// The run of writes that a running job is at now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_of_running_job(&self, id: &str) -> Result<Option<RunId>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT r.id FROM run r JOIN job j ON j.holder = r.holder AND j.bridge_id = r.bridge_id
             WHERE j.id = $1 AND j.state = 'running' AND r.state = 'running' ORDER BY r.turn DESC LIMIT 1",
            plain(id)
        )?;
        Ok(row.map(|(id,)| RunId(id)))
    }
}
