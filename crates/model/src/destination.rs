//! What a destination holds: clients, sites, asset types and assets.

use crate::id::RecordId;
use crate::operation::{ClientTarget, SiteTarget, TypeTarget};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Field values by field key. A value is a JSON scalar; a blank one is missing, null or the empty text.
pub type Fields = BTreeMap<String, Value>;

/// The kinds of record a bridge can link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Organization ↔ client.
    Client,
    /// Location ↔ site.
    Site,
    /// Device role ↔ asset type.
    AssetType,
    /// Device ↔ asset.
    Asset,
}

impl RecordKind {
    /// The kind of that stored name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Client, Self::Site, Self::AssetType, Self::Asset]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Site => "site",
            Self::AssetType => "asset_type",
            Self::Asset => "asset",
        }
    }
}

/// A client: what NinjaOne calls an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The destination's id.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// The source's organization id, where the destination keeps one (e.g. HaloPSA `ninjarmmid`).
    pub source_id: Option<String>,
}

/// A site of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The destination's id.
    pub id: RecordId,
    /// The client it belongs to.
    pub client: RecordId,
    /// Its name.
    pub name: String,
}

/// An asset type, e.g. "Windows Server".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetType {
    /// The destination's id.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// The group it is listed under.
    pub group: Option<String>,
}

/// An asset as the destination holds it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// The destination's id.
    pub id: RecordId,
    /// The client it belongs to.
    pub client: RecordId,
    /// The site it stands at.
    pub site: Option<RecordId>,
    /// Its type.
    pub asset_type: Option<RecordId>,
    /// The source's device id, where the destination keeps one.
    pub source_id: Option<String>,
    /// All its field values, built-in and custom, by field key.
    pub fields: Fields,
    /// When it was archived; archived assets are never adopted.
    pub archived: Option<Timestamp>,
}

/// The type of a destination's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// True or false.
    Boolean,
    /// A day, `yyyy-mm-dd`.
    Date,
}

/// A field of the destination's assets that a rule can write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetField {
    /// The key used in rules and in `Fields`.
    pub key: String,
    /// What people see.
    pub label: String,
    /// Its type.
    pub field_type: FieldType,
    /// Whether somebody added it, as opposed to built in.
    pub custom: bool,
}

/// A client to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDraft {
    /// Its name.
    pub name: String,
}

/// A site to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteDraft {
    /// The client it will belong to.
    pub client: ClientTarget,
    /// Its name.
    pub name: String,
}

/// An asset type to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetTypeDraft {
    /// Its name.
    pub name: String,
    /// The group it will be listed under; created when missing.
    pub group: Option<String>,
}

/// An asset to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetDraft {
    /// The client it will belong to.
    pub client: ClientTarget,
    /// The site it will stand at.
    pub site: Option<SiteTarget>,
    /// Its type.
    pub asset_type: Option<TypeTarget>,
    /// Its fields; blank ones are left out.
    pub fields: Fields,
}
