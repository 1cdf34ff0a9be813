//! Answers in words.

use super::{Answer, LinkedAsset};
use model::{Cause, SourceId};

/// The answer in a sentence, and what a person can do about it.
pub(super) fn said(
    answer: &Answer,
    device: &SourceId,
    organization: &SourceId,
    asset: Option<&LinkedAsset>,
) -> (String, Option<String>) {
    let is = match asset {
        Some(asset) => format!("It is asset {}, but: ", asset.asset),
        None => String::new(),
    };
    match answer {
        Answer::Imported => {
            let linked = asset.map_or(String::new(), |asset| {
                let run = asset
                    .run
                    .as_ref()
                    .map_or(String::new(), |run| format!(", by run {run}"));
                format!("It is asset {}: {}{run}.", asset.asset, asset.how)
            });
            (linked, None)
        }
        Answer::LeftAlone { cause, reason } => {
            (format!("{is}{reason}."), advice(cause, device, organization))
        }
        Answer::OrganizationLeftAlone { cause, reason } => (
            match asset {
                Some(asset) => format!(
                    "It was imported as asset {}, and is no longer kept up to date, because its organization is left \
                     alone now: {reason}.",
                    asset.asset
                ),
                None => format!("Its organization is left alone, with all its devices: {reason}."),
            },
            organization_advice(cause, device, organization),
        ),
        Answer::Failed { message, run, .. } => (
            format!("{is}writing it failed in run {run}: {message}."),
            Some(format!(
                "Mend that, then: rmmbridge errors retry {device}; or leave it alone: rmmbridge errors ignore {device} \
                 --reason ..."
            )),
        ),
        Answer::Changed { message, run, .. } => (
            format!("{is}run {run} left it alone, since it had changed after the plan: {message}."),
            Some(format!("Plan it anew: rmmbridge errors retry {device}")),
        ),
        Answer::InDoubt { until: Some(until) } => (
            format!("{is}a write got no answer and may still arrive until {until}."),
            Some(format!(
                "After that it is looked up: rmmbridge errors retry {device}"
            )),
        ),
        Answer::InDoubt { until: None } => (
            format!("{is}a write got no answer, and nobody looked yet whether it arrived."),
            Some(format!(
                "Have it looked up: rmmbridge errors retry {device}; several records of it: rmmbridge duplicates"
            )),
        ),
        Answer::Unreadable { message } => (
            format!("{is}its document cannot be read: {message}."),
            Some("Read it again: rmmbridge sync. If that does not help, it is a fault to report".to_owned()),
        ),
        Answer::Planned { plan, action, .. } => (
            format!("{is}plan {plan} would write it ({action}), and was not applied."),
            Some(format!("Look at it and apply it: rmmbridge apply {plan}")),
        ),
        Answer::Absent { since } => (
            format!("It is gone from the source since {since}, and was never linked to an asset."),
            None,
        ),
        Answer::ClientsOnly => (
            match asset {
                Some(asset) => format!(
                    "It is asset {}, which stays as it is: the bridge synchronises clients without their devices.",
                    asset.asset
                ),
                None => "The bridge synchronises clients without their devices.".to_owned(),
            },
            Some(
                "To have devices imported: rmmbridge bridge set --devices yes, then rmmbridge plan"
                    .to_owned(),
            ),
        ),
        Answer::OtherSource {
            client_name,
            bridge_name,
            ..
        } => {
            let stays = match asset {
                Some(asset) => format!("It is asset {}, which this bridge leaves as it is", asset.asset),
                None => "This bridge leaves it alone".to_owned(),
            };
            (
                format!(
                    "{stays}: somebody chose bridge {bridge_name} for the assets of client {client_name}."
                ),
                Some(format!(
                    "To have this bridge bring them: on the pages under Clients, {client_name}, Source of its assets, \
                     Change"
                )),
            )
        }
        Answer::NotPlanned => (
            "It was read, and no plan tells of it yet.".to_owned(),
            Some("Make one: rmmbridge plan".to_owned()),
        ),
    }
}

/// What a person can do about a device that is left alone.
fn advice(cause: &Cause, device: &SourceId, organization: &SourceId) -> Option<String> {
    let text = match cause {
        Cause::Excluded | Cause::Undecided => return organization_advice(cause, device, organization),
        Cause::Unlisted => format!(
            "The next read may bring it: rmmbridge sync. If it does not, the account that reads may not see organization \
             {organization}: give it access in the source"
        ),
        Cause::Ignored => format!("Have it planned again: rmmbridge errors unignore {device}"),
        Cause::Undone => format!("Have it written again: rmmbridge undo --release {device}"),
        Cause::OutOfScope => {
            "Change what the bridge lets through (rmmbridge bridge set --help), or the device in NinjaOne"
                .to_owned()
        }
        Cause::Absent => {
            "Nothing has to be done: its asset is archived by the bridge's rule, if it has one".to_owned()
        }
        Cause::BothGone => "Nothing has to be done".to_owned(),
        Cause::RecordGone => format!(
            "Leave it out (rmmbridge errors ignore {device} --reason ...), or restore what it was linked to in the destination"
        ),
        Cause::Archived => {
            "Take its asset out of the archive in the destination, or leave it there".to_owned()
        }
        Cause::SharedAsset => {
            "Say which device the asset is, and have the others ignored: rmmbridge errors ignore".to_owned()
        }
        Cause::Conflict => {
            format!(
                "Say whose values stand: rmmbridge conflicts take {device}, or rmmbridge conflicts keep {device}"
            )
        }
        Cause::Ambiguous { .. } | Cause::Replaces { .. } => {
            format!("Say which one it is: rmmbridge duplicates link {device} <ASSET>")
        }
        Cause::SeveralNamed => "Say which one it is: rmmbridge duplicates".to_owned(),
        Cause::RestoreByHand => "Take its asset out of the archive in the destination".to_owned(),
        Cause::ArchiveByHand => "Archive its asset in the destination: its API cannot".to_owned(),
        Cause::ChangeByHand => "Change its asset in the destination: its API cannot".to_owned(),
        Cause::StaysAfterUndo => "Nothing has to be done: the undo left it as it is".to_owned(),
    };
    Some(text)
}

