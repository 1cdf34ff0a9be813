//! Between Passportal's documents and our assets. Pure.
//!
//! A field of an asset document goes by its position, and by its name in the vendor's own example; each filled one also
//! says its name. So a field is looked for by the name it says, and by its key where it says none.

use super::decode;
use super::token::hex;
use super::wire::{Document, Id};
use connect::{Marker, NewAsset};
use model::operation::Change;
use model::{Asset, FieldType, Fields, RecordId, TargetField};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// A field of the asset template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its key in rules.
    pub key: &'static str,
    /// What Passportal calls it.
    pub label: &'static str,
    /// Where it stands.
    pub position: u8,
}

const fn field(key: &'static str, label: &'static str, position: u8) -> Field {
    Field { key, label, position }
}

/// The fields a rule may write: texts whose position is known.
pub const FIELDS: [Field; 11] = [
    field("name", "Name", 0),
    field("assetType", "Type", 1),
    field("status", "Status", 2),
    field("serialNumber", "Serial Number", 8),
    field("hostname", "Hostname", 19),
    field("ipAddress", "Primary IP", 20),
    field("macAddress", "MAC Address", 21),
    field("defaultGateway", "Default Gateway", 22),
    field("os", "Operating System", 24),
    field("portalUrl", "Portal URL", 29),
    field("lastUser", "Last Logged in User", 33),
];

/// Fields that link to another document: read, and never written.
const LINKS: [Field; 2] = [
    field("manufacturer", "Manufacturer", 10),
    field("locationName", "Location", 13),
];

/// The id another system has for the device, and which system that is.
const ID: Field = field("", "ID", 31);
const SYSTEM: Field = field("", "Integration Type", 32);

/// What we write as the system. Passportal's own integration writes `NinjaRMM`.
const OURS: &str = "NinjaOne";

/// What a rule may write.
pub fn target_fields() -> Vec<TargetField> {
    let target = |field: &Field| TargetField {
        key: field.key.to_owned(),
        label: field.label.to_owned(),
        field_type: FieldType::Text,
        custom: false,
    };
    FIELDS.iter().map(target).collect()
}

/// What tells a mark from all others, short enough to stand in a field.
pub fn fingerprint(marker: &Marker) -> String {
    hex(&Sha256::digest(marker.0.as_bytes())[..8])
}

/// The system, with the mark: the id pair alone is the same for two tenants of NinjaOne.
fn system(mark: &str) -> String {
    format!("{OURS} (rmmbridge {mark})")
}

/// Whether the id beside it is one of NinjaOne's: as Passportal's own integration writes it, and as we do.
fn is_ninja(system: &str) -> bool {
    system.to_lowercase().starts_with("ninja")
}

fn slug(label: &str) -> String {
    label.to_lowercase().replace(' ', "_")
}

/// The name a filled field says it has.
fn said_name(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}

/// Where a field is in a document, filled or not.
fn key_of(details: &Map<String, Value>, field: Field) -> Option<&str> {
    let by_name = details
        .iter()
        .find(|(key, entry)| *key != "name" && said_name(entry) == Some(field.label));
    if let Some((key, _)) = by_name {
        return Some(key);
    }
    let (position, slug) = (field.position.to_string(), slug(field.label));
    // A filled field of another name is another field.
    let free = |(key, entry): &(&String, &Value)| {
        (**key == position || **key == slug) && said_name(entry).is_none() && *key != "name"
    };
    details.iter().find(free).map(|(key, _)| key.as_str())
}

fn text(entry: &Value) -> Option<&str> {
    let text = entry
        .as_str()
        .or_else(|| entry.get("value")?.get("text")?.as_str())?;
    (!text.is_empty()).then_some(text)
}

fn text_at(details: &Map<String, Value>, field: Field) -> Option<&str> {
    text(details.get(key_of(details, field)?)?)
}

/// The document's own name stands beside its fields, too.
fn name(details: &Map<String, Value>) -> Option<&str> {
    text_at(details, FIELDS[0]).or_else(|| text(details.get("name")?))
}

/// Whether the fields go by their names. Their key for the id is that of the document itself, so they cannot be written.
pub fn goes_by_names(details: &Map<String, Value>) -> bool {
    !details.contains_key("0") && details.contains_key("serial_number")
}

/// A field that stands where another is expected: the document has another template.
pub fn stranger(details: &Map<String, Value>) -> Option<String> {
    if goes_by_names(details) {
        return None;
    }
    FIELDS.iter().chain([&ID, &SYSTEM]).find_map(|field| {
        let said = said_name(details.get(&field.position.to_string())?)?;
        (said != field.label).then(|| {
            format!(
                "field {} is called {said:?} there, not {:?}",
                field.position, field.label
            )
        })
    })
}

/// Our mark on a document, where it has one.
pub fn mark(details: &Map<String, Value>) -> Option<String> {
    let system = text_at(details, SYSTEM)?;
    let (_, mark) = system.split_once("(rmmbridge ")?;
    let mark = mark.strip_suffix(')')?;
    (mark.len() == 16 && mark.bytes().all(|b| b.is_ascii_hexdigit())).then(|| mark.to_owned())
}

