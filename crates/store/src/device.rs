//! Devices of the last complete snapshot of a connection.

use crate::error::Result;
use crate::json::{instant, parse, plain, text as json_text};
use crate::open::Store;
use jiff::Timestamp;
use model::{ConnectionId, Presence, SourceId};
use std::collections::BTreeMap;

/// A device as it is stored.
#[derive(Clone, Debug)]
pub struct DeviceRow {
    /// The source's id.
    pub id: SourceId,
    /// Its uid, where the source has one.
    pub uid: Option<String>,
    /// The organization it belongs to.
    pub organization: SourceId,
    /// Digest of what matters in `raw`.
    pub digest: Vec<u8>,
    /// The vendor's JSON.
    pub raw: String,
    /// Whether it was in the last complete snapshot.
    pub presence: Presence,
}

/// What is remembered of a device while the next pass goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Digest of the stored row.
    pub digest: [u8; 32],
    /// Whether it is counted as absent.
    pub absent: bool,
}

type Row = (String, Option<String>, String, Vec<u8>, String, Option<i64>, i64);

fn row(row: Row) -> DeviceRow {
    let (id, uid, organization, digest, raw, absent_since, absent_snapshots) = row;
    DeviceRow {
        id: SourceId(id),
        uid,
        organization: SourceId(organization),
        digest,
        raw,
        presence: presence(absent_since, absent_snapshots),
    }
}

pub(crate) fn presence(absent_since: Option<i64>, absent_snapshots: i64) -> Presence {
    absent_since.map_or(Presence::Present, |since| Presence::Absent {
        since: instant(since),
        snapshots: u32::try_from(absent_snapshots).unwrap_or(u32::MAX),
    })
}

impl Store {
    /// The devices of an organization that still have to be mapped, by id: those of which `bridge` has no stored
    /// projection made with `mapping` from the row's digest. The others are [`Store::devices_for_planning`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_for_mapping(
        &self,
        connection: &ConnectionId,
        organization: &SourceId,
        bridge: &model::BridgeId,
        mapping: &[u8],
    ) -> Result<Vec<DeviceRow>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT d.id, d.uid, d.organization_id, d.digest, d.raw, d.absent_since, d.absent_snapshots
             FROM source_device d
             LEFT JOIN device_projection p ON p.bridge_id = $1 AND p.device_id = d.id AND p.digest = d.digest
                                          AND p.mapping = $2
             WHERE d.connection_id = $3 AND d.organization_id = $4 AND p.device_id IS NULL
             ORDER BY d.id",
            bridge.as_str(),
            mapping,
            connection.as_str(),
            organization.as_str()
        )?;
        Ok(rows.into_iter().map(row).collect())
    }

    /// One device, with its raw text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device(&self, connection: &ConnectionId, id: &SourceId) -> Result<Option<DeviceRow>> {
        let mut conn = self.read().await?;
        let found = fetch_optional!(
            conn,
            Row,
            "SELECT id, uid, organization_id, digest, raw, absent_since, absent_snapshots FROM source_device
             WHERE connection_id = $1 AND id = $2",
            connection.as_str(),
            id.as_str()
        )?;
        Ok(found.map(row))
    }

    /// Up to `limit` devices whose raw text holds `text`, whatever the case, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_holding(
        &self,
        connection: &ConnectionId,
        text: &str,
        limit: usize,
    ) -> Result<Vec<DeviceRow>> {
        // As it stands in JSON, without the quotes around it.
        let written = json_text("device", &text)?;
        let written = written.trim_matches('"');
        let pattern = |text: &str| {
            let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("%{escaped}%")
        };
        let mut conn = self.read().await?;
        // SQLite's own lower() knows ASCII only, and so does its LIKE.
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT id, uid, organization_id, digest, raw, absent_since, absent_snapshots FROM source_device
             WHERE connection_id = $1 AND (lower(raw) LIKE $2 ESCAPE '!' OR raw LIKE $3 ESCAPE '!')
             ORDER BY id LIMIT $4",
            connection.as_str(),
            plain(&pattern(&written.to_lowercase())),
            plain(&pattern(written)),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        Ok(rows.into_iter().map(row).collect())
    }

    /// How many devices of each organization were in the last complete snapshot.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_counts(&self, connection: &ConnectionId) -> Result<BTreeMap<SourceId, u64>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, i64),
            "SELECT organization_id, COUNT(*) FROM source_device WHERE connection_id = $1 AND absent_since IS NULL
             GROUP BY organization_id",
            connection.as_str()
        )?;
        Ok(rows
            .into_iter()
            .map(|(id, count)| (SourceId(id), u64::try_from(count).unwrap_or(0)))
            .collect())
    }

    /// Up to `limit` device ids with their uids, spread over the whole estate: enough to tell one tenant from another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn uid_sample(
        &self,
        connection: &ConnectionId,
        limit: usize,
    ) -> Result<BTreeMap<SourceId, String>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String),
            "SELECT id, uid FROM source_device WHERE connection_id = $1 AND uid IS NOT NULL AND absent_since IS NULL
             ORDER BY uid LIMIT $2",
            connection.as_str(),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        Ok(rows.into_iter().map(|(id, uid)| (SourceId(id), uid)).collect())
    }

    /// When each device last spoke to the source, as far as the last complete snapshot knows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_contacts(&self, connection: &ConnectionId) -> Result<BTreeMap<SourceId, Timestamp>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT body FROM source_contact WHERE connection_id = $1",
            connection.as_str()
        )?;
        let Some((body,)) = row else {
            return Ok(BTreeMap::new());
        };
        let seconds: BTreeMap<SourceId, i64> = parse("last contacts", &body)?;
        Ok(seconds
            .into_iter()
            .filter_map(|(id, s)| Some((id, Timestamp::from_second(s).ok()?)))
            .collect())
    }
}
