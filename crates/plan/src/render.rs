//! The one text of a plan: the command line, the pages, agents and the tests all show this.

use crate::coerce::is_blank;
use model::operation::Move;
use model::{
    Action, AssetDraft, Change, ClientTarget, Operation, PlanCounts, RecordKind, SiteTarget, TypeTarget,
};
use serde_json::Value;
use std::fmt::Write;

/// Longest value shown in full, in characters.
const LONGEST_VALUE: usize = 200;

/// The counts of a plan, one a line and only those that are not zero, then the warnings.
pub fn summary(counts: &PlanCounts, warnings: &[String]) -> String {
    let lines = [
        (
            "+",
            counts.create_clients,
            "client to create",
            "clients to create",
        ),
        ("+", counts.create_sites, "site to create", "sites to create"),
        (
            "+",
            counts.create_asset_types,
            "asset type to create",
            "asset types to create",
        ),
        ("+", counts.create_assets, "asset to create", "assets to create"),
        ("=", counts.links, "record to link", "records to link"),
        ("~", counts.updates, "asset to update", "assets to update"),
        ("-", counts.archives, "asset to archive", "assets to archive"),
        (
            "^",
            counts.restores,
            "asset to take out of the archive",
            "assets to take out of the archive",
        ),
        ("≠", counts.unlinks, "link to take back", "links to take back"),
        (
            "?",
            counts.reviews,
            "question for a person",
            "questions for a person",
        ),
        ("·", counts.skips, "record left alone", "records left alone"),
        (" ", counts.unchanged, "asset unchanged", "assets unchanged"),
    ];
    let mut text = String::new();
    if counts.writes() == 0 {
        text.push_str("Nothing to write.\n");
    }
    for (sign, count, one, many) in lines {
        if count > 0 {
            line(
                &mut text,
                &format!("{sign} {count:>6} {}", if count == 1 { one } else { many }),
            );
        }
    }
    for warning in warnings {
        line(&mut text, &format!("! {}", visible(warning)));
    }
    text
}

/// One operation: what happens to what, each field as old → new, and why.
pub fn operation(operation: &Operation) -> String {
    let (sign, details) = match &operation.action {
        Action::CreateClient(draft) => ("+", vec![from_nothing("name", &draft.name)]),
        Action::CreateSite(draft) => ("+", vec![from_nothing("name", &draft.name)]),
        Action::CreateAssetType(draft) => {
            let group = draft.group.iter().map(|group| from_nothing("group", group));
            (
                "+",
                std::iter::once(from_nothing("name", &draft.name))
                    .chain(group)
                    .collect(),
            )
        }
        Action::CreateAsset(draft) => ("+", of_draft(draft)),
        Action::Link { record, changes, .. } => {
            let to = format!("{} {}", noun(operation.subject.kind), visible(record.as_str()));
            (
                "=",
                std::iter::once(format!("is {to}"))
                    .chain(changes.iter().map(change))
                    .collect(),
            )
        }
        Action::UpdateAsset { changes, moved, .. } => {
            let moves = moved.as_ref().map(of_move).unwrap_or_default();
            ("~", changes.iter().map(change).chain(moves).collect())
        }
        Action::ArchiveAsset { .. } => ("-", vec![]),
        Action::RestoreAsset { .. } => ("^", vec![]),
        Action::Unlink {
            record,
            changes,
            back,
        } => {
            let kind = noun(operation.subject.kind);
            let link = match back.as_ref().and_then(|back| back.record.as_ref()) {
                Some(again) => format!(
                    "is {kind} {} again, not {}",
                    visible(again.as_str()),
                    visible(record.as_str())
                ),
                None => format!("is {kind} {} no longer", visible(record.as_str())),
            };
            let fields = changes.iter().map(change);
            ("≠", std::iter::once(link).chain(fields).collect())
        }
        Action::Review { changes } => ("?", changes.iter().map(change).collect()),
        Action::Skip => ("·", vec![]),
    };
    let mut text = String::new();
    let subject = &operation.subject;
    let mut head = format!("{sign} {}  {}", noun(subject.kind), visible(&subject.label));
    if !operation.client_label.is_empty() && operation.client_label != subject.label {
        // Writing to a String cannot fail.
        let _ = write!(head, "  {}", visible(&operation.client_label));
    }
    line(&mut text, &head);
    for detail in details {
        line(&mut text, &format!("    {detail}"));
    }
    line(&mut text, &format!("    ({})", visible(&operation.reason)));
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn noun(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Client => "client",
        RecordKind::Site => "site",
        RecordKind::AssetType => "type",
        RecordKind::Asset => "asset",
    }
}

