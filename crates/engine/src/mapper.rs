//! From stored devices to projections: those that changed are mapped, the others are as stored.

use crate::engine::Engine;
use crate::error::Result;
use crate::mapping::BridgeMapping;
use connect::Source;
use model::{Bridge, Connection, DeviceProjection, SourceId};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Store, StoredProjection};

/// Turns stored devices into projections, keeping those it makes.
pub(crate) struct Mapper {
    store: Store,
    pub(crate) bridge: Bridge,
    pub(crate) connection: Connection,
    source: Arc<dyn Source>,
    pub(crate) mapping: BridgeMapping,
}

impl Engine {
    pub(crate) async fn mapper(&self, bridge: &Bridge) -> Result<Mapper> {
        let (connection, source) = self.open_source(&bridge.source).await?;
        let mapping = self.compiled_mapping(bridge).await?;
        Ok(Mapper {
            store: self.store.clone(),
            bridge: bridge.clone(),
            connection,
            source,
            mapping,
        })
    }
}

impl Mapper {
    /// The devices of one organization through the mapping; those that changed are mapped, the others are as stored.
    pub(crate) async fn devices(&self, organization: &SourceId) -> Result<Vec<DeviceProjection>> {
        let (bridge, source) = (&self.bridge.id, &self.bridge.source);
        let digest = self.mapping.digest.as_slice();
        let rows = self
            .store
            .devices_for_mapping(source, organization, bridge, digest)
            .await?;
        let stored = self
            .store
            .projections(bridge, source, organization, digest)
            .await?;
        let mut stored: BTreeMap<SourceId, DeviceProjection> =
            stored.into_iter().map(|p| (p.id.clone(), p)).collect();
        let mut made = Vec::new();
        let mut devices = Vec::with_capacity(rows.len());
        for row in rows {
            let projection = match stored.remove(&row.id) {
                Some(projection) => projection,
                None => {
                    // A read may have ended between the two queries: then the row was left out as mapped, and is not.
                    let raw = if row.raw.is_empty() {
                        self.store
                            .device(source, &row.id)
                            .await?
                            .map(|d| d.raw)
                            .unwrap_or_default()
                    } else {
                        row.raw
                    };
                    let converted = match self.source.document(&raw) {
                        Ok(converted) => converted,
                        Err(error) => {
                            // One bad record stops no other. It is not absent either, so nothing is planned for it.
                            tracing::warn!(device.id = %row.id, error = %error, "Left a stored device out of the plan.");
                            continue;
                        }
                    };
                    let mut projection =
                        plan::project(&converted.document, &self.mapping.compiled, row.presence);
                    projection.faults.extend(converted.faults);
                    made.push(StoredProjection {
                        digest: row.digest,
                        projection: projection.clone(),
                    });
                    projection
                }
            };
            devices.push(DeviceProjection {
                presence: row.presence,
                ..projection
            });
        }
        self.store.put_projections(bridge, digest, &made).await?;
        Ok(devices)
    }
}
