//! From stored devices to projections: those that changed are mapped, the others are as stored.

use crate::engine::Engine;
use crate::error::Result;
use crate::mapping::BridgeMapping;
use connect::Source;
use model::{Bridge, Connection, DeviceProjection, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Conn, DeviceForPlanning, DeviceRow, Store, StoredProjection};

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

impl Engine {
    /// One device of the last snapshot, or of an earlier one when it is absent, through the bridge's mapping. `None`
    /// when there is none or its document cannot be read.
    pub(crate) async fn device_seen(
        &self,
        bridge: &Bridge,
        device: &SourceId,
    ) -> Result<Option<DeviceProjection>> {
        let Some(row) = self.store.device(&bridge.source, device).await? else {
            return Ok(None);
        };
        let mapper = self.mapper(bridge).await?;
        Ok(mapper.project(&row).ok())
    }
}

impl Mapper {
    /// One stored device through the mapping.
    ///
    /// # Errors
    /// When its document cannot be read.
    pub(crate) fn project(&self, row: &DeviceRow) -> Result<DeviceProjection, connect::Error> {
        let converted = self.source.document(&row.raw)?;
        let mut projection = plan::project(&converted.document, &self.mapping.compiled, row.presence);
        projection.faults.extend(converted.faults);
        Ok(projection)
    }

    /// The devices of one organization through the mapping.
    pub(crate) async fn devices(&self, organization: &SourceId) -> Result<Vec<DeviceProjection>> {
        // Given back before mapping asks for another: many who do this at once must not wait for each other.
        let mut conn = self.store.planning_connection().await?;
        let organizations = std::slice::from_ref(organization);
        let stored = self.stored(&mut conn, organizations).await?;
        drop(conn);
        let mapped = self.mapped(stored).await?;
        Ok(mapped
            .into_iter()
            .filter_map(|device| device.projection)
            .collect())
    }

    /// The devices of some organizations through the mapping, and the assets they are linked to. One whose document
    /// could not be read has no projection.
    pub(crate) async fn devices_and_links(
        &self,
        conn: &mut Conn,
        organizations: &[SourceId],
    ) -> Result<Vec<DeviceForPlanning>> {
        let stored = self.stored(conn, organizations).await?;
        self.mapped(stored).await
    }

    async fn stored(&self, conn: &mut Conn, organizations: &[SourceId]) -> Result<Vec<DeviceForPlanning>> {
        let (bridge, digest) = (&self.bridge, self.mapping.digest.as_slice());
        Ok(self
            .store
            .devices_for_planning(conn, &bridge.id, &bridge.source, organizations, digest)
            .await?)
    }

    /// Maps the devices that changed; the others are as stored.
    async fn mapped(&self, mut stored: Vec<DeviceForPlanning>) -> Result<Vec<DeviceForPlanning>> {
        let (bridge, source) = (&self.bridge.id, &self.bridge.source);
        let digest = self.mapping.digest.as_slice();
        let unmapped = stored.iter().filter(|device| device.projection.is_none());
        let organizations: BTreeSet<SourceId> = unmapped.map(|device| device.organization.clone()).collect();
        let mut to_map: BTreeMap<SourceId, DeviceRow> = BTreeMap::new();
        for organization in &organizations {
            let rows = self
                .store
                .devices_for_mapping(source, organization, bridge, digest)
                .await?;
            to_map.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        }
        let mut made = Vec::new();
        for device in stored.iter_mut().filter(|device| device.projection.is_none()) {
            // A read may have ended between the two queries: then the second no longer has the row.
            let row = match to_map.remove(&device.id) {
                Some(row) => Some(row),
                None => self.store.device(source, &device.id).await?,
            };
            let Some(row) = row else { continue };
            let projection = match self.project(&row) {
                Ok(projection) => projection,
                Err(error) => {
                    // One bad record stops no other. It is not absent either, so nothing is planned for it.
                    tracing::warn!(device.id = %row.id, error = %error, "Left a stored device out of the plan.");
                    continue;
                }
            };
            made.push(StoredProjection {
                digest: row.digest,
                projection: projection.clone(),
            });
            device.projection = Some(projection);
        }
        self.store.put_projections(bridge, digest, &made).await?;
        Ok(stored)
    }
}
