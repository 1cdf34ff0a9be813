//! What stands in the destination, whichever that is, in the words of the reference directory's dump.

use crate::hub::Hub;
use crate::scene::World;
use connect::Marker;
use model::{RecordId, RecordKind, SourceId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::registry::AssetFilter;

/// Every record, by collection: `clients`, `sites`, `asset_types`, `assets`.
///
/// # Errors
/// When the store fails.
pub async fn records(hub: &Hub, world: &World) -> anyhow::Result<Value> {
    match hub.to_registry {
        true => of_registry(hub).await,
        false => Ok(world.directory.records()),
    }
}

/// The registry keeps a mark once, and shows it to nobody. All that stands in it is ours, so each record has to be linked, and
/// is given the mark of what is linked to it; one that nothing is linked to, that of what was taken back, or one of nothing.
async fn of_registry(hub: &Hub) -> anyhow::Result<Value> {
    let mut marks: BTreeMap<(RecordKind, RecordId), String> = BTreeMap::new();
    for bridge in &hub.bridges {
        let mark = |kind, source: &SourceId| Marker::new(&bridge.source, kind, source).0;
        for ((kind, source), undone) in hub.store.undone(&bridge.id).await? {
            marks.insert((kind, undone.record), mark(kind, &source));
        }
        for kind in [
            RecordKind::Client,
            RecordKind::Site,
            RecordKind::AssetType,
            RecordKind::Asset,
        ] {
            for (source, record) in hub.store.links(&bridge.id, kind).await? {
                marks.insert((kind, record), mark(kind, &source));
            }
        }
    }
    let nothing = hub.bridges.first().map(|bridge| &bridge.source);
    let known = |kind, id: &RecordId| match (marks.get(&(kind, id.clone())), nothing) {
        (Some(mark), _) => json!(mark),
        (None, Some(source)) => json!(Marker::new(source, kind, &SourceId(format!("nothing, on {id}"))).0),
        (None, None) => Value::Null,
    };
    let clients = hub.store.registry_clients().await?;
    let ids: Vec<RecordId> = clients.iter().map(|client| client.id.clone()).collect();
    let sites = hub.store.registry_sites(&ids).await?;
    let types = hub.store.registry_asset_types().await?;
    let filter = AssetFilter {
        archived: true,
        limit: usize::try_from(i32::MAX)?,
        ..AssetFilter::default()
    };
    let assets = hub.store.registry_assets(&filter).await?;
    let named = |kind, id: &RecordId| json!({ "id": id, "external_key": known(kind, id) });
    let assets = assets.into_iter().map(|listed| {
        let asset = listed.asset;
        let mut all: Map<String, Value> = asset.fields.into_iter().collect();
        // The directory's name for the one field that is called otherwise here.
        let serial = all.get("serialNumber").cloned().unwrap_or_default();
        all.insert("serial_number".to_owned(), serial);
        all.insert("id".to_owned(), json!(asset.id));
        all.insert("client_id".to_owned(), json!(asset.client));
        all.insert("archived_at".to_owned(), json!(asset.archived));
        all.insert("external_key".to_owned(), known(RecordKind::Asset, &asset.id));
        Value::Object(all)
    });
    Ok(json!({
        "clients": clients.iter().map(|c| named(RecordKind::Client, &c.id)).collect::<Vec<_>>(),
        "sites": sites.iter().map(|s| named(RecordKind::Site, &s.id)).collect::<Vec<_>>(),
        "asset_types": types.iter().map(|t| named(RecordKind::AssetType, &t.id)).collect::<Vec<_>>(),
        "assets": assets.collect::<Vec<_>>(),
    }))
}
