//! Jobs that are not over: what was asked for and is not a run yet, how far it is, and stopping it.

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole, PlanId, Run, RunId, RunState};
pub use store::{Job, JobState};

/// Jobs a list shows: whoever has more waiting has another worry than the rest of them.
const LISTED: usize = 100;

impl Engine {
    /// Jobs that are not over, the oldest first, without those by which the program cares for itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_jobs(&self, actor: &Actor) -> Result<Vec<Job>> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        Ok(self.store.jobs_not_over(LISTED).await?)
    }

    /// The run of writes a running job is at, or led to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_of_job(&self, actor: &Actor, job: &Job) -> Result<Option<RunId>> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        match &job.run {
            Some(run) => Ok(Some(run.clone())),
            None => Ok(self.store.run_of_running_job(&job.id).await?),
        }
    }

    /// The job that is at a running run; none where a command runs it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn job_of_run(&self, actor: &Actor, run: &Run) -> Result<Option<Job>> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        if run.state != RunState::Running {
            return Ok(None);
        }
        match self.store.job_at(run).await? {
            Some(id) => Ok(Some(self.store.job(&id).await?)),
            None => Ok(None),
        }
    }

    /// Stops a job: at once while nobody is at it, otherwise at its next safe point. What was finished before stands.
    /// How it stood.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn stop_job(&self, actor: &Actor, id: &str) -> Result<JobState> {
        require(actor, ActorRole::Technician, "stop jobs")?;
        let store = &self.acting(actor).store;
        Ok(store.ask_job_to_stop(id, &actor.to_string()).await?)
    }
}

/// The plan a job made, where it made one.
pub fn plan_of(job: &Job) -> Option<PlanId> {
    let id = job.result.as_ref()?.pointer("/plan/id")?.as_str()?;
    Some(PlanId::from(id))
}
