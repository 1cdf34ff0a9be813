//! A plan's operations in the words of people.

use crate::ui::Tone;
use crate::ui::runs::page_of;
use engine::called::Called;
use engine::row_errors::record_of;
use model::operation::Move;
use model::{
    Action, Change, ClientTarget, Operation, RecordId, RecordKind, SiteTarget, SourceId, TypeTarget,
};
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

/// What a target of an operation is called: its own name, or what of a source it will be made of.
fn existing(called: &Called, kind: RecordKind, id: &RecordId) -> String {
    match called.record(kind, id) {
        Some(name) => name.to_owned(),
        None => format!("{} {id}", one(kind)),
    }
}

fn made_of(called: &Called, kind: RecordKind, id: &SourceId) -> String {
    let of = match kind {
        RecordKind::Client => "organization",
        RecordKind::Site => "location",
        RecordKind::AssetType => "role",
        RecordKind::Asset => "device",
    };
    match called.source(kind, id) {
        Some(name) => format!("{name}, a new {}", one(kind)),
        None => format!("the new {} of {of} {id}", one(kind)),
    }
}

/// What a kind of record is called.
pub fn one(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Client => "client",
        RecordKind::Site => "site",
        RecordKind::AssetType => "asset type",
        RecordKind::Asset => "asset",
    }
}

fn client(called: &Called, target: &ClientTarget) -> Detail {
    match target {
        ClientTarget::Existing(id) => Detail {
            address: page_of(RecordKind::Client, id, called.is_registry()),
            ..created("Moves to client", &existing(called, RecordKind::Client, id))
        },
        ClientTarget::Of(id) => created("Moves to client", &made_of(called, RecordKind::Client, id)),
    }
}

fn site(called: &Called, label: &str, target: &SiteTarget) -> Detail {
    let said = match target {
        SiteTarget::Existing(id) => existing(called, RecordKind::Site, id),
        SiteTarget::Of(id) => made_of(called, RecordKind::Site, id),
    };
    created(label, &said)
}

fn asset_type(called: &Called, label: &str, target: &TypeTarget) -> Detail {
    let said = match target {
        TypeTarget::Existing(id) => existing(called, RecordKind::AssetType, id),
        TypeTarget::Of(id) => made_of(called, RecordKind::AssetType, id),
    };
    created(label, &said)
}

fn moves(called: &Called, moved: &Move) -> Vec<Detail> {
    let mut details: Vec<Detail> = moved.client.iter().map(|to| client(called, to)).collect();
    details.extend(moved.site.iter().map(|to| site(called, "Moves to site", to)));
    if moved.leaves_site && moved.site.is_none() {
        details.push(created("Leaves", "its site"));
    }
    details.extend(
        moved
            .asset_type
            .iter()
            .map(|to| asset_type(called, "Becomes", to)),
    );
    details
}

/// What a record that is linked, or was, is called.
fn linked_to(called: &Called, operation: &Operation, record: &RecordId) -> String {
    let kind = operation.subject.kind;
    let label = &operation.client_label;
    match kind {
        // The destination's own name of it, also where its records are not kept here.
        RecordKind::Client if called.record(kind, record).is_none() && !label.is_empty() => label.clone(),
        _ => existing(called, kind, record),
    }
}

/// Everything an operation does, one a line, with the names of what it points to.
pub fn details(operation: &Operation, called: &Called) -> Vec<Detail> {
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
            let places = draft.site.iter().map(|to| site(called, "Site", to));
            let types = draft.asset_type.iter().map(|to| asset_type(called, "Type", to));
            fields.chain(places).chain(types).collect()
        }
        Action::Link { record, changes, .. } => {
            let linked = Detail {
                address: page_of(kind, record, called.is_registry()),
                ..created("Is", &linked_to(called, operation, record))
            };
            std::iter::once(linked)
                .chain(changes.iter().map(change))
                .collect()
        }
        Action::UpdateAsset { changes, moved, .. } => {
            let moved = moved
                .as_ref()
                .map(|moved| moves(called, moved))
                .unwrap_or_default();
            changes.iter().map(change).chain(moved).collect()
        }
        Action::ArchiveAsset { .. } | Action::RestoreAsset { .. } | Action::Skip => Vec::new(),
        Action::Unlink {
            record,
            changes,
            back,
        } => {
            let after = match back.as_ref().and_then(|back| back.record.as_ref()) {
                Some(again) => format!("linked to {} again", linked_to(called, operation, again)),
                None => "not linked".to_owned(),
            };
            let unlinked = Detail {
                before: Some(format!("linked to {}", linked_to(called, operation, record))),
                ..created("Link", &after)
            };
            std::iter::once(unlinked)
                .chain(changes.iter().map(change))
                .collect()
        }
        Action::Review { changes } => changes.iter().map(change).collect(),
    }
}

/// The asset an operation writes to, as a page of ours: the registry's have one, those of other destinations do not.
pub fn address(operation: &Operation, is_registry: bool) -> Option<String> {
    let kind = operation.subject.kind;
    let record = record_of(&operation.action).filter(|_| kind == RecordKind::Asset)?;
    page_of(kind, record, is_registry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Subject;

    #[test]
    fn an_operation_leads_to_a_page_of_ours_only_where_its_asset_has_one() {
        let archive = Operation {
            number: 1,
            client_label: "Acme".to_owned(),
            subject: Subject {
                kind: RecordKind::Asset,
                source_id: "1042".into(),
                label: "PC-1".to_owned(),
            },
            action: Action::ArchiveAsset { asset: "7".into() },
            reason: "it is gone".to_owned(),
            cause: None,
            after_match: None,
            undoes: None,
        };
        assert_eq!(address(&archive, true).as_deref(), Some("/assets/7"));
        assert_eq!(address(&archive, false), None, "it is another system's");
        let client = Operation {
            subject: Subject {
                kind: RecordKind::Client,
                ..archive.subject.clone()
            },
            action: Action::Link {
                record: "9".into(),
                changes: vec![],
                before: None,
            },
            ..archive
        };
        assert_eq!(address(&client, true), None, "its client is named below");
    }

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