/// What a person can do about an organization that is left alone.
fn organization_advice(cause: &Cause, device: &SourceId, organization: &SourceId) -> Option<String> {
    Some(match cause {
        Cause::Excluded => format!(
            "Take the exclusion back, or say which client it is: rmmbridge match --help (organization {organization})"
        ),
        Cause::Undecided => {
            format!("Say which client it is: rmmbridge match --help (organization {organization})")
        }
        Cause::Ignored => format!("Have it planned again: rmmbridge errors unignore client:{organization}"),
        Cause::Undone => format!("Have it linked again: rmmbridge undo --release client:{organization}"),
        other => return advice(other, device, organization),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// A cause without an answer does not compile; one with an empty or unhelpful answer fails here.
    #[test]
    fn every_cause_a_plan_can_have_has_an_answer_and_a_next_step() {
        let (device, organization) = ("1042".into(), "7".into());
        for cause in Cause::all() {
            let reason = "the planner's reason".to_owned();
            for answer in [
                Answer::LeftAlone {
                    cause: cause.clone(),
                    reason: reason.clone(),
                },
                Answer::OrganizationLeftAlone {
                    cause: cause.clone(),
                    reason: reason.clone(),
                },
            ] {
                let (sentence, next) = said(&answer, &device, &organization, None);
                assert!(sentence.contains("the planner's reason"), "{cause:?}: {sentence}");
                let next = next.unwrap_or_default();
                assert!(
                    next.len() > 10,
                    "{cause:?} leaves a person without a next step: {next:?}"
                );
            }
        }
    }

    #[test]
    fn every_other_state_is_a_sentence() {
        let (device, organization) = ("1042".into(), "7".into());
        let at = Timestamp::UNIX_EPOCH;
        let message = || "503".to_owned();
        let asset = LinkedAsset {
            asset: "a-9".into(),
            url: None,
            how: "created for this device".to_owned(),
            run: Some("r-1".into()),
            at: None,
        };
        for (answer, expected) in [
            (
                Answer::Imported,
                "It is asset a-9: created for this device, by run r-1.",
            ),
            (
                Answer::OrganizationLeftAlone {
                    cause: Cause::Excluded,
                    reason: "excluded by person:ana".to_owned(),
                },
                "It was imported as asset a-9, and is no longer kept up to date, because its organization is left alone \
                 now: excluded by person:ana.",
            ),
            (
                Answer::Failed {
                    message: message(),
                    at,
                    run: "r-1".into(),
                },
                "It is asset a-9, but: writing it failed in run r-1: 503.",
            ),
            (
                Answer::Changed {
                    message: message(),
                    at,
                    run: "r-1".into(),
                },
                "It is asset a-9, but: run r-1 left it alone, since it had changed after the plan: 503.",
            ),
            (
                Answer::InDoubt { until: Some(at) },
                "It is asset a-9, but: a write got no answer and may still arrive until 1970-01-01T00:00:00Z.",
            ),
            (
                Answer::InDoubt { until: None },
                "It is asset a-9, but: a write got no answer, and nobody looked yet whether it arrived.",
            ),
            (
                Answer::Unreadable { message: message() },
                "It is asset a-9, but: its document cannot be read: 503.",
            ),
            (
                Answer::Planned {
                    plan: "p-1".into(),
                    action: "update_asset".to_owned(),
                    reason: message(),
                },
                "It is asset a-9, but: plan p-1 would write it (update_asset), and was not applied.",
            ),
            (
                Answer::Absent { since: at },
                "It is gone from the source since 1970-01-01T00:00:00Z, and was never linked to an asset.",
            ),
            (Answer::NotPlanned, "It was read, and no plan tells of it yet."),
            (
                Answer::OtherSource {
                    client: "c-1".into(),
                    client_name: "Acme".to_owned(),
                    bridge: "b-2".into(),
                    bridge_name: "south".to_owned(),
                },
                "It is asset a-9, which this bridge leaves as it is: somebody chose bridge south for the assets of client \
                 Acme.",
            ),
            (
                Answer::ClientsOnly,
                "It is asset a-9, which stays as it is: the bridge synchronises clients without their devices.",
            ),
        ] {
            assert_eq!(said(&answer, &device, &organization, Some(&asset)).0, expected);
        }
    }
}