fn of_draft(draft: &AssetDraft) -> Vec<String> {
    let site = draft
        .site
        .iter()
        .map(|site| from_nothing("site", &site_text(site)));
    let asset_type = draft
        .asset_type
        .iter()
        .map(|asset_type| from_nothing("type", &type_text(asset_type)));
    let fields = draft.fields.iter().map(|(field, value)| {
        change(&Change {
            field: field.clone(),
            before: Value::Null,
            after: value.clone(),
        })
    });
    asset_type.chain(site).chain(fields).collect()
}

/// One field: what stands there and what will.
pub fn change(change: &Change) -> String {
    format!(
        "{}: {} → {}",
        visible(&change.field),
        value(&change.before),
        value(&change.after)
    )
}

fn of_move(moved: &Move) -> Vec<String> {
    let client = moved.client.iter().map(|client| match client {
        ClientTarget::Existing(id) => format!("moves to client {}", visible(id.as_str())),
        ClientTarget::Of(id) => format!("moves to the new client of organization {}", visible(id.as_str())),
    });
    let site = moved
        .site
        .iter()
        .map(|site| format!("moves to {}", site_text(site)));
    let asset_type = moved
        .asset_type
        .iter()
        .map(|asset_type| format!("becomes {}", type_text(asset_type)));
    let leaves = (moved.leaves_site && moved.site.is_none()).then(|| "leaves its site".to_owned());
    client.chain(site).chain(leaves).chain(asset_type).collect()
}

fn site_text(site: &SiteTarget) -> String {
    match site {
        SiteTarget::Existing(id) => format!("site {}", visible(id.as_str())),
        SiteTarget::Of(id) => format!("the new site of location {}", visible(id.as_str())),
    }
}

fn type_text(asset_type: &TypeTarget) -> String {
    match asset_type {
        TypeTarget::Existing(id) => format!("type {}", visible(id.as_str())),
        TypeTarget::Of(id) => format!("the new type of role {}", visible(id.as_str())),
    }
}

fn from_nothing(field: &str, to: &str) -> String {
    format!("{field}: — → {}", visible(to))
}

/// A value, shortened where it is long.
pub fn value(value: &Value) -> String {
    match value {
        blank if is_blank(blank) => "—".to_owned(),
        Value::String(text) => {
            let mut shown: String = text.chars().take(LONGEST_VALUE).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            visible(&shown)
        }
        other => visible(&other.to_string()),
    }
}

