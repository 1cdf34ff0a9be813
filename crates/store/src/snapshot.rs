//! Turning a pass over a source into a snapshot, or into nothing.
//!
//! Changed devices wait in memory until the pass is complete; then they, the absences and the snapshot's own row are
//! one transaction. A pass that changes more than fits waits in `source_device_pending`; a connection's first pass
//! needs no waiting room, since nothing is visible before there is a snapshot.

use crate::db::Tx;
use crate::device::KnownDevice;
use crate::error::Result;
use crate::json::{instant, micros, plain, text};
use crate::open::Store;
use crate::source_list::write_lists;
use jiff::Timestamp;
use model::{ConnectionId, Location, Organization, RawDevice, Role, SnapshotId, SourceId};
use std::collections::HashMap;

/// How many bytes of changed devices wait in memory.
const BUFFER: usize = 16 << 20;

/// A complete pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Our id.
    pub id: SnapshotId,
    /// When it began.
    pub started: Timestamp,
    /// When it was complete.
    pub finished: Timestamp,
    /// Devices that were there.
    pub devices: u64,
    /// Requests it took.
    pub requests: u64,
    /// Rows it wrote.
    pub rows_written: u64,
    /// The one organization it was about; `None` for the whole account.
    pub organization: Option<SourceId>,
}

/// Collects one pass.
#[derive(Debug)]
pub struct SnapshotWriter {
    store: Store,
    connection: ConnectionId,
    organization: Option<SourceId>,
    first: bool,
    started: Timestamp,
    known: HashMap<String, KnownDevice>,
    seen: HashMap<String, Option<i64>>,
    unreadable: Vec<String>,
    nameless: bool,
    buffer: Vec<RawDevice>,
    buffered: usize,
    spilled: bool,
    rows_written: u64,
}

type SnapshotRow = (String, i64, i64, i64, i64, i64, Option<String>);

impl Store {
    /// The newest snapshot of the whole account, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current_snapshot(&self, connection: &ConnectionId) -> Result<Option<Snapshot>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            SnapshotRow,
            "SELECT s.id, s.started, s.finished, s.devices, s.requests, s.rows_written, s.organization
             FROM connection c JOIN source_snapshot s ON s.id = c.snapshot_id WHERE c.id = $1",
            connection.as_str()
        )?;
        Ok(row.map(
            |(id, started, finished, devices, requests, rows_written, organization)| Snapshot {
                id: SnapshotId(id),
                started: instant(started),
                finished: instant(finished),
                devices: u64::try_from(devices).unwrap_or(0),
                requests: u64::try_from(requests).unwrap_or(0),
                rows_written: u64::try_from(rows_written).unwrap_or(0),
                organization: organization.map(SourceId),
            },
        ))
    }

    /// Begins to collect a pass over the whole account, or over one organization of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_snapshot(
        &self,
        connection: &ConnectionId,
        organization: Option<SourceId>,
    ) -> Result<SnapshotWriter> {
        let first = self.current_snapshot(connection).await?.is_none();
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, Vec<u8>, Option<i64>),
            "SELECT id, digest, absent_since FROM source_device
             WHERE connection_id = $1 AND ($2 IS NULL OR organization_id = $2)",
            connection.as_str(),
            organization.as_ref().map(SourceId::as_str)
        )?;
        drop(conn);
        let known = rows
            .into_iter()
            .filter_map(|(id, digest, absent)| {
                let digest = digest.try_into().ok()?;
                Some((
                    id,
                    KnownDevice {
                        digest,
                        absent: absent.is_some(),
                    },
                ))
            })
            .collect();
        let mut tx = self.write().await?;
        execute!(
            tx,
            "DELETE FROM source_device_pending WHERE connection_id = $1",
            connection.as_str()
        )?;
        tx.commit().await?;
        Ok(SnapshotWriter {
            store: self.clone(),
            connection: connection.clone(),
            organization,
            first,
            started: self.clock.now(),
            known,
            seen: HashMap::new(),
            unreadable: Vec::new(),
            nameless: false,
            buffer: Vec::new(),
            buffered: 0,
            spilled: false,
            rows_written: 0,
        })
    }
}

