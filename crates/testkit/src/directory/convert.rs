//! Between the vendor's words and ours.

use super::wire;
use connect::{Marker, NewAsset};
use model::operation::Change;
use model::{Asset, AssetType, Client, FieldType, Fields, RecordId, Site, TargetField};
use serde_json::{Map, Value, json};

/// The fields that stand beside `custom_fields`, not in it.
const BUILT_IN: [&str; 6] = [
    "name",
    "serial_number",
    "manufacturer",
    "model",
    "operating_system",
    "notes",
];

/// What an update writes besides fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moves<'a> {
    /// The new client.
    pub client: Option<&'a RecordId>,
    /// The new site.
    pub site: Option<Option<&'a RecordId>>,
    /// The new type.
    pub asset_type: Option<&'a RecordId>,
    /// The new source id.
    pub source_id: Option<Option<&'a str>>,
}

pub fn client(wire: wire::Client) -> Client {
    Client {
        id: wire.id.into(),
        name: wire.name,
        source_id: wire.source_id,
    }
}

pub fn site(wire: wire::Site) -> Site {
    Site {
        id: wire.id.into(),
        client: wire.client_id.into(),
        name: wire.name,
    }
}

pub fn asset_type(wire: wire::AssetType) -> AssetType {
    AssetType {
        id: wire.id.into(),
        name: wire.name,
        group: wire.group,
    }
}

/// A field a rule may write; `None` for a type we have no name for.
pub fn field(wire: wire::AssetField) -> Option<TargetField> {
    Some(TargetField {
        field_type: match wire.field_type.as_str() {
            "text" => FieldType::Text,
            "integer" => FieldType::Integer,
            "decimal" => FieldType::Decimal,
            "boolean" => FieldType::Boolean,
            "date" => FieldType::Date,
            _ => return None,
        },
        key: wire.key,
        label: wire.label,
        custom: !wire.built_in,
    })
}

/// The vendor's name of a type.
pub fn type_name(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Integer => "integer",
        FieldType::Decimal => "decimal",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
    }
}

pub fn asset(wire: wire::Asset) -> Asset {
    let mut fields = Fields::new();
    for (key, value) in wire.rest {
        if BUILT_IN.contains(&key.as_str()) && !value.is_null() {
            fields.insert(key, value);
        }
    }
    fields.extend(wire.custom_fields);
    Asset {
        id: wire.id.into(),
        client: wire.client_id.into(),
        site: wire.site_id.map(RecordId::from),
        asset_type: wire.asset_type_id.map(RecordId::from),
        source_id: wire.source_id,
        fields,
        archived: wire.archived_at,
    }
}

/// Blank values become null: the directory would keep an empty text as one.
fn given(value: &Value) -> Value {
    match is_blank(value) {
        true => Value::Null,
        false => value.clone(),
    }
}

fn put(body: &mut Map<String, Value>, key: &str, value: Value) {
    if BUILT_IN.contains(&key) {
        body.insert(key.to_owned(), value);
    } else {
        let custom = body.entry("custom_fields").or_insert_with(|| json!({}));
        custom[key] = value;
    }
}

/// The body that creates an asset.
pub fn new_asset(marker: &Marker, asset: &NewAsset) -> Value {
    let mut body = Map::new();
    body.insert("external_key".to_owned(), json!(marker.0));
    body.insert("client_id".to_owned(), json!(asset.client));
    body.insert("site_id".to_owned(), json!(asset.site));
    body.insert("asset_type_id".to_owned(), json!(asset.asset_type));
    body.insert("source_id".to_owned(), json!(asset.source_id));
    for (key, value) in asset.fields.iter().filter(|(_, value)| !is_blank(value)) {
        put(&mut body, key, value.clone());
    }
    Value::Object(body)
}

/// The body that changes an asset.
pub fn changed_asset(changes: &[Change], moves: Moves<'_>) -> Value {
    let mut body = Map::new();
    for change in changes {
        put(&mut body, &change.field, given(&change.after));
    }
    let mut refer = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    refer("client_id", moves.client.map(|id| json!(id)));
    refer("site_id", moves.site.map(|id| json!(id)));
    refer("asset_type_id", moves.asset_type.map(|id| json!(id)));
    refer("source_id", moves.source_id.map(|id| json!(id)));
    Value::Object(body)
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Whether two values are the same: blank ones are, and numbers by what they count, not how they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => a == b || (a.as_f64() == b.as_f64() && !(a.is_i64() && b.is_i64())),
        _ => a == b || (is_blank(a) && is_blank(b)),
    }
}

fn value<'a>(asset: &'a Asset, key: &str) -> &'a Value {
    asset.fields.get(key).unwrap_or(&Value::Null)
}

/// What is not as the plan saw it, if anything.
pub fn stale(asset: &Asset, changes: &[Change]) -> Option<String> {
    if asset.archived.is_some() {
        return Some(format!("asset {} is archived", asset.id));
    }
    changes
        .iter()
        .find(|change| !same(value(asset, &change.field), &change.before))
        .map(|change| {
            let now = value(asset, &change.field);
            format!(
                "{} of asset {} is {now} and was {} when planned",
                change.field, asset.id, change.before
            )
        })
}

/// Whether an update has nothing left to do, as when its answer was lost.
pub fn stands_already(asset: &Asset, changes: &[Change], moves: Moves<'_>) -> bool {
    asset.archived.is_none()
        && changes
            .iter()
            .all(|change| same(value(asset, &change.field), &change.after))
        && moves.client.is_none_or(|client| asset.client == *client)
        && moves.site.is_none_or(|site| asset.site.as_ref() == site)
        && moves
            .asset_type
            .is_none_or(|asset_type| asset.asset_type.as_ref() == Some(asset_type))
        && moves
            .source_id
            .is_none_or(|source| asset.source_id.as_deref() == source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_by_what_they_say() {
        for (a, b, expected) in [
            (json!(1), json!(1.0), true),
            (
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992_i64),
                false,
            ),
            (json!(""), json!(null), true),
            (json!("1"), json!(1), false),
            (json!(false), json!(null), false),
            (json!("a"), json!("A"), false),
        ] {
            assert_eq!(same(&a, &b), expected, "{a} {b}");
        }
    }

    #[test]
    fn fields_go_where_the_document_has_them() {
        let change = |field: &str, after| Change {
            field: field.to_owned(),
            before: Value::Null,
            after,
        };
        let changes = [
            change("name", json!("pc")),
            change("rack", json!("")),
            change("u", json!(3)),
        ];
        let moves = Moves {
            site: Some(None),
            ..Moves::default()
        };
        let body = changed_asset(&changes, moves);
        let want = json!({"name": "pc", "custom_fields": {"rack": null, "u": 3}, "site_id": null});
        assert_eq!(body, want);
    }
}
