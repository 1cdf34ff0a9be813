//! The history of runs.

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole, Operation, Outcome, Run, RunId, RunKind};

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

    /// The items of a run that failed, were skipped or are in doubt.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failed_items(&self, actor: &Actor, run: &Run) -> Result<Vec<FailedItem>> {
        require(actor, ActorRole::Viewer, "see runs")?;
        let RunKind::Apply { plan, .. } = &run.kind else {
            return Ok(Vec::new());
        };
        let mut items = Vec::new();
        for (number, outcome) in self.store.failed_items(&run.id).await? {
            let operation = self.store.operations(plan, number - 1, 1).await?.pop();
            items.push(FailedItem {
                operation: operation.filter(|o| o.number == number),
                outcome,
            });
        }
        Ok(items)
    }

    /// The run of that id, or the only one whose id starts so.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub async fn find_run(&self, actor: &Actor, id: &str) -> Result<Run> {
        require(actor, ActorRole::Viewer, "see runs")?;
        let runs = self
            .store
            .runs(usize::try_from(u32::MAX).unwrap_or(usize::MAX))
            .await?;
        let mut found = runs.into_iter().filter(|run| run.id.as_str().starts_with(id));
        let unknown = || crate::Error::Unknown {
            what: "run",
            name: RunId::from(id).to_string(),
            known: None,
        };
        let first = found.next().ok_or_else(unknown)?;
        match found.count() {
            0 => Ok(first),
            more => Err(crate::Error::Ambiguous {
                what: "runs",
                name: id.to_owned(),
                count: more + 1,
            }),
        }
    }
}
