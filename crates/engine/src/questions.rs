//! Questions of a plan that neither a conflict, a record there are several of, nor a release answers: a person does
//! something about each at its own place.

use crate::engine::{Engine, require};
use crate::error::Result;
use jiff::Timestamp;
use model::{Actor, ActorRole, Bridge, Cause, Operation, RecordKind};
use serde::Serialize;

/// What the newest plan of a bridge asks, apart from what has a list of its own ([`Engine::conflicts`],
/// [`Engine::duplicates`], [`Engine::undone`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Questions {
    /// When the plan was made.
    pub planned: Timestamp,
    /// Organizations nobody decided about: the client wizard's.
    pub undecided: usize,
    /// The others, in the order of the plan.
    pub others: Vec<Operation>,
}

impl Engine {
    /// What the newest plan of the whole bridge asks; `None` before the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn questions(&self, actor: &Actor, bridge: &Bridge) -> Result<Option<Questions>> {
        require(actor, ActorRole::Viewer, "see questions")?;
        let Some(plan) = self.store.newest_whole_plan(&bridge.id).await? else {
            return Ok(None);
        };
        let decided = self.store.record_decisions(&bridge.id).await?;
        let mut undecided = 0;
        let mut others = Vec::new();
        for operation in self.store.operations_that(&plan.id, &["review"]).await? {
            let subject = &operation.subject;
            match &operation.cause {
                Some(Cause::Undecided) if subject.kind == RecordKind::Client => undecided += 1,
                Some(Cause::Conflict | Cause::Ambiguous { .. } | Cause::Replaces { .. } | Cause::Undone) => {}
                _ if decided.ignored(subject.kind, &subject.source_id).is_some() => {}
                _ => others.push(operation),
            }
        }
        Ok(Some(Questions {
            planned: plan.created,
            undecided,
            others,
        }))
    }
}