/// A document as an asset.
pub fn asset(row: &Document, details: &Map<String, Value>) -> Asset {
    let mut fields = Fields::new();
    for field in FIELDS.iter().chain(&LINKS).skip(1) {
        if let Some(text) = text_at(details, *field) {
            fields.insert(field.key.to_owned(), json!(text));
        }
    }
    let label = row.label.as_deref().map(decode::html);
    if let Some(name) = name(details).map(str::to_owned).or(label) {
        fields.insert("name".to_owned(), json!(name));
    }
    // Other systems' ids are other numbers.
    let source_id = text_at(details, ID).filter(|_| text_at(details, SYSTEM).is_some_and(is_ninja));
    Asset {
        id: record(row.id),
        client: record(row.client_id),
        site: None,
        asset_type: None,
        source_id: source_id.map(str::to_owned),
        fields,
        archived: None,
    }
}

/// Our id of a record.
pub fn record(id: Id) -> RecordId {
    RecordId(id.0.to_string())
}

/// Passportal's id of a record; `None` for one that can be none of its.
pub fn id(record: &RecordId) -> Option<Id> {
    record.0.parse().ok().map(Id)
}

fn given(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        other => Some(other.to_string()),
    }
}

fn property(field: Field, text: &str) -> Value {
    json!({ "name": field.label, "description": "", "value": { "type": "string", "text": text } })
}

/// The title of a new document.
pub fn title(asset: &NewAsset) -> String {
    let name = asset.fields.get("name").and_then(given);
    name.filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| format!("Device {}", asset.source_id))
}

/// The body that creates a document.
pub fn new_document(template: &str, client: Id, mark: &str, asset: &NewAsset) -> Value {
    let mut body = json!({ "templateUid": template, "clientId": client, "title": title(asset) });
    for field in FIELDS {
        if let Some(text) = asset.fields.get(field.key).and_then(given) {
            body[field.position.to_string()] = property(field, &text);
        }
    }
    body[ID.position.to_string()] = property(ID, &asset.source_id);
    body[SYSTEM.position.to_string()] = property(SYSTEM, &system(mark));
    body
}

fn is_blank(value: &Value) -> bool {
    given(value).is_none()
}

/// What of the changes does not stand as the plan saw it.
pub fn stale(asset: &Asset, changes: &[Change]) -> Option<String> {
    changes.iter().find_map(|change| {
        let now = asset.fields.get(&change.field).unwrap_or(&Value::Null);
        let stands = *now == change.before || (is_blank(now) && is_blank(&change.before));
        (!stands).then(|| format!("{} is {now} and not {} any more", change.field, change.before))
    })
}

/// The body that replaces a document: everything that stands, with these changes. `source_id` is the device's id, set when
/// a document is adopted and taken away when that is undone; where the document has another system's id, that one stays.
///
/// # Errors
/// A field that no rule may write.
pub fn replaced(
    details: &Map<String, Value>,
    changes: &[Change],
    source_id: Option<Option<&str>>,
) -> Result<Map<String, Value>, String> {
    let mut body: Map<String, Value> = details.clone();
    body.retain(|_, entry| !entry.is_null());
    let mut put = |field: Field, text: Option<String>| {
        let key = key_of(details, field).map_or_else(|| field.position.to_string(), str::to_owned);
        match text {
            Some(text) => {
                let described = details
                    .get(&key)
                    .and_then(|entry| entry.get("description"))
                    .cloned();
                let mut entry = property(field, &text);
                if let Some(described) = described {
                    entry["description"] = described;
                }
                body.insert(key, entry);
            }
            None => drop(body.remove(&key)),
        }
    };
    let mut renamed = None;
    for change in changes {
        let field = FIELDS.iter().find(|field| field.key == change.field);
        let field = field.ok_or_else(|| format!("{} is no field that can be written", change.field))?;
        let text = given(&change.after);
        if field.position == 0 {
            renamed.clone_from(&text);
        }
        put(*field, text);
    }
    // What another system goes by is left to it: the link is ours alone then.
    let system = text_at(details, SYSTEM);
    let free = system.is_none() && text_at(details, ID).is_none();
    match source_id {
        Some(None) if system.is_some_and(is_ninja) => {
            put(ID, None);
            // What its own integration wrote, or a mark, was there before.
            if system == Some(OURS) {
                put(SYSTEM, None);
            }
        }
        Some(Some(id)) if free || system.is_some_and(is_ninja) => {
            put(ID, Some(id.to_owned()));
            if free {
                put(SYSTEM, Some(OURS.to_owned()));
            }
        }
        _ => {}
    }
    // The document's own name stands beside its fields.
    if let (Some(name), Some(own)) = (renamed, body.get_mut("name")) {
        match own.get_mut("value").and_then(|value| value.get_mut("text")) {
            Some(text) => *text = json!(name),
            None => *own = json!(name),
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
