//! What entries of the audit log are about, as people call it. The log keeps ids, which never change; a page shows names.

use engine::auditing::AuditEntry;
use model::{Bridge, Connection, RecordKind};
use serde_json::Value;
use std::collections::BTreeMap;

/// What connections and bridges are called now.
pub(super) struct Names(BTreeMap<String, Named>);

struct Named {
    name: String,
    link: String,
}

fn named(kind: &str, id: &str, name: &str) -> (String, Named) {
    let (name, link) = (name.to_owned(), format!("/{kind}/{id}"));
    (id.to_owned(), Named { name, link })
}

/// What an entry is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) text: String,
    /// Its page, where it has one.
    pub(super) link: Option<String>,
}

impl Names {
    pub(super) fn new(connections: &[Connection], bridges: &[Bridge]) -> Self {
        let connections = connections
            .iter()
            .map(|c| named("connections", c.id.as_str(), &c.name));
        let bridges = bridges.iter().map(|b| named("bridges", b.id.as_str(), &b.name));
        Self(connections.chain(bridges).collect())
    }

    /// What the entry is about. What was removed since is called by its id.
    pub(super) fn subject(&self, entry: &AuditEntry) -> Subject {
        let id = &entry.subject;
        let topic = entry.action.split_once('.').map_or("", |(topic, _)| topic);
        let (text, link) = match (self.0.get(id), topic) {
            (Some(Named { name, link }), _) => (name.clone(), Some(link.clone())),
            (None, "run") => (format!("run {id}"), Some(format!("/runs/{id}"))),
            (None, "plan") => (format!("plan {id}"), Some(format!("/plans/{id}"))),
            (None, "write") => (self.marked(id).unwrap_or_else(|| id.clone()), None),
            (None, _) => (id.clone(), None),
        };
        Subject { text, link }
    }

    /// What a mark stands for: `<connection>/asset/93` is `asset 93 of ninjaone`.
    fn marked(&self, mark: &str) -> Option<String> {
        let (connection, record) = mark.split_once('/')?;
        let (kind, record) = record.split_once('/')?;
        let source = &self.0.get(connection)?.name;
        let kind = RecordKind::named(kind)?.as_str().replace('_', " ");
        Some(format!("{kind} {record} of {source}"))
    }

    /// More about it: what has a name is called by it.
    pub(super) fn details(&self, detail: &Value) -> Vec<(String, String)> {
        let Value::Object(map) = detail else {
            return match detail {
                Value::Null => Vec::new(),
                other => vec![("detail".to_owned(), other.to_string())],
            };
        };
        map.iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| {
                let text = match value {
                    // Beside a name stands which one it was.
                    Value::String(text) if key == "id" => text.clone(),
                    Value::String(text) => self.0.get(text).map_or(text, |named| &named.name).clone(),
                    other => other.to_string(),
                };
                (key.replace('_', " "), text)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        Names(BTreeMap::from([
            named("connections", "c-1", "ninjaone"),
            named("bridges", "b-1", "assets"),
        ]))
    }

    fn said(action: &str, subject: &str) -> (String, Option<String>) {
        let entry = AuditEntry {
            seq: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            actor: "person:anna".to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: Value::Null,
        };
        let Subject { text, link } = names().subject(&entry);
        (text, link)
    }

    #[test]
    fn what_an_entry_is_about_is_called_by_its_name() {
        let linked = |text: &str, link: &str| (text.to_owned(), Some(link.to_owned()));
        let alone = |text: &str| (text.to_owned(), None);
        assert_eq!(said("bridge.paused", "b-1"), linked("assets", "/bridges/b-1"));
        assert_eq!(
            said("connection.state", "c-1"),
            linked("ninjaone", "/connections/c-1")
        );
        assert_eq!(said("run.begun", "r-1"), linked("run r-1", "/runs/r-1"));
        assert_eq!(said("plan.made", "p-1"), linked("plan p-1", "/plans/p-1"));
        assert_eq!(
            said("write.begun", "c-1/asset_type/a/7"),
            alone("asset type a/7 of ninjaone")
        );
        // Of a connection that was removed, and what only looks like a mark.
        assert_eq!(said("write.begun", "c-2/asset/7"), alone("c-2/asset/7"));
        assert_eq!(said("write.begun", "c-1/planet/7"), alone("c-1/planet/7"));
        assert_eq!(said("person.added", "anna"), alone("anna"));
    }

    #[test]
    fn details_are_words_and_names() {
        let said = names().details(&json!({
            "made_by": "a", "bridge": "b-1", "id": "b-1", "person": null, "days": 5
        }));
        let pair = |key: &str, text: &str| (key.to_owned(), text.to_owned());
        assert_eq!(
            said,
            [
                pair("bridge", "assets"),
                pair("days", "5"),
                pair("id", "b-1"),
                pair("made by", "a")
            ]
        );
        assert!(names().details(&Value::Null).is_empty());
    }
}
