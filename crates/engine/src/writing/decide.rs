//! Whether anything has to be sent for an operation, after what was linked since its plan was made.

use super::Links;
use model::operation::{Action, Operation};
use model::{Outcome, RecordId, RecordKind, SourceId};
use std::collections::BTreeMap;

/// Source records and what they are linked to at this moment.
type Linked = BTreeMap<(RecordKind, SourceId), RecordId>;

/// What an operation asks for, given what is linked by now.
pub(super) enum Decided {
    /// To be sent, once it is known that no earlier attempt arrived.
    Send,
    /// Nothing is sent: this is its outcome.
    Nothing(Outcome),
}

impl Decided {
    fn skip(message: impl Into<String>) -> Self {
        Self::Nothing(Outcome::Skipped {
            message: message.into(),
        })
    }
}

pub(super) fn decide(operation: &Operation, linked: &Linked, links: &Links, can_update: bool) -> Decided {
    let subject = &operation.subject;
    if let Some(needed) = &operation.after_match {
        let linked = links.get(RecordKind::Client, &needed.organization);
        if linked.is_none_or(|linked| needed.client.as_ref().is_some_and(|client| client != linked)) {
            return Decided::skip("the match of its organization was left out or refused");
        }
    }
    let linked = linked.get(&(subject.kind, subject.source_id.clone()));
    match &operation.action {
        Action::CreateClient(_)
        | Action::CreateSite(_)
        | Action::CreateAssetType(_)
        | Action::CreateAsset(_) => match linked {
            Some(record) => Decided::skip(format!(
                "it was linked to record {record} after the plan was made"
            )),
            None => Decided::Send,
        },
        // Where assets cannot be changed, the link is ours alone.
        Action::Link { record, .. } if subject.kind != RecordKind::Asset || !can_update => {
            Decided::Nothing(Outcome::Done {
                record: record.clone(),
            })
        }
        // Both act on what is linked: an adoption that was left out or refused leaves its record alone.
        Action::UpdateAsset { asset, .. } | Action::ArchiveAsset { asset } if linked != Some(asset) => {
            Decided::skip(format!("asset {asset} is not linked to this device"))
        }
        Action::RestoreAsset { asset } if linked.is_some_and(|linked| linked != asset) => {
            Decided::skip("the device was linked to another asset after the plan was made")
        }
        Action::Unlink { record, .. } if linked != Some(record) => {
            Decided::skip(format!("it is not linked to {record} any more"))
        }
        // Nothing stands in the destination that would have to go.
        Action::Unlink {
            record,
            changes,
            back,
        } if subject.kind != RecordKind::Asset || !can_update || (changes.is_empty() && back.is_none()) => {
            Decided::Nothing(Outcome::Done {
                record: record.clone(),
            })
        }
        _ => Decided::Send,
    }
}
