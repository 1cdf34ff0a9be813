//! What is recorded of a write: its outcome, the link that goes with a success, and where each value came from.

use super::Undoing;
use crate::engine::Engine;
use crate::error::Result;
use connect::{WriteError, WriteResult};
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
                written: self.written(operation),
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

    /// The provenance of what an operation writes.
    fn written(&self, operation: &Operation) -> BTreeMap<String, WrittenValue> {
        let at = self.engine.clock().now().as_microsecond();
        let value = |value: &Value| WrittenValue {
            value: value.clone(),
            run: self.run.clone(),
            at,
        };
        match &operation.action {
            Action::CreateAsset(draft) => draft.fields.iter().map(|(f, v)| (f.clone(), value(v))).collect(),
            Action::UpdateAsset { changes, .. } | Action::Link { changes, .. } => changes
                .iter()
                .map(|c| (c.field.clone(), value(&c.after)))
                .collect(),
            _ => BTreeMap::new(),
        }
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

    /// Another writer took the record over while this one was at it. Where both came to the same record all is well;
    /// where they did not, there may be two, and a person is told so.
    async fn too_late(&self, item: &mut NewItem) -> Result<()> {
        let store = &self.engine.store;
        item.settles = None;
        item.undone = None;
        let Some(link) = item.link.take() else {
            return Ok(());
        };
        let record: (RecordKind, _) = (link.kind, link.source.clone());
        let linked = store
            .linked_now(&self.bridge.id, std::slice::from_ref(&record))
            .await?;
        if linked.get(&record) == Some(&link.destination) {
            return Ok(());
        }
        tracing::error!(
            record = %link.destination, source = %link.source,
            "A write was answered after another worker had taken its record over."
        );
        item.outcome = Outcome::Failed {
            message: format!(
                "record {} was written after another worker had taken it over; look whether there are two",
                link.destination
            ),
        };
        store
            .record(self.run, self.plan, self.bridge, vec![item.clone()])
            .await?;
        Ok(())
    }
}