/// Names come from people and machines we do not know. What would move a cursor, break a line or turn the direction
/// of writing is shown as its code, so that a plan looks like what it is.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AssetTypeDraft, Subject};
    use serde_json::json;

    fn sample(action: Action) -> Operation {
        Operation {
            number: 1,
            client_label: "Brightwater Legal".to_owned(),
            subject: Subject {
                kind: RecordKind::Asset,
                source_id: "1042".into(),
                label: "BL-WS-014".to_owned(),
            },
            action,
            reason: "because".to_owned(),
            cause: None,
            after_match: None,
            undoes: None,
        }
    }

    #[track_caller]
    fn check(of: &Operation, expected: &str) {
        assert_eq!(operation(of), expected);
    }

    fn change(field: &str, before: Value, after: Value) -> Change {
        Change {
            field: field.to_owned(),
            before,
            after,
        }
    }

    #[test]
    fn every_action_has_its_sign() {
        let draft = AssetDraft {
            client: ClientTarget::Existing("1".into()),
            site: Some(SiteTarget::Of("12".into())),
            asset_type: Some(TypeTarget::Existing("4".into())),
            fields: [("name".to_owned(), json!("BL-WS-014"))].into(),
        };
        check(
            &sample(Action::CreateAsset(draft)),
            "+ asset  BL-WS-014  Brightwater Legal\n    type: — → type 4\n    site: — → the new site of location 12\n    \
             name: — → BL-WS-014\n    (because)\n",
        );
        let update = Action::UpdateAsset {
            asset: "9".into(),
            changes: vec![
                change("os", json!("old"), json!("new")),
                change("storage", json!(1), json!(null)),
            ],
            moved: Some(Move {
                client: Some(ClientTarget::Existing("2".into())),
                ..Move::default()
            }),
        };
        check(
            &sample(update),
            "~ asset  BL-WS-014  Brightwater Legal\n    os: old → new\n    storage: 1 → —\n    moves to client 2\n    \
             (because)\n",
        );
        let link = Action::Link {
            record: "9".into(),
            changes: vec![change("os", json!(""), json!("new"))],
            before: None,
        };
        check(
            &sample(link),
            "= asset  BL-WS-014  Brightwater Legal\n    is asset 9\n    os: — → new\n    (because)\n",
        );
        check(
            &sample(Action::ArchiveAsset { asset: "9".into() }),
            "- asset  BL-WS-014  Brightwater Legal\n    (because)\n",
        );
        check(
            &sample(Action::RestoreAsset { asset: "9".into() }),
            "^ asset  BL-WS-014  Brightwater Legal\n    (because)\n",
        );
        let unlink = |back| Action::Unlink {
            record: "9".into(),
            changes: vec![change("os", json!("new"), json!(null))],
            back,
        };
        check(
            &sample(unlink(None)),
            "≠ asset  BL-WS-014  Brightwater Legal\n    is asset 9 no longer\n    os: new → —\n    (because)\n",
        );
        let back = model::LinkBefore {
            record: Some("8".into()),
            source_id: None,
        };
        check(
            &sample(unlink(Some(back))),
            "≠ asset  BL-WS-014  Brightwater Legal\n    is asset 8 again, not 9\n    os: new → —\n    (because)\n",
        );
        check(
            &sample(Action::Review { changes: vec![] }),
            "? asset  BL-WS-014  Brightwater Legal\n    (because)\n",
        );
        check(
            &sample(Action::Skip),
            "· asset  BL-WS-014  Brightwater Legal\n    (because)\n",
        );
        let mut of_type = sample(Action::CreateAssetType(AssetTypeDraft {
            name: "Mac".to_owned(),
            group: Some("Computers".to_owned()),
        }));
        of_type.subject.kind = RecordKind::AssetType;
        of_type.client_label = String::new();
        check(
            &of_type,
            "+ type  BL-WS-014\n    name: — → Mac\n    group: — → Computers\n    (because)\n",
        );
    }

    #[test]
    fn names_cannot_fake_other_lines() {
        let mut of = sample(Action::Review {
            changes: vec![change(
                "na\u{200b}me",
                json!("a\u{1b}[2J"),
                json!("x".repeat(300)),
            )],
        });
        of.subject.label = "PC\n- asset  SERVER".to_owned();
        of.client_label = "evil\u{202e}txt".to_owned();
        of.reason = "\r\u{2066}because".to_owned();
        let text = operation(&of);
        assert_eq!(
            text,
            format!(
                "? asset  PC\\n- asset  SERVER  evil\\u{{202e}}txt\n    na\\u{{200b}}me: a\\u{{1b}}[2J → {}…\n    \
                 (\\r\\u{{2066}}because)\n",
                "x".repeat(200)
            )
        );
    }

    #[test]
    fn summaries_count_what_there_is() {
        let counts = PlanCounts {
            create_assets: 1,
            updates: 12,
            unchanged: 3,
            ..PlanCounts::default()
        };
        let warnings = ["12 of 15 linked assets would be changed".to_owned()];
        assert_eq!(
            summary(&counts, &warnings),
            "+      1 asset to create\n~     12 assets to update\n       3 assets unchanged\n! 12 of 15 linked assets would \
             be changed\n"
        );
        assert_eq!(summary(&PlanCounts::default(), &[]), "Nothing to write.\n");
    }
}
