//! The records, and every change to them. A change is whole or not at all; what it meets when it is carried out
//! decides, not what there was when it was sent.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::effects::Duplicate;
use super::fields::CustomField;
use super::refusal::Refusal;
use super::schema::{Collection, EXTERNAL_KEY, read_body};

/// The number of a collection's first record.
const FIRST: u64 = 1_000_001;

/// One record of any collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub number: u64,
    /// 1 at creation, one more at every change.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub archived_at: Option<Timestamp>,
    /// Its properties; those without a value are absent.
    pub content: Map<String, Value>,
}

impl Record {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.content.get(key).and_then(Value::as_str)
    }

    /// The record as the API shows it.
    pub fn json(&self, collection: Collection) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(collection.id(self.number)));
        shown.insert("version".to_owned(), json!(self.version));
        for property in collection.properties() {
            let empty = match property.key {
                "custom_fields" => json!({}),
                _ => Value::Null,
            };
            let value = self.content.get(property.key).cloned().unwrap_or(empty);
            shown.insert(property.key.to_owned(), value);
        }
        shown.insert("created_at".to_owned(), json!(self.created_at));
        shown.insert("updated_at".to_owned(), json!(self.updated_at));
        if collection == Collection::Assets {
            shown.insert("archived_at".to_owned(), json!(self.archived_at));
        }
        Value::Object(shown)
    }

    /// Takes over what a body says; null empties.
    fn take_over(&mut self, read: Map<String, Value>) {
        for (key, value) in read {
            match (value, self.content.get_mut(&key)) {
                (Value::Null, _) => {
                    self.content.remove(&key);
                }
                (Value::Object(given), Some(Value::Object(kept))) => kept.extend(given),
                (value, _) => {
                    self.content.insert(key, value);
                }
            }
        }
        if let Some(Value::Object(custom)) = self.content.get_mut("custom_fields") {
            custom.retain(|_, value| !value.is_null());
        }
    }
}

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    records: BTreeMap<Collection, BTreeMap<u64, Record>>,
    pub custom: Vec<CustomField>,
}

impl State {
    pub fn get(&self, collection: Collection, id: &str) -> Option<&Record> {
        self.records.get(&collection)?.get(&collection.number(id)?)
    }

    /// The records of a collection with a number above `after`, ascending.
    pub fn after(&self, collection: Collection, after: u64) -> impl Iterator<Item = &Record> {
        let records = self.records.get(&collection);
        records
            .into_iter()
            .flat_map(move |records| records.range(after.saturating_add(1)..).map(|(_, record)| record))
    }

    /// Creates a record. A second one with the same external key is as welcome as the first.
    pub fn create(
        &mut self,
        collection: Collection,
        body: &Value,
        now: Timestamp,
    ) -> Result<Record, Refusal> {
        let read = read_body(collection, body, true, self)?;
        let records = self.records.get(&collection);
        let number = records
            .and_then(|records| records.last_key_value())
            .map_or(FIRST, |(last, _)| last + 1);
        let mut record = Record {
            number,
            version: 1,
            created_at: now,
            updated_at: now,
            archived_at: None,
            content: Map::new(),
        };
        record.take_over(read);
        self.check_site(collection, &record)?;
        self.records
            .entry(collection)
            .or_default()
            .insert(number, record.clone());
        Ok(record)
    }

    /// Changes an asset, if it has `version` still.
    pub fn change_asset(
        &mut self,
        id: &str,
        body: &Value,
        version: Option<u64>,
        now: Timestamp,
    ) -> Result<Record, Refusal> {
        let mut record = self.asset_at(id, version)?.clone();
        if record.archived_at.is_some() {
            let message = format!("asset {id} is archived; restore it first");
            return Err(Refusal::new(StatusCode::CONFLICT, "archived", message));
        }
        let read = read_body(Collection::Assets, body, false, self)?;
        record.take_over(read);
        self.check_site(Collection::Assets, &record)?;
        Ok(self.put(record, now))
    }

    /// Archives an asset or takes it out of the archive.
    pub fn set_archived(
        &mut self,
        id: &str,
        archived: bool,
        version: Option<u64>,
        now: Timestamp,
    ) -> Result<Record, Refusal> {
        let mut record = self.asset_at(id, version)?.clone();
        if record.archived_at.is_some() == archived {
            let (code, words) = match archived {
                true => ("already_archived", "is archived already"),
                false => ("not_archived", "is not archived"),
            };
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                code,
                format!("asset {id} {words}"),
            ));
        }
        record.archived_at = archived.then_some(now);
        Ok(self.put(record, now))
    }

    fn asset_at(&self, id: &str, version: Option<u64>) -> Result<&Record, Refusal> {
        let record = self
            .get(Collection::Assets, id)
            .ok_or_else(|| Refusal::not_found(&format!("asset {id:?}")))?;
        match version {
            Some(version) if version != record.version => {
                let message = format!("asset {id} has version {}, not {version}", record.version);
                Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "version", message))
            }
            _ => Ok(record),
        }
    }

    fn put(&mut self, mut record: Record, now: Timestamp) -> Record {
        record.version += 1;
        record.updated_at = now;
        let assets = self.records.entry(Collection::Assets).or_default();
        assets.insert(record.number, record.clone());
        record
    }

    /// An asset stands at a site of its own client, or at none.
    fn check_site(&self, collection: Collection, record: &Record) -> Result<(), Refusal> {
        let (Collection::Assets, Some(site)) = (collection, record.text("site_id")) else {
            return Ok(());
        };
        let client = record.text("client_id");
        let of = self
            .get(Collection::Sites, site)
            .and_then(|site| site.text("client_id"));
        if of == client {
            return Ok(());
        }
        let message = format!(
            "site {site} belongs to another client than {}",
            client.unwrap_or("none")
        );
        Err(Refusal::invalid("reference", "site_id", message))
    }

    /// All records by collection, and the fields.
    pub fn dump(&self) -> Value {
        let mut all = Map::new();
        for collection in Collection::ALL {
            let records = self.after(collection, 0).map(|record| record.json(collection));
            all.insert(collection.name().to_owned(), records.collect());
        }
        all.insert("asset_fields".to_owned(), Value::Array(self.fields_json()));
        Value::Object(all)
    }

    /// How many live records of each collection carry each external key.
    pub fn by_external_key(&self) -> BTreeMap<&'static str, BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        for collection in Collection::ALL {
            let by_key: &mut BTreeMap<String, u64> = counts.entry(collection.name()).or_default();
            for record in self
                .after(collection, 0)
                .filter(|record| record.archived_at.is_none())
            {
                if let Some(key) = record.text(EXTERNAL_KEY).filter(|key| !key.is_empty()) {
                    *by_key.entry(key.to_owned()).or_default() += 1;
                }
            }
        }
        counts
    }

    /// External keys that more than one live record carries.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let counts = self.by_external_key();
        let many = counts.into_iter().flat_map(|(collection, by_key)| {
            by_key
                .into_iter()
                .filter(|(_, records)| *records > 1)
                .map(move |(external_key, records)| Duplicate {
                    collection,
                    external_key,
                    records,
                })
        });
        many.collect()
    }
}
