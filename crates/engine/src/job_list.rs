//! Looking at jobs: what is in the queue, how far it is, and what came of it.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole};
pub use store::{Job, JobFilter, JobState};

impl Engine {
    /// The newest jobs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn jobs(&self, actor: &Actor, filter: &JobFilter, limit: usize) -> Result<Vec<Job>> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        Ok(self.store.jobs(filter, limit).await?)
    }

    /// The job of that id.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is none, or when the store fails.
    pub async fn job(&self, actor: &Actor, id: &str) -> Result<Job> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        self.store.job(id).await.map_err(|error| match error {
            store::Error::Missing { what, name } => Error::Unknown {
                what,
                name,
                known: None,
            },
            other => other.into(),
        })
    }
}
