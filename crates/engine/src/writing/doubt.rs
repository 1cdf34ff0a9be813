//! Finding out how a write without a known outcome turned out.

use super::protocol::{Resolution, resolve};
use crate::planning::collect_assets;
use connect::{AssetScope, Destination, Marker, Write};
use model::operation::Change;
use model::{Asset, Outcome, RecordId, RecordKind};
use serde_json::Value;

/// How a write in doubt turned out; `None` when it never arrived and is sent again.
pub(super) async fn find_out(
    destination: &dyn Destination,
    kind: RecordKind,
    marker: &Marker,
    write: &Write,
) -> Option<Outcome> {
    match write {
        Write::UpdateAsset { id, .. } => stands_already(destination, write)
            .await
            .then(|| Outcome::Done { record: id.clone() }),
        // Done again they change nothing.
        Write::ArchiveAsset { .. } | Write::RestoreAsset { .. } => None,
        Write::CreateClient { .. }
        | Write::CreateSite { .. }
        | Write::CreateAssetType { .. }
        | Write::CreateAsset { .. } => match destination.find(kind, marker).await.map(resolve) {
            Ok(Resolution::Send) => None,
            Ok(Resolution::Adopt(record)) => Some(Outcome::Done { record }),
            // Unknown and not failed: it stays claimed, so that nobody sends a third.
            Ok(Resolution::Several(several)) => Some(Outcome::Unknown {
                message: format!("{several} records carry our mark {marker}; a person has to merge them"),
            }),
            Err(error) => Some(Outcome::Unknown {
                message: format!("an earlier attempt is in doubt and could not be looked up: {error}"),
            }),
        },
    }
}

/// Whether what an earlier attempt created is another record than the one that is to be linked now; `None` when not.
pub(super) async fn another(
    destination: &dyn Destination,
    kind: RecordKind,
    marker: &Marker,
    linking: &RecordId,
) -> Option<Outcome> {
    match destination.find(kind, marker).await {
        Ok(found) => found
            .into_iter()
            .find(|record| record != linking)
            .map(|other| Outcome::Unknown {
                message: format!(
                    "record {other} carries our mark {marker}, and {linking} was to be linked; a person has to merge them"
                ),
            }),
        Err(error) => Some(Outcome::Unknown {
            message: format!("an earlier attempt is in doubt and could not be looked up: {error}"),
        }),
    }
}

/// These assets as they stand; none of them when they cannot be read.
pub(super) async fn assets_by_id(destination: &dyn Destination, ids: Vec<RecordId>) -> Vec<Asset> {
    collect_assets(destination, AssetScope::Ids(ids))
        .await
        .unwrap_or_default()
}

/// Whether an update whose outcome is not known was carried out: everything it writes stands.
async fn stands_already(destination: &dyn Destination, write: &Write) -> bool {
    let Write::UpdateAsset {
        id,
        changes,
        client,
        site,
        asset_type,
        source_id,
    } = write
    else {
        return false;
    };
    let Some(asset) = assets_by_id(destination, vec![id.clone()]).await.pop() else {
        return false;
    };
    let stands = |c: &Change| asset.fields.get(&c.field).unwrap_or(&Value::Null) == &c.after;
    changes.iter().all(stands)
        && client.as_ref().is_none_or(|client| client == &asset.client)
        && site.as_ref().is_none_or(|site| site == &asset.site)
        && asset_type
            .as_ref()
            .is_none_or(|of| asset.asset_type.as_ref() == Some(of))
        && source_id.as_ref().is_none_or(|id| &asset.source_id == id)
}
