//! Links: which source record is which destination record, and what was last written through them.
//!
//! Joins that must begin with one organization's devices are written as CROSS JOIN: SQLite keeps that order, and would
//! otherwise, without statistics, walk through every link for each organization.

use crate::db::{ROWS_PER_STATEMENT, Tx, values_statement};
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, text};
use crate::open::Store;
use crate::packed::{self, OWNERS, list, quoted, quoted_id};
use crate::run::NewLink;
use jiff::Timestamp;
use model::{BridgeId, Fields, RecordId, RecordKind, RunId, SourceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A value we wrote: its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenValue {
    /// What was written.
    pub value: Value,
    /// By which run.
    pub run: RunId,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// How written values are stored: all of one run together. Most assets were written by one or two runs, and naming
/// the run once instead of for every field halves the table.
#[derive(Serialize, Deserialize)]
struct WrittenBy {
    run: RunId,
    at: i64,
    fields: Fields,
}

fn pack(written: BTreeMap<String, WrittenValue>) -> Vec<WrittenBy> {
    let mut runs: BTreeMap<(i64, RunId), Fields> = BTreeMap::new();
    for (field, WrittenValue { value, run, at }) in written {
        runs.entry((at, run)).or_default().insert(field, value);
    }
    runs.into_iter()
        .map(|((at, run), fields)| WrittenBy { run, at, fields })
        .collect()
}

fn unpack(runs: Vec<WrittenBy>) -> BTreeMap<String, WrittenValue> {
    let values = runs.into_iter().flat_map(|WrittenBy { run, at, fields }| {
        let written = move |value| WrittenValue {
            value,
            run: run.clone(),
            at,
        };
        fields
            .into_iter()
            .map(move |(field, value)| (field, written(value)))
    });
    values.collect()
}

/// A remembered identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The source record.
    pub source: SourceId,
    /// The destination record.
    pub destination: RecordId,
    /// What was last written, by field.
    pub written: BTreeMap<String, WrittenValue>,
    /// When the link last changed.
    pub updated: Timestamp,
}

impl Link {
    /// The last written values alone.
    pub fn written_values(&self) -> Fields {
        self.written
            .iter()
            .map(|(field, written)| (field.clone(), written.value.clone()))
            .collect()
    }
}

type Row = (String, String, String, i64);

fn link((source, destination, written, updated): Row) -> Result<Link> {
    Ok(Link {
        source: SourceId(source),
        destination: RecordId(destination),
        written: unpack(parse("link", &written)?),
        updated: instant(updated),
    })
}

impl Store {
    /// All links of one kind, by source id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn links(&self, bridge: &BridgeId, kind: RecordKind) -> Result<BTreeMap<SourceId, RecordId>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String),
            "SELECT source_id, destination_id FROM link WHERE bridge_id = $1 AND kind = $2",
            bridge.as_str(),
            kind.as_str()
        )?;
        Ok(rows
            .into_iter()
            .map(|(s, d)| (SourceId(s), RecordId(d)))
            .collect())
    }

    /// The asset links of one organization's devices, as the last snapshot has them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn asset_links(
        &self,
        bridge: &BridgeId,
        connection: &model::ConnectionId,
        organization: &SourceId,
    ) -> Result<Vec<Link>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT l.source_id, l.destination_id, l.written, l.updated
             FROM source_device d CROSS JOIN link l
             WHERE d.connection_id = $2 AND d.organization_id = $3
               AND l.bridge_id = $1 AND l.kind = 'asset' AND l.source_id = d.id",
            bridge.as_str(),
            connection.as_str(),
            organization.as_str()
        )?;
        rows.into_iter().map(link).collect()
    }

    /// Which of these source records are linked at this moment, and to what.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn linked_now(
        &self,
        bridge: &BridgeId,
        records: &[(RecordKind, SourceId)],
    ) -> Result<BTreeMap<(RecordKind, SourceId), RecordId>> {
        let mut conn = self.read().await?;
        let mut found = BTreeMap::new();
        let columns = list(&[
            &quoted_id("kind"),
            &quoted("source_id"),
            &quoted("destination_id"),
        ]);
        for chunk in records.chunks(ROWS_PER_STATEMENT) {
            let sql = values_statement(
                &format!("SELECT {columns} FROM link WHERE (bridge_id, kind, source_id) IN ("),
                3,
                chunk.len(),
                ")",
            );
            let all: (Option<String>,) = on_either!(conn, c => {
                let mut query = sqlx::query_as(sql);
                for (kind, source) in chunk {
                    query = query.bind(bridge.as_str()).bind(kind.as_str()).bind(source.as_str());
                }
                query.fetch_one(&mut *c).await
            })?;
            let rows: Vec<(String, String, String)> = packed::unpack("links", all.0.as_deref())?;
            found.extend(rows.into_iter().filter_map(|(kind, source, destination)| {
                let kind = RecordKind::named(&kind)?;
                Some(((kind, SourceId(source)), RecordId(destination)))
            }));
        }
        Ok(found)
    }

    /// The links of these source records, with what was last written through them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn links_of(
        &self,
        bridge: &BridgeId,
        records: &[(RecordKind, SourceId)],
    ) -> Result<BTreeMap<(RecordKind, SourceId), Link>> {
        let mut conn = self.read().await?;
        let mut found = BTreeMap::new();
        for chunk in records.chunks(ROWS_PER_STATEMENT) {
            let sql = values_statement(
                "SELECT kind, source_id, destination_id, written, updated FROM link
                 WHERE (bridge_id, kind, source_id) IN (",
                3,
                chunk.len(),
                ")",
            );
            let rows: Vec<(String, String, String, String, i64)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sql);
                for (kind, source) in chunk {
                    query = query.bind(bridge.as_str()).bind(kind.as_str()).bind(source.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            for (kind, source, destination, written, updated) in rows {
                let Some(kind) = RecordKind::named(&kind) else {
                    continue;
                };
                let link = link((source, destination, written, updated))?;
                found.insert((kind, link.source.clone()), link);
            }
        }
        Ok(found)
    }

    /// The link of one source record.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link(&self, bridge: &BridgeId, kind: RecordKind, source: &SourceId) -> Result<Option<Link>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            "SELECT source_id, destination_id, written, updated FROM link
             WHERE bridge_id = $1 AND kind = $2 AND source_id = $3",
            bridge.as_str(),
            kind.as_str(),
            source.as_str()
        )?;
        row.map(link).transpose()
    }

    /// The link that points to a destination record.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link_to(
        &self,
        bridge: &BridgeId,
        kind: RecordKind,
        record: &RecordId,
    ) -> Result<Option<Link>> {
        let mut conn = self.read().await?;
        // Unsorted: in the order of the source's ids, SQLite would look through every link of the bridge.
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT source_id, destination_id, written, updated FROM link
             WHERE bridge_id = $1 AND kind = $2 AND destination_id = $3",
            bridge.as_str(),
            kind.as_str(),
            record.as_str()
        )?;
        let first = rows.into_iter().min_by(|a, b| a.0.cmp(&b.0));
        first.map(link).transpose()
    }

    /// All source records that are linked to a destination record.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn linked_to(
        &self,
        bridge: &BridgeId,
        kind: RecordKind,
        record: &RecordId,
    ) -> Result<Vec<SourceId>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String,),
            "SELECT source_id FROM link WHERE bridge_id = $1 AND kind = $2 AND destination_id = $3",
            bridge.as_str(),
            kind.as_str(),
            record.as_str()
        )?;
        Ok(rows.into_iter().map(|(source,)| SourceId(source)).collect())
    }

    /// The source records that some destination records of one kind are linked to; those that no link points to are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sources_linked_to(
        &self,
        bridge: &BridgeId,
        kind: RecordKind,
        records: &[RecordId],
    ) -> Result<BTreeMap<RecordId, SourceId>> {
        let mut found = BTreeMap::new();
        let mut conn = self.read().await?;
        for some in records.chunks(OWNERS) {
            let which: Vec<String> = (3..some.len() + 3).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT destination_id, MIN(source_id) FROM link WHERE bridge_id = $1 AND kind = $2 AND destination_id IN ({})
                 GROUP BY destination_id",
                which.join(", ")
            );
            let rows: Vec<(String, String)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
                    .bind(bridge.as_str())
                    .bind(kind.as_str());
                for record in some {
                    query = query.bind(record.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            found.extend(
                rows.into_iter()
                    .map(|(record, source)| (RecordId(record), SourceId(source))),
            );
        }
        Ok(found)
    }
}

