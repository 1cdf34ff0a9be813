//! What the clauses stand on: short ways to write and read, with failures as sentences.

use super::Trial;
use crate::destination::{
    AssetScope, Capabilities, Destination, Marker, NewAsset, Write, WriteError, WriteResult,
};
use model::operation::Change;
use model::{Asset, FieldType, Fields, RecordId, RecordKind, TargetField};
use serde_json::Value;
use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// One clause's workplace.
pub(super) struct Bench {
    pub(super) to: Arc<dyn Destination>,
    pub(super) can: Capabilities,
    /// Keys of two text fields.
    pub(super) first: String,
    pub(super) second: String,
    required: Fields,
    prefix: String,
    used: Cell<u32>,
}

/// A sentence when `what` is false.
pub(super) fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// A sentence when the two differ.
pub(super) fn same<T: PartialEq + Debug>(what: &str, expected: &T, got: &T) -> Result<(), String> {
    must(expected == got, || {
        format!("{what}: expected {expected:?}, got {got:?}")
    })
}

/// Whether a value is blank: null or the empty text.
pub(super) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// A field's value; blank and absent ones are null.
pub(super) fn value_of(asset: &Asset, key: &str) -> Value {
    asset
        .fields
        .get(key)
        .filter(|value| !is_blank(value))
        .cloned()
        .unwrap_or(Value::Null)
}

pub(super) fn change(field: &str, before: impl Into<Value>, after: impl Into<Value>) -> Change {
    Change {
        field: field.to_owned(),
        before: before.into(),
        after: after.into(),
    }
}

/// An update of fields alone.
pub(super) fn update(id: &RecordId, changes: Vec<Change>) -> Write {
    Write::UpdateAsset {
        id: id.clone(),
        changes,
        client: None,
        site: None,
        asset_type: None,
        source_id: None,
    }
}

/// What the engine may take for "nothing was written".
pub(super) fn nothing_written(what: &str, result: &WriteResult) -> Result<(), String> {
    match result {
        Err(WriteError::Refused(_) | WriteError::Changed(_)) => Ok(()),
        other => Err(format!("{what}: expected a refusal, got {other:?}")),
    }
}

impl Bench {
    pub(super) async fn new(to: Arc<dyn Destination>, clause: &str, trial: &Trial) -> Result<Self, String> {
        let can = to.capabilities();
        let (first, second) = match &trial.text_fields {
            Some([first, second]) => (first.clone(), second.clone()),
            None => two_text_fields(to.as_ref(), &trial.required).await?,
        };
        let prefix = format!("contract {clause}{}", trial.suffix);
        Ok(Self {
            to,
            can,
            first,
            second,
            required: trial.required.clone(),
            prefix,
            used: Cell::new(0),
        })
    }

    /// A mark used nowhere else.
    pub(super) fn marker(&self) -> Marker {
        self.used.set(self.used.get() + 1);
        Marker(format!("{}/{}", self.prefix, self.used.get()))
    }

    /// A name used nowhere else.
    pub(super) fn name(&self, text: &str) -> String {
        self.used.set(self.used.get() + 1);
        format!("{text} {} {}", self.prefix, self.used.get())
    }

    pub(super) async fn write_one(&self, write: Write) -> Result<WriteResult, String> {
        let mut results = self.to.write(std::slice::from_ref(&write), soon()).await;
        must(results.len() == 1, || {
            format!("one write got {} answers", results.len())
        })?;
        results.pop().ok_or_else(String::new)
    }

    /// Carries out a write that must succeed.
    pub(super) async fn done(&self, write: Write) -> Result<RecordId, String> {
        let what = format!("{write:?}");
        let written = self.write_one(write).await?;
        written
            .map(|written| written.id)
            .map_err(|error| format!("{what}: {error:?}"))
    }

    /// A client to work with: a new one, or an existing one where none can be created.
    pub(super) async fn client(&self) -> Result<RecordId, String> {
        if self.can.create_clients {
            return self
                .done(self.create_client(self.marker(), &self.name("Client")))
                .await;
        }
        let clients = self
            .to
            .clients()
            .await
            .map_err(|e| format!("listing clients: {e}"))?;
        let first = clients.into_iter().next();
        first
            .map(|c| c.id)
            .ok_or_else(|| "there is no client, and none can be created".to_owned())
    }

    /// A new asset type, where there are such.
    pub(super) async fn asset_type(&self, name: &str) -> Result<Option<RecordId>, String> {
        if !self.can.asset_types {
            return Ok(None);
        }
        let write = Write::CreateAssetType {
            marker: self.marker(),
            name: self.name(name),
            group: None,
        };
        self.done(write).await.map(Some)
    }

