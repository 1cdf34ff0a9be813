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
    let is_asset = subject.kind == RecordKind::Asset;
    let cannot = || Decided::skip("the destination cannot change assets any more; plan anew");
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
        // The plan was made while assets could be changed: what it shows would not be done.
        Action::Link { changes, .. } if is_asset && !can_update && !changes.is_empty() => cannot(),
        // Where assets cannot be changed, the link is ours alone.
        Action::Link { record, .. } if !is_asset || !can_update => Decided::Nothing(Outcome::Done {
            record: record.clone(),
        }),
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
        } if !is_asset || (changes.is_empty() && back.is_none()) => Decided::Nothing(Outcome::Done {
            record: record.clone(),
        }),
        Action::Unlink { .. } if !can_update => cannot(),
        _ => Decided::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Subject;
    use model::operation::{Change, LinkBefore};
    use serde_json::Value;

    fn of(kind: RecordKind, action: Action) -> Operation {
        Operation {
            number: 1,
            client_label: String::new(),
            subject: Subject {
                kind,
                source_id: "7".into(),
                label: String::new(),
            },
            action,
            reason: String::new(),
            cause: None,
            after_match: None,
            undoes: None,
        }
    }

    fn change() -> Change {
        Change {
            field: "os".to_owned(),
            before: Value::Null,
            after: "W11".into(),
        }
    }

    /// What is decided about a record that is linked to `a`: sent, done or skipped.
    fn decided(kind: RecordKind, action: Action, can_update: bool) -> &'static str {
        let linked = [((kind, "7".into()), "a".into())].into();
        match decide(&of(kind, action), &linked, &Links::default(), can_update) {
            Decided::Send => "sent",
            Decided::Nothing(Outcome::Done { .. }) => "done",
            Decided::Nothing(Outcome::Skipped { .. }) => "skipped",
            Decided::Nothing(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_link_that_writes_is_not_done_where_assets_cannot_be_changed_any_more() {
        let link = |changes| Action::Link {
            record: "a".into(),
            changes,
            before: None,
        };
        let unlink = |changes, back| Action::Unlink {
            record: "a".into(),
            changes,
            back,
        };
        let id = || Some(LinkBefore::default());
        for (action, can, cannot) in [
            (link(vec![]), "sent", "done"),
            (link(vec![change()]), "sent", "skipped"),
            (unlink(vec![], None), "done", "done"),
            (unlink(vec![change()], None), "sent", "skipped"),
            (unlink(vec![], id()), "sent", "skipped"),
        ] {
            assert_eq!(
                decided(RecordKind::Asset, action.clone(), true),
                can,
                "{action:?}"
            );
            assert_eq!(
                decided(RecordKind::Asset, action.clone(), false),
                cannot,
                "{action:?}"
            );
        }
        // A client's link is ours alone, whatever stood before.
        assert_eq!(decided(RecordKind::Client, unlink(vec![], id()), false), "done");
    }
}