/// Stores or moves a link; new written values come over the old ones, field by field. `run` is the one that wrote it, where it
/// is not found out or decided outside of any.
pub(crate) async fn put_link(
    tx: &mut Tx,
    bridge: &BridgeId,
    run: Option<&RunId>,
    link: NewLink,
    now: Timestamp,
) -> Result<()> {
    let NewLink {
        kind,
        source,
        destination,
        written,
    } = link;
    let stored = fetch_optional!(
        tx,
        (String,),
        "SELECT written FROM link WHERE bridge_id = $1 AND kind = $2 AND source_id = $3",
        bridge.as_str(),
        kind.as_str(),
        source.as_str()
    )?;
    let mut all: BTreeMap<String, WrittenValue> = match stored {
        Some((stored,)) => unpack(parse("link", &stored)?),
        None => BTreeMap::new(),
    };
    all.extend(written);
    let stored = execute!(
        tx,
        "INSERT INTO link (bridge_id, kind, source_id, destination_id, written, updated, turn)
         VALUES ($1, $2, $3, $4, $5, $6,
                 COALESCE((SELECT turn FROM run WHERE id = $7), (SELECT last FROM turn_count), 0))
         ON CONFLICT (bridge_id, kind, source_id) DO UPDATE SET destination_id = excluded.destination_id,
             written = excluded.written, updated = excluded.updated, turn = excluded.turn",
        bridge.as_str(),
        kind.as_str(),
        source.as_str(),
        destination.as_str(),
        text("link", &pack(all))?,
        micros(now),
        run.map(RunId::as_str)
    );
    match stored {
        Err(error) if error.is_unique_violation() => Err(Error::Linked {
            record: destination.to_string(),
        }),
        other => other.map(|_| ()),
    }
}
