//! Where the two sides differ, read out of a plan: the planner has compared them already.

use model::operation::{Action, ClientTarget, Move, SiteTarget, TypeTarget};
use model::{
    Cause, Change, Difference, DifferenceKey, Drift, Operation, RecordId, RecordKind, Side, SourceId,
    UnlinkedAsset,
};
use serde_json::{Value, json};

/// The differences an operation stands for. What people chose to leave out of the bridge (excluded organizations,
/// devices out of scope or ignored) is none.
pub fn differences(operation: &Operation) -> Vec<Difference> {
    let whole = |drift: Drift| {
        let (source, destination) = match drift {
            Drift::OnlySource => (true, false),
            Drift::OnlyDestination => (false, true),
            Drift::Differs | Drift::Unlinked => (true, true),
        };
        vec![difference(
            operation,
            drift,
            "",
            json!(source),
            json!(destination),
        )]
    };
    let fields = |changes: &[Change]| -> Vec<Difference> {
        let of = |change: &Change| {
            let (source, destination) = (change.after.clone(), change.before.clone());
            difference(operation, Drift::Differs, &change.field, source, destination)
        };
        changes.iter().map(of).collect()
    };
    match &operation.action {
        Action::CreateClient(_)
        | Action::CreateSite(_)
        | Action::CreateAssetType(_)
        | Action::CreateAsset(_)
        | Action::RestoreAsset { .. } => whole(Drift::OnlySource),
        Action::ArchiveAsset { .. } => whole(Drift::OnlyDestination),
        Action::Link { changes, .. } => {
            let mut all = whole(Drift::Unlinked);
            all.extend(fields(changes));
            all
        }
        Action::UpdateAsset { changes, moved, .. } => {
            let mut all = fields(changes);
            all.extend(moved.iter().flat_map(|moved| places(operation, moved)));
            all
        }
        Action::Review { changes } if !changes.is_empty() => fields(changes),
        Action::Review { .. } | Action::Skip => match operation.cause.as_ref() {
            Some(Cause::RecordGone | Cause::Archived | Cause::RestoreByHand) => whole(Drift::OnlySource),
            Some(Cause::Absent | Cause::ArchiveByHand) => whole(Drift::OnlyDestination),
            Some(Cause::ChangeByHand) => whole(Drift::Differs),
            Some(
                Cause::Ambiguous { .. }
                | Cause::Replaces { .. }
                | Cause::SeveralNamed
                | Cause::SharedAsset
                | Cause::Undecided
                | Cause::Unlisted
                | Cause::Undone,
            ) => whole(Drift::Unlinked),
            Some(
                Cause::Excluded
                | Cause::Ignored
                | Cause::OutOfScope
                | Cause::BothGone
                | Cause::Conflict
                | Cause::StaysAfterUndo,
            )
            | None => vec![],
        },
        Action::Unlink { .. } => vec![],
    }
}

/// The difference that an asset stands for which is no device's. `linked` is what the device is linked to whose id it
/// stores: then it may be a second record of that device, which nobody but a person can tell.
pub fn nobodys(asset: &UnlinkedAsset, linked: Option<&RecordId>) -> Difference {
    let (drift, device_is_there, reason) = match (&asset.device, linked) {
        (Some(device), Some(linked)) => {
            let reason = format!(
                "it stores the id of device {device}, which is linked to asset {linked}: two records of one device, \
                 which only a person can merge"
            );
            (Drift::Unlinked, true, reason)
        }
        _ => (
            Drift::OnlyDestination,
            false,
            "no device of this client is this asset".to_owned(),
        ),
    };
    Difference {
        key: DifferenceKey {
            side: Side::Destination,
            kind: RecordKind::Asset,
            record: asset.asset.to_string(),
            field: String::new(),
        },
        drift,
        label: asset.label.clone(),
        client: asset.client_label.clone(),
        source_value: json!(device_is_there),
        destination_value: json!(true),
        reason,
    }
}

fn difference(
    operation: &Operation,
    drift: Drift,
    field: &str,
    source_value: Value,
    destination_value: Value,
) -> Difference {
    let subject = &operation.subject;
    Difference {
        key: DifferenceKey {
            side: Side::Source,
            kind: subject.kind,
            record: subject.source_id.to_string(),
            field: field.to_owned(),
        },
        drift,
        label: subject.label.clone(),
        client: operation.client_label.clone(),
        source_value,
        destination_value,
        reason: operation.reason.clone(),
    }
}

