//! What is recorded of a write: its outcome, the link that goes with a success, and where each value came from.

use super::Undoing;
use crate::engine::Engine;
use crate::error::Result;
use connect::{WriteError, WriteResult};
use jiff::Timestamp;
use model::operation::{Action, Operation};
use model::{Bridge, Outcome, PlanId, RecordKind, RunId};
use serde_json::Value;
use std::collections::BTreeMap;
use store::{NewItem, NewLink, NewUndone, Settled, WrittenValue};

/// What the destination's answer means for the operation.
pub(super) fn outcome(result: WriteResult) -> Outcome {
    match result {
        Ok(written) => Outcome::Done { record: written.id },
        Err(WriteError::Refused(error)) => Outcome::Failed {
            message: error.to_string(),
        },
        Err(WriteError::Changed(message)) => Outcome::Skipped { message },
        Err(WriteError::Unknown(error)) => Outcome::Unknown {
            message: error.to_string(),
        },
    }
}

/// The values of fields an action sends.
pub(super) fn values(action: &Action) -> Vec<(&String, &Value)> {
    match action {
        Action::CreateAsset(draft) => draft.fields.iter().collect(),
        Action::UpdateAsset { changes, .. } | Action::Link { changes, .. } => {
            changes.iter().map(|c| (&c.field, &c.after)).collect()
        }
        _ => Vec::new(),
    }
}

/// Their provenance.
pub(super) fn sent(action: &Action, run: &RunId, at: Timestamp) -> BTreeMap<String, WrittenValue> {
    let written = |(field, value): (&String, &Value)| {
        let written = WrittenValue {
            value: value.clone(),
            run: run.clone(),
            at: at.as_microsecond(),
        };
        (field.clone(), written)
    };
    values(action).into_iter().map(written).collect()
}

/// Where outcomes are recorded.
pub(super) struct Books<'a> {
    pub(super) engine: &'a Engine,
    pub(super) run: &'a RunId,
    pub(super) plan: &'a PlanId,
    pub(super) bridge: &'a Bridge,
    pub(super) undoing: Option<&'a Undoing>,
}

impl Books<'_> {
    /// The item of an operation that ended so. `held` is the claim under which it was sent, if it was.
    pub(super) fn item(&self, operation: &Operation, outcome: Outcome, held: Option<Settled>) -> NewItem {
        let link = match (&outcome, &operation.action) {
            (Outcome::Done { .. }, Action::ArchiveAsset { .. } | Action::Unlink { .. }) => None,
            (Outcome::Done { record }, _) => Some(NewLink {
                kind: operation.subject.kind,
                source: operation.subject.source_id.clone(),
                destination: record.clone(),
                written: sent(&operation.action, self.run, self.engine.clock().now()),
            }),
            _ => None,
        };
        NewItem {
            number: operation.number,
            // What may still arrive stays claimed.
            settles: held.filter(|_| !matches!(outcome, Outcome::Unknown { .. })),
            undone: self.undone(operation, &outcome),
            outcome,
            link,
        }
    }

    /// What an operation of an undo took back.
    fn undone(&self, operation: &Operation, outcome: &Outcome) -> Option<NewUndone> {
        let (undoing, number, Outcome::Done { record }) = (self.undoing?, operation.undoes?, outcome) else {
            return None;
        };
        let linked_to = match &operation.action {
            Action::Unlink { back, .. } => back.as_ref().and_then(|back| back.record.clone()),
            _ => None,
        };
        Some(NewUndone {
            plan: undoing.plan.clone(),
            number,
            kind: operation.subject.kind,
            source: operation.subject.source_id.clone(),
            record: record.clone(),
            unlinked: matches!(
                operation.action,
                Action::ArchiveAsset { .. } | Action::Unlink { .. }
            ),
            linked_to,
            by: undoing.by.clone(),
        })
    }

    /// Stores the items, each outcome with its link and its claim. A link that would make two devices one asset is
    /// refused by the store; then the items are stored one by one, so that one bad record stops no other.
    pub(super) async fn record(&self, mut items: Vec<NewItem>) -> Result<Vec<NewItem>> {
        let store = &self.engine.store;
        let lost = match store
            .record(self.run, self.plan, self.bridge, items.clone())
            .await
        {
            Err(store::Error::Linked { .. }) => {
                let mut lost = std::collections::BTreeSet::new();
                for item in &mut items {
                    lost.extend(self.record_one(item).await?);
                }
                lost
            }
            other => other?,
        };
        for item in items.iter_mut().filter(|item| lost.contains(&item.number)) {
            self.too_late(item).await?;
        }
        crate::counting::outcomes(items.iter().map(|item| &item.outcome));
        Ok(items)
    }

    async fn record_one(&self, item: &mut NewItem) -> Result<Option<u32>> {
        let store = &self.engine.store;
        match store
            .record(self.run, self.plan, self.bridge, vec![item.clone()])
            .await
        {
            Err(refused @ store::Error::Linked { .. }) => {
                *item = NewItem {
                    outcome: Outcome::Failed {
                        message: refused.to_string(),
                    },
                    link: None,
                    undone: None,
                    ..item.clone()
                };
                let lost = store
                    .record(self.run, self.plan, self.bridge, vec![item.clone()])
                    .await?;
                Ok(lost.into_iter().next())
            }
            other => Ok(other?.into_iter().next()),
        }
    }

    /// Another writer took the record over while this one was at it, and has its outcome in its own books. Where both
    /// came to the same record all is well; where they did not, there may be two, and a person is told so.
    async fn too_late(&self, item: &mut NewItem) -> Result<()> {
        let store = &self.engine.store;
        item.settles = None;
        item.undone = None;
        item.outcome = match item.link.take() {
            Some(link) if !self.is_linked(&link).await? => {
                tracing::error!(
                    record = %link.destination, source = %link.source,
                    "A write was answered after another worker had taken its record over."
                );
                Outcome::Failed {
                    message: format!(
                        "record {} was written after another worker had taken it over; look whether there are two",
                        link.destination
                    ),
                }
            }
            _ => Outcome::Skipped {
                message: "another worker took it over while it was written, and has its outcome".to_owned(),
            },
        };
        store
            .record(self.run, self.plan, self.bridge, vec![item.clone()])
            .await?;
        Ok(())
    }

    async fn is_linked(&self, link: &NewLink) -> Result<bool> {
        let record: (RecordKind, _) = (link.kind, link.source.clone());
        let store = &self.engine.store;
        let linked = store
            .linked_now(&self.bridge.id, std::slice::from_ref(&record))
            .await?;
        Ok(linked.get(&record) == Some(&link.destination))
    }
}
