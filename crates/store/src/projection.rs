//! Devices seen through a bridge's mapping, kept so that planning need not map what did not change.

use crate::error::Result;
use crate::json::{parse, text};
use crate::open::Store;
use model::{BridgeId, ConnectionId, DeviceProjection, SourceId};

/// A projection and what it was made from.
#[derive(Clone, Debug)]
pub struct StoredProjection {
    /// Digest of the device row.
    pub digest: Vec<u8>,
    /// The projection. Its presence is the device row's, not the stored one.
    pub projection: DeviceProjection,
}

impl Store {
    /// The projections of one organization's devices made with `mapping` from what is stored now, by device id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn projections(
        &self,
        bridge: &BridgeId,
        connection: &ConnectionId,
        organization: &SourceId,
        mapping: &[u8],
    ) -> Result<Vec<DeviceProjection>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String,),
            "SELECT p.body FROM source_device d CROSS JOIN device_projection p
             WHERE d.connection_id = $3 AND d.organization_id = $4
               AND p.bridge_id = $1 AND p.device_id = d.id AND p.digest = d.digest AND p.mapping = $2
             ORDER BY d.id",
            bridge.as_str(),
            mapping,
            connection.as_str(),
            organization.as_str()
        )?;
        rows.into_iter()
            .map(|(body,)| parse("projection", &body))
            .collect()
    }

    /// Stores projections made with `mapping`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_projections(
        &self,
        bridge: &BridgeId,
        mapping: &[u8],
        made: &[StoredProjection],
    ) -> Result<u64> {
        if made.is_empty() {
            return Ok(0);
        }
        let rows: Vec<(SourceId, &[u8], String)> = made
            .iter()
            .map(|m| {
                Ok((
                    m.projection.id.clone(),
                    m.digest.as_slice(),
                    text("projection", &m.projection)?,
                ))
            })
            .collect::<Result<_>>()?;
        let mut tx = self.write().await?;
        let written = insert_many!(
            tx,
            "INSERT INTO device_projection (bridge_id, device_id, digest, mapping, body)",
            5,
            "ON CONFLICT (bridge_id, device_id) DO UPDATE SET digest = excluded.digest, mapping = excluded.mapping,
                 body = excluded.body",
            rows,
            |q, r| q.bind(bridge.as_str()).bind(r.0.as_str()).bind(r.1).bind(mapping).bind(r.2.as_str())
        )?;
        tx.commit().await?;
        Ok(written)
    }
}
