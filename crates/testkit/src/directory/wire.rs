//! The vendor's words, as its document has them. What we do not use is left out.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The records.
    pub data: Vec<T>,
    /// What follows.
    pub page: PageEnd,
}

/// What follows a page.
#[derive(Debug, Deserialize)]
pub struct PageEnd {
    /// Where the next page begins.
    pub next_cursor: Option<String>,
    /// Whether there is no next page. A short page proves nothing.
    pub complete: bool,
}

/// Whatever has an id and a key.
#[derive(Debug, Deserialize)]
pub struct AnyRecord {
    /// Its id.
    pub id: String,
    /// Its external key.
    pub external_key: Option<String>,
}

/// A client.
#[derive(Debug, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What another system calls it.
    pub source_id: Option<String>,
}

/// A site.
#[derive(Debug, Deserialize)]
pub struct Site {
    /// Its id.
    pub id: String,
    /// Its client.
    pub client_id: String,
    /// Its name.
    pub name: String,
}

/// An asset type.
#[derive(Debug, Deserialize)]
pub struct AssetType {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The group it is listed under.
    pub group: Option<String>,
}

/// A field of assets.
#[derive(Debug, Deserialize)]
pub struct AssetField {
    /// Its key.
    pub key: String,
    /// What people see.
    pub label: String,
    /// `text`, `integer`, `decimal`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub field_type: String,
    /// Whether it comes with the directory.
    pub built_in: bool,
}

/// An asset.
#[derive(Clone, Debug, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: String,
    /// One more at every change.
    pub version: u64,
    /// Its client.
    pub client_id: String,
    /// Its site.
    pub site_id: Option<String>,
    /// Its type.
    pub asset_type_id: Option<String>,
    /// What another system calls it.
    pub source_id: Option<String>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// Values of custom fields.
    #[serde(default)]
    pub custom_fields: Map<String, Value>,
    /// Everything else, built-in fields among it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The account a key belongs to.
#[derive(Debug, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// `read`, `write`.
    pub permissions: Vec<String>,
    /// Its limits.
    pub limits: Limits,
}

/// An account's limits.
#[derive(Debug, Deserialize)]
pub struct Limits {
    /// Most operations of a batch.
    pub batch: usize,
}

/// A record that was written.
#[derive(Debug, Deserialize)]
pub struct Saved {
    /// Its id.
    pub id: String,
}

/// The answer to a batch.
#[derive(Debug, Deserialize)]
pub struct BatchAnswer {
    /// One for each operation, in their order.
    pub results: Vec<BatchItem>,
}

/// The answer to one operation of a batch.
#[derive(Debug, Deserialize)]
pub struct BatchItem {
    /// As if it had been sent alone.
    pub status: u16,
    /// The asset.
    pub asset: Option<Saved>,
    /// Why not.
    pub error: Option<Problem>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
pub struct Refused {
    /// What is wrong.
    pub error: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Problem {
    /// A word for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Where in the body.
    pub path: Option<String>,
}
