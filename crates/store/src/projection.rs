//! Devices seen through a bridge's mapping, kept so that planning need not map what did not change.

use crate::db::Conn;
use crate::device::presence;
use crate::error::Result;
use crate::json::text;
use crate::open::Store;
use crate::packed::{list, number, quoted, unpack};
use model::{BridgeId, ConnectionId, DeviceProjection, Presence, RecordId, SourceId};

/// Devices that are read at once.
const PAGE: i64 = 1000;

/// A projection and what it was made from.
#[derive(Clone, Debug)]
pub struct StoredProjection {
    /// Digest of the device row.
    pub digest: Vec<u8>,
    /// The projection. Its presence is the device row's, not the stored one.
    pub projection: DeviceProjection,
}

/// All that planning asks of a stored device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceForPlanning {
    /// The source's id.
    pub id: SourceId,
    /// The stored projection, with the device row's presence; `None` when the device still has to be mapped.
    pub projection: Option<DeviceProjection>,
    /// The asset it is linked to.
    pub asset: Option<RecordId>,
}

/// Id (of a device without projection), absent since, absent snapshots, linked asset, projection.
type Packed = (
    Option<SourceId>,
    Option<i64>,
    i64,
    Option<RecordId>,
    Option<DeviceProjection>,
);

fn for_planning((id, since, snapshots, asset, projection): Packed) -> DeviceForPlanning {
    let presence: Presence = presence(since, snapshots);
    let projection = projection.map(|projection| DeviceProjection {
        presence,
        ..projection
    });
    let id = id.or_else(|| projection.as_ref().map(|p| p.id.clone()));
    DeviceForPlanning {
        id: id.unwrap_or_else(|| SourceId::from("")),
        projection,
        asset,
    }
}

impl Store {
    /// A connection for [`Store::devices_for_planning`], to be kept through a whole plan: what it has read of the
    /// tables' indexes is then still at hand for the next organization. The pool would give one connection after the
    /// other, each of which reads them for itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn planning_connection(&self) -> Result<Conn> {
        self.read().await
    }

    /// One organization's devices as they are stored now, with their projections made with `mapping` and the assets
    /// `bridge` has linked them to. One statement a thousand devices: this is most of what planning reads.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_for_planning(
        &self,
        conn: &mut Conn,
        bridge: &BridgeId,
        connection: &ConnectionId,
        organization: &SourceId,
        mapping: &[u8],
    ) -> Result<Vec<DeviceForPlanning>> {
        let id = format!("CASE WHEN q.body IS NULL THEN {} ELSE 'null' END", quoted("q.id"));
        let rows = list(&[
            &id,
            &number("q.absent_since"),
            &number("q.absent_snapshots"),
            &quoted("q.asset"),
            "COALESCE(q.body, 'null')",
        ]);
        let sql = format!(
            "SELECT COUNT(*), MAX(q.id), {rows}
             FROM (SELECT d.id, d.absent_since, d.absent_snapshots, p.body, l.destination_id AS asset
                   FROM source_device d
                   LEFT JOIN device_projection p ON p.bridge_id = $1 AND p.device_id = d.id AND p.digest = d.digest
                                                AND p.mapping = $2
                   LEFT JOIN link l ON l.bridge_id = $1 AND l.kind = 'asset' AND l.source_id = d.id
                   WHERE d.connection_id = $3 AND d.organization_id = $4 AND d.id > $5
                   ORDER BY d.id LIMIT {PAGE}) q"
        );
        let mut devices = Vec::new();
        let mut after = String::new();
        loop {
            let page = fetch_optional!(
                conn,
                (i64, Option<String>, Option<String>),
                sqlx::AssertSqlSafe(sql.as_str()),
                bridge.as_str(),
                mapping,
                connection.as_str(),
                organization.as_str(),
                after.as_str()
            )?;
            let Some((count, Some(last), rows)) = page else {
                return Ok(devices);
            };
            devices.extend(
                unpack("projection", rows.as_deref())?
                    .into_iter()
                    .map(for_planning),
            );
            if count < PAGE {
                return Ok(devices);
            }
            after = last;
        }
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
