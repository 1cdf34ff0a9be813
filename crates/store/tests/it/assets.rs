//! Clients and assets of the registry to try things on.

use model::operation::Change;
use model::{Fields, RecordId};
use serde_json::{Value, json};
use store::Store;
use store::registry::{
    AssetFilter, AssetUpdate, NewRegistryAsset, NewRegistryClient, RegistryAsset, UpdateRefused,
};

/// A new client.
pub async fn client(store: &Store, name: &str) -> RecordId {
    let new = NewRegistryClient {
        name: name.to_owned(),
        ..NewRegistryClient::default()
    };
    store.add_registry_clients(&[new]).await.unwrap().remove(0)
}

/// Fields out of pairs.
pub fn fields(pairs: &[(&str, Value)]) -> Fields {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

/// An asset with a name and a serial number.
pub fn new(client: &RecordId, name: &str, serial: &str) -> NewRegistryAsset {
    NewRegistryAsset {
        client: client.clone(),
        site: None,
        asset_type: None,
        source_id: None,
        marker: None,
        fields: fields(&[("name", json!(name)), ("serialNumber", json!(serial))]),
    }
}

/// Adds one asset.
pub async fn add(store: &Store, new: NewRegistryAsset) -> RecordId {
    store
        .add_registry_assets(&[new])
        .await
        .unwrap()
        .remove(0)
        .unwrap()
}

/// One asset as it is stored.
pub async fn asset(store: &Store, id: &RecordId) -> RegistryAsset {
    store.registry_asset(id).await.unwrap().unwrap()
}

/// A change of one field.
pub fn change(field: &str, before: Value, after: Value) -> Change {
    Change {
        field: field.to_owned(),
        before,
        after,
    }
}

/// An update that changes fields only.
pub fn changes(changes: &[Change]) -> AssetUpdate {
    AssetUpdate {
        changes: changes.to_vec(),
        ..AssetUpdate::default()
    }
}

/// Updates one asset.
pub async fn update(store: &Store, id: &RecordId, update: AssetUpdate) -> Result<(), UpdateRefused> {
    store
        .update_registry_assets(&[(id.clone(), update)])
        .await
        .unwrap()
        .remove(0)
}

/// The names of the assets a filter finds.
pub async fn names(store: &Store, filter: AssetFilter) -> Vec<String> {
    let assets = store.registry_assets(&filter).await.unwrap();
    assets
        .into_iter()
        .map(|a| a.asset.fields["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A filter that lets everything through.
pub fn up_to(limit: usize) -> AssetFilter {
    AssetFilter {
        limit,
        ..AssetFilter::default()
    }
}