impl SnapshotWriter {
    /// Numeric ids of the devices the last snapshot held, ascending: what readers share their ranges along.
    pub fn known_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self
            .known
            .iter()
            .filter(|(_, k)| !k.absent)
            .filter_map(|(id, _)| id.parse().ok())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// How many devices were seen so far.
    pub fn seen(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Takes a device in. One that is stored with the same digest costs nothing; of one that comes twice the last
    /// counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device(&mut self, device: RawDevice) -> Result<()> {
        let contact = device.last_contact.map(|at| at.as_second());
        let repeated = self.seen.insert(device.id.0.clone(), contact).is_some();
        if repeated {
            // One statement may not write a row twice.
            self.buffer.retain(|waiting| waiting.id != device.id);
        }
        let same = self
            .known
            .get(device.id.as_str())
            .is_some_and(|k| k.digest == device.digest && !k.absent);
        if !same || repeated {
            self.buffered += device.raw.len() + 200;
            self.buffer.push(device);
            if self.buffered >= BUFFER {
                self.spill().await?;
            }
        }
        Ok(())
    }

    /// Notes a device that is there but could not be read: it is present, and what was stored of it stands.
    pub fn unreadable(&mut self, id: Option<&SourceId>) {
        match id {
            Some(id) => {
                self.seen.entry(id.0.clone()).or_insert(None);
                self.unreadable.push(id.0.clone());
            }
            None => self.nameless = true,
        }
    }

    async fn spill(&mut self) -> Result<()> {
        let mut tx = self.store.write().await?;
        if self.first {
            self.rows_written += upsert_devices(&mut tx, &self.connection, &self.buffer).await?;
        } else {
            self.spilled = true;
            self.rows_written += stage_devices(&mut tx, &self.connection, &self.buffer).await?;
        }
        tx.commit().await?;
        self.buffer.clear();
        self.buffered = 0;
        Ok(())
    }

    /// Makes the pass a snapshot: devices, absences, organizations, locations and roles in one transaction.
    ///
    /// # Errors
    /// When the database fails; then the last snapshot stands.
    pub async fn finish(
        mut self,
        organizations: &[Organization],
        locations: &[Location],
        roles: &[Role],
        requests: u64,
    ) -> Result<Snapshot> {
        let finished = self.store.clock.now();
        let mut tx = self.store.write().await?;
        if self.spilled {
            self.rows_written += merge_pending(&mut tx, &self.connection).await?;
        }
        self.rows_written += upsert_devices(&mut tx, &self.connection, &self.buffer).await?;
        self.rows_written += self.mark_present(&mut tx).await?;
        // A device that is there but unreadable leaves the question open who is missing: when its id could not be
        // read either, nobody is counted absent by this pass.
        if !self.nameless {
            self.rows_written += self.mark_absent(&mut tx, finished).await?;
        }
        if self.organization.is_none() {
            self.rows_written +=
                write_lists(&mut tx, &self.connection, organizations, locations, roles).await?;
            self.rows_written += self.write_contacts(&mut tx).await?;
        }
        let snapshot = Snapshot {
            id: self.store.new_id().into(),
            started: self.started,
            finished,
            devices: self.seen.len() as u64,
            requests,
            rows_written: self.rows_written,
            organization: self.organization.clone(),
        };
        execute!(
            tx,
            "INSERT INTO source_snapshot (id, connection_id, organization, started, finished, devices, requests, rows_written)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            snapshot.id.as_str(),
            self.connection.as_str(),
            snapshot.organization.as_ref().map(SourceId::as_str),
            micros(snapshot.started),
            micros(snapshot.finished),
            i64::try_from(snapshot.devices).unwrap_or(i64::MAX),
            i64::try_from(snapshot.requests).unwrap_or(i64::MAX),
            i64::try_from(snapshot.rows_written).unwrap_or(i64::MAX)
        )?;
        if self.organization.is_none() {
            execute!(
                tx,
                "UPDATE connection SET snapshot_id = $1, last_success = $2 WHERE id = $3",
                snapshot.id.as_str(),
                micros(finished),
                self.connection.as_str()
            )?;
        }
        tx.commit().await?;
        Ok(snapshot)
    }