/// Where an asset stands and where its device is, as far as they differ. What the plan has yet to create is named by
/// its source record.
fn places(operation: &Operation, moved: &Move) -> Vec<Difference> {
    let new = |source: &SourceId| json!({ "new": source });
    let before = moved.before.as_ref();
    let client = moved.client.as_ref().map(|to| match to {
        ClientTarget::Existing(id) => json!(id),
        ClientTarget::Of(organization) => new(organization),
    });
    let site = moved.site.as_ref().map(|to| match to {
        SiteTarget::Existing(id) => json!(id),
        SiteTarget::Of(location) => new(location),
    });
    let asset_type = moved.asset_type.as_ref().map(|to| match to {
        TypeTarget::Existing(id) => json!(id),
        TypeTarget::Of(role) => new(role),
    });
    let stands = [
        ("(client)", client, before.map(|place| json!(place.client))),
        ("(site)", site, before.map(|place| json!(place.site))),
        ("(type)", asset_type, before.map(|place| json!(place.asset_type))),
    ];
    let differ = stands.into_iter().filter_map(|(what, to, before)| {
        let before = before.unwrap_or(Value::Null);
        to.map(|to| difference(operation, Drift::Differs, what, to, before))
    });
    differ.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AssetDraft, Fields, Place, Subject};

    fn operation(action: Action, cause: Option<Cause>) -> Operation {
        Operation {
            number: 1,
            client_label: "Acme".to_owned(),
            subject: Subject {
                kind: RecordKind::Asset,
                source_id: "7".into(),
                label: "PC".to_owned(),
            },
            action,
            reason: "because".to_owned(),
            cause,
            after_match: None,
            undoes: None,
        }
    }

    fn change() -> Change {
        Change {
            field: "os".to_owned(),
            before: json!("old"),
            after: json!("new"),
        }
    }

    /// Each difference as `sort field destination → source`.
    #[track_caller]
    fn check(action: Action, cause: Option<Cause>, expected: &[&str]) {
        let found: Vec<String> = differences(&operation(action, cause))
            .iter()
            .map(|d| {
                assert_eq!((d.key.side, d.key.record.as_str()), (Side::Source, "7"));
                let (from, to) = (&d.destination_value, &d.source_value);
                format!("{:?} {} {from} → {to}", d.drift, d.key.field)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_plan_would_write_is_what_differs() {
        let draft = AssetDraft {
            client: ClientTarget::Existing("c".into()),
            site: None,
            asset_type: None,
            fields: Fields::new(),
        };
        check(Action::CreateAsset(draft), None, &["OnlySource  false → true"]);
        let archive = Action::ArchiveAsset { asset: "a".into() };
        check(archive, None, &["OnlyDestination  true → false"]);
        let link = Action::Link {
            record: "a".into(),
            changes: vec![change()],
            before: None,
        };
        check(
            link,
            None,
            &["Unlinked  true → true", "Differs os \"old\" → \"new\""],
        );
        let update = Action::UpdateAsset {
            asset: "a".into(),
            changes: vec![change()],
            moved: Some(Move {
                client: Some(ClientTarget::Existing("c2".into())),
                site: Some(SiteTarget::Of("12".into())),
                before: Some(Place {
                    client: "c1".into(),
                    site: None,
                    asset_type: None,
                }),
                ..Move::default()
            }),
        };
        let expected = [
            "Differs os \"old\" → \"new\"",
            "Differs (client) \"c1\" → \"c2\"",
            "Differs (site) null → {\"new\":\"12\"}",
        ];
        check(update, None, &expected);
    }

    #[test]
    fn what_waits_for_a_person_differs_and_what_was_left_out_does_not() {
        let review = |changes| Action::Review { changes };
        check(
            review(vec![change()]),
            Some(Cause::Conflict),
            &["Differs os \"old\" → \"new\""],
        );
        let ambiguous = Cause::Ambiguous { assets: vec![] };
        check(review(vec![]), Some(ambiguous), &["Unlinked  true → true"]);
        check(
            review(vec![]),
            Some(Cause::RecordGone),
            &["OnlySource  false → true"],
        );
        check(
            Action::Skip,
            Some(Cause::Absent),
            &["OnlyDestination  true → false"],
        );
        check(Action::Skip, Some(Cause::ChangeByHand), &["Differs  true → true"]);
        for left_out in [
            Cause::Excluded,
            Cause::Ignored,
            Cause::OutOfScope,
            Cause::BothGone,
        ] {
            check(Action::Skip, Some(left_out), &[]);
        }
    }
}