    pub(super) fn create_client(&self, marker: Marker, name: &str) -> Write {
        Write::CreateClient {
            marker,
            name: name.to_owned(),
            source_id: format!("org-{}", self.used.get()),
        }
    }

    /// A create write for an asset with these fields and those the destination wants.
    pub(super) fn create_asset(&self, marker: Marker, client: &RecordId, fields: &[(&str, Value)]) -> Write {
        let mut all = self.required.clone();
        all.extend(
            fields
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        let source_id = format!("device-{}", self.used.get());
        let asset = NewAsset {
            client: client.clone(),
            site: None,
            asset_type: None,
            source_id,
            fields: all,
        };
        Write::CreateAsset { marker, asset }
    }

    /// An asset that was created just now.
    pub(super) async fn asset(
        &self,
        client: &RecordId,
        fields: &[(&str, Value)],
    ) -> Result<RecordId, String> {
        self.done(self.create_asset(self.marker(), client, fields)).await
    }

    /// The assets of a scope.
    pub(super) async fn read(&self, scope: AssetScope) -> Result<Vec<Asset>, String> {
        let what = format!("reading assets of {scope:?}");
        // A channel of one page: a destination must not count on more.
        let (pages, mut received) = mpsc::channel(1);
        let collect = async {
            let mut all = Vec::new();
            while let Some(page) = received.recv().await {
                all.extend(page);
            }
            all
        };
        let (ended, mut assets) = tokio::join!(self.to.assets(scope, pages), collect);
        ended.map_err(|error| format!("{what}: {error}"))?;
        assets.sort_by(|a, b| a.id.cmp(&b.id));
        let twice = assets.windows(2).find(|pair| pair[0].id == pair[1].id);
        must(twice.is_none(), || {
            format!("{what}: an asset came twice: {:?}", twice.map(|pair| &pair[0].id))
        })?;
        Ok(assets)
    }

    /// One asset as it stands now.
    pub(super) async fn read_one(&self, id: &RecordId) -> Result<Asset, String> {
        let mut assets = self.read(AssetScope::Ids(vec![id.clone()])).await?;
        match (assets.pop(), assets.is_empty()) {
            (Some(asset), true) if asset.id == *id => Ok(asset),
            (got, _) => Err(format!(
                "reading asset {id} by its id: got {got:?} and {} others",
                assets.len()
            )),
        }
    }

    pub(super) async fn find(&self, kind: RecordKind, marker: &Marker) -> Result<Vec<RecordId>, String> {
        let found = self.to.find(kind, marker).await;
        let mut found =
            found.map_err(|error| format!("looking for a {} by its mark: {error}", kind.as_str()))?;
        found.sort();
        Ok(found)
    }

    /// An id no record has, of the shape the destination uses.
    pub(super) fn no_such(&self, like: &RecordId) -> RecordId {
        match like.0.parse::<u64>() {
            Ok(_) => RecordId::from("999999999"),
            // The last digits of a UUID, or of whatever it is, turned around.
            Err(_) => {
                let turned = |c: char| {
                    if c == '0' {
                        '1'
                    } else if c.is_ascii_hexdigit() {
                        '0'
                    } else {
                        c
                    }
                };
                let keep = like.0.chars().count().saturating_sub(6);
                RecordId(
                    like.0
                        .chars()
                        .enumerate()
                        .map(|(n, c)| if n < keep { c } else { turned(c) })
                        .collect(),
                )
            }
        }
    }
}

async fn two_text_fields(to: &dyn Destination, required: &Fields) -> Result<(String, String), String> {
    let fields = to
        .target_fields()
        .await
        .map_err(|error| format!("listing target fields: {error}"))?;
    let mut keys: Vec<String> = fields
        .into_iter()
        .filter(|field| field.field_type == FieldType::Text && !required.contains_key(&field.key))
        .map(|field| field.key)
        .collect();
    for label in ["Contract first", "Contract second"].iter().skip(keys.len()) {
        let field = TargetField {
            key: label.to_lowercase().replace(' ', "_"),
            label: (*label).to_owned(),
            field_type: FieldType::Text,
            custom: true,
        };
        to.create_field(&field)
            .await
            .map_err(|e| format!("there are too few text fields to write: {e}"))?;
        keys.push(field.key);
    }
    let second = keys.swap_remove(1);
    Ok((keys.swap_remove(0), second))
}

/// A time by which every write of a clause is on its way.
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