    /// Takes back the absence of devices that are there again, though unreadable.
    async fn mark_present(&self, tx: &mut Tx) -> Result<u64> {
        let mut rows = 0;
        for id in &self.unreadable {
            if self.known.get(id).is_some_and(|k| k.absent) {
                rows += execute!(
                    tx,
                    "UPDATE source_device SET absent_since = NULL, absent_snapshots = 0
                     WHERE connection_id = $1 AND id = $2",
                    self.connection.as_str(),
                    id.as_str()
                )?;
            }
        }
        Ok(rows)
    }

    /// Counts the stored devices this pass did not meet. A scoped pass never counts anybody absent.
    async fn mark_absent(&self, tx: &mut Tx, at: Timestamp) -> Result<u64> {
        if self.organization.is_some() {
            return Ok(0);
        }
        let mut rows = 0;
        for id in self.known.keys().filter(|id| !self.seen.contains_key(*id)) {
            rows += execute!(
                tx,
                "UPDATE source_device SET absent_snapshots = absent_snapshots + 1, absent_since = COALESCE(absent_since, $1)
                 WHERE connection_id = $2 AND id = $3 AND absent_snapshots < 1000",
                micros(at),
                self.connection.as_str(),
                id.as_str()
            )?;
        }
        Ok(rows)
    }

    async fn write_contacts(&self, tx: &mut Tx) -> Result<u64> {
        let contacts: HashMap<&str, i64> = self
            .seen
            .iter()
            .filter_map(|(id, at)| Some((id.as_str(), (*at)?)))
            .collect();
        execute!(
            tx,
            "INSERT INTO source_contact (connection_id, body) VALUES ($1, $2)
             ON CONFLICT (connection_id) DO UPDATE SET body = excluded.body",
            self.connection.as_str(),
            text("last contacts", &contacts)?
        )
    }
}

async fn upsert_devices(tx: &mut Tx, connection: &ConnectionId, devices: &[RawDevice]) -> Result<u64> {
    insert_many!(
        tx,
        "INSERT INTO source_device (connection_id, id, uid, organization_id, digest, raw, absent_snapshots)",
        7,
        "ON CONFLICT (connection_id, id) DO UPDATE SET uid = excluded.uid, organization_id = excluded.organization_id,
             digest = excluded.digest, raw = excluded.raw, absent_since = NULL, absent_snapshots = 0",
        devices,
        |q, d| q
            .bind(connection.as_str())
            .bind(d.id.as_str())
            .bind(d.uid.as_deref().map(plain))
            .bind(d.organization.as_str())
            .bind(d.digest.as_slice())
            .bind(&*d.raw)
            .bind(0_i64)
    )
}

async fn stage_devices(tx: &mut Tx, connection: &ConnectionId, devices: &[RawDevice]) -> Result<u64> {
    insert_many!(
        tx,
        "INSERT INTO source_device_pending (connection_id, id, uid, organization_id, digest, raw)",
        6,
        "ON CONFLICT (connection_id, id) DO UPDATE SET uid = excluded.uid, organization_id = excluded.organization_id,
             digest = excluded.digest, raw = excluded.raw",
        devices,
        |q, d| q
            .bind(connection.as_str())
            .bind(d.id.as_str())
            .bind(d.uid.as_deref().map(plain))
            .bind(d.organization.as_str())
            .bind(d.digest.as_slice())
            .bind(&*d.raw)
    )
}

async fn merge_pending(tx: &mut Tx, connection: &ConnectionId) -> Result<u64> {
    let merged = execute!(
        tx,
        "INSERT INTO source_device (connection_id, id, uid, organization_id, digest, raw, absent_snapshots)
         SELECT connection_id, id, uid, organization_id, digest, raw, 0 FROM source_device_pending
         WHERE connection_id = $1
         ON CONFLICT (connection_id, id) DO UPDATE SET uid = excluded.uid, organization_id = excluded.organization_id,
             digest = excluded.digest, raw = excluded.raw, absent_since = NULL, absent_snapshots = 0",
        connection.as_str()
    )?;
    execute!(
        tx,
        "DELETE FROM source_device_pending WHERE connection_id = $1",
        connection.as_str()
    )?;
    Ok(merged)
}
