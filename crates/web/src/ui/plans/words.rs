//! A plan's operations in the words of people.

use crate::ui::Tone;
use model::operation::Move;
use model::{Action, Change, ClientTarget, Operation, RecordKind, SiteTarget, TypeTarget};
use serde_json::Value;

/// Longest value shown in full, in characters.
const LONGEST: usize = 160;

/// One thing an operation does to its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Which field, or what.
    pub label: String,
    /// What stands there now; `None` where nothing can.
    pub before: Option<String>,
    /// What will stand there.
    pub after: String,
    /// The page of what it points to, where it is one of ours.
    pub address: Option<String>,
}

/// What an operation does, in a few words.
pub fn action(operation: &Operation) -> &'static str {
    match &operation.action {
        Action::CreateClient(_) => "Create client",
        Action::CreateSite(_) => "Create site",
        Action::CreateAssetType(_) => "Create asset type",
        Action::CreateAsset(_) => "Create asset",
        Action::Link { .. } => match operation.subject.kind {
            RecordKind::Client => "Link client",
            RecordKind::Site => "Link site",
            RecordKind::AssetType => "Link asset type",
            RecordKind::Asset => "Adopt asset",
        },
        Action::UpdateAsset { changes, moved, .. } if changes.is_empty() && moved.is_some() => "Move asset",
        Action::UpdateAsset { .. } => "Update asset",
        Action::ArchiveAsset { .. } => "Archive asset",
        Action::RestoreAsset { .. } => "Take out of the archive",
        Action::Unlink { .. } => "Take link away",
        Action::Review { .. } => "Question",
        Action::Skip => "Left alone",
    }
}

/// The colour of what an operation does.
pub fn tone(operation: &Operation) -> Tone {
    match &operation.action {
        Action::CreateClient(_)
        | Action::CreateSite(_)
        | Action::CreateAssetType(_)
        | Action::CreateAsset(_)
        | Action::RestoreAsset { .. } => Tone::Good,
        Action::Link { .. } | Action::UpdateAsset { .. } => Tone::Busy,
        Action::ArchiveAsset { .. } | Action::Unlink { .. } => Tone::Bad,
        Action::Review { .. } => Tone::Warn,
        Action::Skip => Tone::Plain,
    }
}

/// A field's key as people read it: `serialNumber` is "Serial number".
pub fn field(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    let mut before = ' ';
    for c in key.chars() {
        let breaks = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if breaks || matches!(c, '_' | '-') {
            words.push(' ');
        }
        if !matches!(c, '_' | '-') {
            if breaks {
                words.extend(c.to_lowercase());
            } else {
                words.push(c);
            }
        }
        before = c;
    }
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A value as people read it; empty where there is none.
pub fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn created(label: &str, after: &str) -> Detail {
    Detail {
        label: label.to_owned(),
        before: None,
        after: after.to_owned(),
        address: None,
    }
}

fn change(change: &Change) -> Detail {
    Detail {
        label: field(&change.field),
        before: Some(value(&change.before)),
        after: value(&change.after),
        address: None,
    }
}

fn client(target: &ClientTarget) -> Detail {
    match target {
        ClientTarget::Existing(id) => Detail {
            address: Some(format!("/clients/{id}")),
            ..created("Moves to client", id.as_str())
        },
        ClientTarget::Of(id) => created("Moves to", &format!("the new client of organization {id}")),
    }
}

fn site(label: &str, target: &SiteTarget) -> Detail {
    match target {
        SiteTarget::Existing(id) => created(label, &format!("site {id}")),
        SiteTarget::Of(id) => created(label, &format!("the new site of location {id}")),
    }
}

fn asset_type(label: &str, target: &TypeTarget) -> Detail {
    match target {
        TypeTarget::Existing(id) => created(label, &format!("asset type {id}")),
        TypeTarget::Of(id) => created(label, &format!("the new type of role {id}")),
    }
}

fn moves(moved: &Move) -> Vec<Detail> {
    let mut details: Vec<Detail> = moved.client.iter().map(client).collect();
    details.extend(moved.site.iter().map(|target| site("Moves to", target)));
    if moved.leaves_site && moved.site.is_none() {
        details.push(created("Leaves", "its site"));
    }
    details.extend(
        moved
            .asset_type
            .iter()
            .map(|target| asset_type("Becomes", target)),
    );
    details
}

/// The page of ours about a record, where there is one.
fn page_of(kind: RecordKind, record: &str) -> Option<String> {
    match kind {
        RecordKind::Asset => Some(format!("/assets/{record}")),
        RecordKind::Client => Some(format!("/clients/{record}")),
        RecordKind::Site | RecordKind::AssetType => None,
    }
}

/// Everything an operation does, one a line.
pub fn details(operation: &Operation) -> Vec<Detail> {
    let kind = operation.subject.kind;
    match &operation.action {
        Action::CreateClient(draft) => vec![created("Name", &draft.name)],
        Action::CreateSite(draft) => vec![created("Name", &draft.name)],
        Action::CreateAssetType(draft) => {
            let group = draft.group.iter().map(|group| created("Group", group));
            std::iter::once(created("Name", &draft.name))
                .chain(group)
                .collect()
        }
        Action::CreateAsset(draft) => {
            let fields = draft
                .fields
                .iter()
                .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""))
                .map(|(key, v)| created(&field(key), &value(v)));
            let places = draft.site.iter().map(|target| site("Site", target));
            let types = draft.asset_type.iter().map(|target| asset_type("Type", target));
            fields.chain(places).chain(types).collect()
        }
        Action::Link { record, changes, .. } => {
            let linked = Detail {
                address: page_of(kind, record.as_str()),
                ..created("Is", record.as_str())
            };
            std::iter::once(linked)
                .chain(changes.iter().map(change))
                .collect()
        }
        Action::UpdateAsset { changes, moved, .. } => {
            let moved = moved.as_ref().map(moves).unwrap_or_default();
            changes.iter().map(change).chain(moved).collect()
        }
        Action::ArchiveAsset { .. } | Action::RestoreAsset { .. } | Action::Skip => Vec::new(),
        Action::Unlink {
            record,
            changes,
            back,
        } => {
            let after = match back.as_ref().and_then(|back| back.record.as_ref()) {
                Some(again) => format!("linked to {again} again"),
                None => "not linked".to_owned(),
            };
            let unlinked = Detail {
                before: Some(format!("linked to {record}")),
                ..created("Link", &after)
            };
            std::iter::once(unlinked)
                .chain(changes.iter().map(change))
                .collect()
        }
        Action::Review { changes } => changes.iter().map(change).collect(),
    }
}

/// The record an operation writes to, as a page of ours.
pub fn address(operation: &Operation) -> Option<String> {
    let asset = match &operation.action {
        Action::UpdateAsset { asset, .. }
        | Action::ArchiveAsset { asset }
        | Action::RestoreAsset { asset } => asset,
        Action::Link { record, .. } if operation.subject.kind == RecordKind::Asset => record,
        _ => return None,
    };
    Some(format!("/assets/{asset}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_read_as_people_write_them() {
        assert_eq!(field("serialNumber"), "Serial number");
        assert_eq!(field("os"), "Os");
        assert_eq!(field("TypeId"), "Type id");
        assert_eq!(field("warranty_expire"), "Warranty expire");
        assert_eq!(field(""), "");
        assert_eq!(value(&Value::Null), "");
        assert_eq!(value(&Value::Bool(true)), "yes");
        assert_eq!(
            value(&Value::String("x".repeat(200))).chars().count(),
            LONGEST + 1
        );
    }
}
