//! Parsers of the directory's bytes, for fuzzing (`fuzz/`) alone.

use super::client::{NotDone, parse};
use super::convert::{self, Moves};
use super::wire::{
    Account, AnyRecord, Asset, AssetField, AssetType, BatchAnswer, Client, Page, Refused, Saved, Site,
};
use connect::http::Answer;
use http::HeaderMap;
use model::operation::Change;
use serde::de::DeserializeOwned;
use serde_json::Value;

const DOING: &str = "fuzzing";

/// A page of each list, the account, and what is said to a write, a batch and a request that is refused. An answer to a
/// write that nobody can read leaves open what was done.
pub fn answers(bytes: &[u8]) {
    let answer = Answer {
        status: 200,
        headers: HeaderMap::new(),
        body: bytes.to_vec().into(),
    };
    let _ = answer.json::<Account>(DOING);
    let _ = answer.json::<Refused>(DOING);
    for unread in [
        parse::<Saved>(DOING, &answer).err(),
        parse::<BatchAnswer>(DOING, &answer).err(),
    ] {
        assert!(
            matches!(unread, None | Some(NotDone::Unknown(_))),
            "it may have been carried out: {unread:?}"
        );
    }
    let _ = page::<AnyRecord>(&answer);
    for wire in page::<Client>(&answer) {
        let _ = convert::client(wire);
    }
    for wire in page::<Site>(&answer) {
        let _ = convert::site(wire);
    }
    for wire in page::<AssetType>(&answer) {
        let _ = convert::asset_type(wire);
    }
    for wire in page::<AssetField>(&answer) {
        let word = wire.field_type.clone();
        if let Some(field) = convert::field(wire) {
            assert_eq!(convert::type_name(field.field_type), word);
        }
    }
    for wire in page::<Asset>(&answer) {
        asset(wire);
    }
}

fn page<T: DeserializeOwned>(answer: &Answer) -> Vec<T> {
    answer
        .json::<Page<T>>(DOING)
        .map_or_else(|_| Vec::new(), |page| page.data)
}

/// An asset that was read stands as it was read, and each of its fields can be written where it belongs.
fn asset(wire: Asset) {
    let (id, client) = (wire.id.clone(), wire.client_id.clone());
    let asset = convert::asset(wire);
    assert_eq!((&asset.id.0, &asset.client.0), (&id, &client));
    let changes: Vec<Change> = asset
        .fields
        .iter()
        .map(|(field, value)| Change {
            field: field.clone(),
            before: value.clone(),
            after: value.clone(),
        })
        .collect();
    let archived = asset.archived.is_some();
    let stands = convert::stands_already(&asset, &changes, Moves::default());
    assert_eq!(stands, !archived, "it is as it is: {asset:?}");
    assert_eq!(convert::stale(&asset, &changes).is_some(), archived, "{asset:?}");
    let body = convert::changed_asset(&changes, Moves::default());
    let count = |of: Option<&Value>| of.and_then(Value::as_object).map_or(0, |fields| fields.len());
    let custom = body.get("custom_fields");
    let beside = count(Some(&body)) - usize::from(custom.is_some());
    assert_eq!(beside + count(custom), changes.len(), "each field once: {body}");
}
