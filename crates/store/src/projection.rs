//! Devices seen through a bridge's mapping, kept so that planning need not map what did not change.

use crate::db::Conn;
use crate::device::presence;
use crate::error::Result;
use crate::json::text;
use crate::open::Store;
use crate::packed::{OWNERS, list, number, owned_by, quoted, unpack};
use model::{BridgeId, ConnectionId, DeviceProjection, Presence, RecordId, SourceId};

/// Devices that are read at once.
const PAGE: usize = 1000;

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
    /// The organization it is in.
    pub organization: SourceId,
    /// The stored projection, with the device row's presence; `None` when the device still has to be mapped.
    pub projection: Option<DeviceProjection>,
    /// The asset it is linked to.
    pub asset: Option<RecordId>,
}

/// Id, organization, absent since, absent snapshots, linked asset, projection.
type Packed = (
    SourceId,
    SourceId,
    Option<i64>,
    i64,
    Option<RecordId>,
    Option<DeviceProjection>,
);

fn for_planning((id, organization, since, snapshots, asset, projection): Packed) -> DeviceForPlanning {
    let presence: Presence = presence(since, snapshots);
    DeviceForPlanning {
        id,
        organization,
        projection: projection.map(|projection| DeviceProjection {
            presence,
            ..projection
        }),
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

    /// The devices of some organizations as they are stored now, with their projections made with `mapping` and the
    /// assets `bridge` has linked them to. This is most of what planning reads: organizations whose devices fit into
    /// one page are read by one statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_for_planning(
        &self,
        conn: &mut Conn,
        bridge: &BridgeId,
        connection: &ConnectionId,
        organizations: &[SourceId],
        mapping: &[u8],
    ) -> Result<Vec<DeviceForPlanning>> {
        let from = (bridge, connection, mapping);
        let mut devices = Vec::new();
        for some in organizations.chunks(OWNERS) {
            if some.len() > 1 {
                let (_, page) = planning_page(conn, from, some, None).await?;
                if page.len() < PAGE {
                    devices.extend(page);
                    continue;
                }
            }
            for one in some {
                let mut after = String::new();
                loop {
                    let (last, page) =
                        planning_page(conn, from, std::slice::from_ref(one), Some(&after)).await?;
                    let full = page.len() == PAGE;
                    devices.extend(page);
                    match last.filter(|_| full) {
                        Some(last) => after = last,
                        None => break,
                    }
                }
            }
        }
        Ok(devices)
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

/// Up to a page of devices and the highest id among them: one organization's with ids above `after`, or several
/// organizations' first ones.
async fn planning_page(
    conn: &mut Conn,
    (bridge, connection, mapping): (&BridgeId, &ConnectionId, &[u8]),
    organizations: &[SourceId],
    after: Option<&str>,
) -> Result<(Option<String>, Vec<DeviceForPlanning>)> {
    let rows = list(&[
        &quoted("q.id"),
        &quoted("q.organization_id"),
        &number("q.absent_since"),
        &number("q.absent_snapshots"),
        &quoted("q.asset"),
        "COALESCE(q.body, 'null')",
    ]);
    let whose = owned_by("d.organization_id", "d.id", 4, organizations.len(), PAGE);
    let sql = format!(
        "SELECT MAX(q.id), {rows}
         FROM (SELECT d.id, d.organization_id, d.absent_since, d.absent_snapshots, p.body, l.destination_id AS asset
               FROM source_device d
               LEFT JOIN device_projection p ON p.bridge_id = $1 AND p.device_id = d.id AND p.digest = d.digest
                                            AND p.mapping = $2
               LEFT JOIN link l ON l.bridge_id = $1 AND l.kind = 'asset' AND l.source_id = d.id
               WHERE d.connection_id = $3 AND {whose}) q"
    );
    let owners = organizations.iter().map(SourceId::as_str).chain(after);
    let page: Option<(Option<String>, Option<String>)> = on_either!(conn, c => {
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
            .bind(bridge.as_str())
            .bind(mapping)
            .bind(connection.as_str());
        for owner in owners {
            query = query.bind(owner);
        }
        query.fetch_optional(&mut *c).await
    })?;
    let (last, rows) = page.unwrap_or_default();
    let rows = unpack("projection", rows.as_deref())?;
    Ok((last, rows.into_iter().map(for_planning).collect()))
}
