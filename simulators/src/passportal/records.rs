//! What an account holds: clients, and their documents.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::template;

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Property {
    /// What kind of value: `string`, or that of a link.
    pub kind: String,
    /// The value.
    pub text: String,
    /// The document a link leads to.
    pub id: Option<u64>,
    /// What came with it.
    pub description: String,
    /// What else a link has.
    pub attribute: Vec<Value>,
}

impl Property {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self {
            kind: "string".to_owned(),
            text: text.to_owned(),
            id: None,
            description: String::new(),
            attribute: Vec::new(),
        }
    }
}

/// A document of an asset.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Its id.
    pub id: u64,
    /// Its client.
    pub client: u64,
    /// What lists show.
    pub label: String,
    /// Its fields by position; blank ones are left out.
    pub fields: BTreeMap<u8, Property>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// How often it was replaced.
    pub replaced: u32,
}

impl Document {
    /// The text at a position.
    pub fn text(&self, position: u8) -> Option<&str> {
        Some(self.fields.get(&position)?.text.as_str())
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub clients: BTreeMap<u64, String>,
    pub documents: BTreeMap<u64, Document>,
    next: u64,
}

impl State {
    fn id(&mut self) -> u64 {
        self.next += 1;
        100_000 + self.next
    }

    pub fn add_client(&mut self, name: &str) -> u64 {
        let id = self.id();
        self.clients.insert(id, name.to_owned());
        id
    }

    pub fn add(
        &mut self,
        client: u64,
        label: &str,
        fields: BTreeMap<u8, Property>,
        now: Timestamp,
    ) -> Result<u64, String> {
        if !self.clients.contains_key(&client) {
            return Err("invalid clientId".to_owned());
        }
        let id = self.id();
        let document = Document {
            id,
            client,
            label: label.to_owned(),
            fields,
            tags: Vec::new(),
            created: now,
            replaced: 0,
        };
        self.documents.insert(id, document);
        Ok(id)
    }

    pub fn add_asset(
        &mut self,
        client: u64,
        title: &str,
        fields: &[(u8, &str)],
        now: Timestamp,
    ) -> Result<u64, String> {
        let mut all: BTreeMap<u8, Property> = fields
            .iter()
            .map(|(at, text)| (*at, Property::text(text)))
            .collect();
        for (at, kind) in template::LINKS {
            if let Some(property) = all.get_mut(&at) {
                property.kind = kind.to_owned();
                property.id = Some(9000 + u64::from(at));
                property.attribute =
                    vec![json!({ "text": property.text, "id": 9000 + u64::from(at), "type": kind })];
            }
        }
        all.entry(0).or_insert_with(|| Property::text(title));
        self.add(client, title, all, now)
    }

    pub fn edit(&mut self, document: u64, position: u8, text: &str) -> bool {
        let Some(document) = self.documents.get_mut(&document) else {
            return false;
        };
        if usize::from(position) >= template::FIELDS.len() {
            return false;
        }
        document.fields.insert(position, Property::text(text));
        true
    }

    pub fn dump(&self) -> Value {
        let clients: Vec<Value> = self
            .clients
            .iter()
            .map(|(id, name)| json!({ "id": id, "name": name }))
            .collect();
        json!({ "clients": clients, "documents": self.documents.values().collect::<Vec<_>>() })
    }
}
