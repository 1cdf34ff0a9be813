//! The history of runs.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Operation, Outcome, Run, RunKind, RunState};
pub use store::{ItemQuery, ListedItem, RunFilter};

/// An item of a run that did not end well.
#[derive(Clone, Debug)]
pub struct FailedItem {
    /// The operation, where its plan is still kept.
    pub operation: Option<Operation>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Engine {
    /// The newest runs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(&self, actor: &Actor, limit: usize) -> Result<Vec<Run>> {
        require(actor, ActorRole::Viewer, "see runs")?;
        Ok(self.store.runs(limit).await?)
    }

    /// A page of the history, newest first, and how many runs there are of this sort.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_page(
        &self,
        actor: &Actor,
        which: &RunFilter,
        offset: u64,
        limit: usize,
    ) -> Result<(Vec<Run>, u64)> {
        require(actor, ActorRole::Viewer, "see runs")?;
        Ok(self.store.run_page(which, offset, limit).await?)
    }

    /// A run as it stands now: while it writes, its counts are of what has been recorded so far.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run_now(&self, actor: &Actor, id: &str) -> Result<Run> {
        let mut run = self.find_run(actor, id).await?;
        if run.state == RunState::Running && !matches!(run.kind, RunKind::Read { .. }) {
            run.counts = self.store.run_counts(&run.id).await?;
        }
        Ok(run)
    }

    /// A page of the items of a run, and how many there are on all pages.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_item_page(
        &self,
        actor: &Actor,
        run: &Run,
        query: &ItemQuery,
    ) -> Result<(Vec<ListedItem>, u64)> {
        require(actor, ActorRole::Viewer, "see runs")?;
        Ok(self.store.run_item_page(run, query).await?)
    }

    /// Up to `limit` items of a run with numbers above `after`, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_items_after(
        &self,
        actor: &Actor,
        run: &Run,
        after: u32,
        limit: usize,
    ) -> Result<Vec<ListedItem>> {
        require(actor, ActorRole::Viewer, "see runs")?;
        Ok(self.store.run_items_after(&run.id, after, limit).await?)
    }

    /// The items of a run that failed, were skipped or are in doubt.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failed_items(&self, actor: &Actor, run: &Run) -> Result<Vec<FailedItem>> {
        require(actor, ActorRole::Viewer, "see runs")?;
        let items = self.store.failed_items(&run.id).await?;
        Ok(items
            .into_iter()
            .map(|(_, outcome, operation)| FailedItem { operation, outcome })
            .collect())
    }

    /// The run of that id, or the only one whose id starts so.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub async fn find_run(&self, actor: &Actor, id: &str) -> Result<Run> {
        require(actor, ActorRole::Viewer, "see runs")?;
        let (mut found, count) = self.store.runs_beginning(id, 1).await?;
        match (found.pop(), count) {
            (Some(run), 1) => Ok(run),
            (None, _) => Err(Error::Unknown {
                what: "run",
                name: id.to_owned(),
                known: None,
            }),
            (Some(_), count) => Err(Error::Ambiguous {
                what: "runs",
                name: id.to_owned(),
                count: usize::try_from(count).unwrap_or(usize::MAX),
            }),
        }
    }
}
