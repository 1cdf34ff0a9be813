//! Looking at jobs: how far one is, and what came of it.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole};
use store::Job;

impl Engine {
    /// The job of that id, as it stands now.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn job(&self, actor: &Actor, id: &str) -> Result<Job> {
        require(actor, ActorRole::Viewer, "see jobs")?;
        match self.store.job(id).await {
            Err(store::Error::Missing { .. }) => Err(Error::Unknown {
                what: "job",
                name: id.to_owned(),
                known: None,
            }),
            job => Ok(job?),
        }
    }
}
