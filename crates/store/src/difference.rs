//! Differences between the two sides that a person accepted.

use crate::audit::Note;
use crate::error::Result;
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use model::{Accepted, BridgeId, DifferenceKey, RecordKind, Side};
use serde_json::json;

#[derive(sqlx::FromRow)]
struct Row {
    side: String,
    kind: String,
    record_id: String,
    field: String,
    source_value: String,
    destination_value: String,
    reason: String,
    accepted_by: String,
    accepted_at: i64,
}

fn accepted(row: Row) -> Result<Option<Accepted>> {
    let Some(kind) = RecordKind::named(&row.kind) else {
        return Ok(None);
    };
    let side = match row.side.as_str() {
        "source" => Side::Source,
        _ => Side::Destination,
    };
    Ok(Some(Accepted {
        key: DifferenceKey {
            side,
            kind,
            record: row.record_id,
            field: row.field,
        },
        source_value: parse("accepted value", &row.source_value)?,
        destination_value: parse("accepted value", &row.destination_value)?,
        reason: row.reason,
        by: row.accepted_by,
        at: instant(row.accepted_at),
    }))
}

impl Store {
    /// The differences of a bridge that were accepted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accepted_differences(&self, bridge: &BridgeId) -> Result<Vec<Accepted>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT side, kind, record_id, field, source_value, destination_value, reason, accepted_by, accepted_at
             FROM accepted_difference WHERE bridge_id = $1 ORDER BY side, kind, record_id, field",
            bridge.as_str()
        )?;
        rows.into_iter()
            .filter_map(|row| accepted(row).transpose())
            .collect()
    }

    /// Stores accepted differences. Plans do not change by it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_differences(&self, bridge: &BridgeId, all: &[Accepted]) -> Result<()> {
        let mut tx = self.write().await?;
        let mut notes = Vec::with_capacity(all.len());
        for accepted in all {
            let key = &accepted.key;
            execute!(
                tx,
                "INSERT INTO accepted_difference (bridge_id, side, kind, record_id, field, source_value,
                                                  destination_value, reason, accepted_by, accepted_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                 ON CONFLICT (bridge_id, side, kind, record_id, field) DO UPDATE SET
                     source_value = excluded.source_value, destination_value = excluded.destination_value,
                     reason = excluded.reason, accepted_by = excluded.accepted_by,
                     accepted_at = excluded.accepted_at",
                bridge.as_str(),
                key.side.as_str(),
                key.kind.as_str(),
                plain(&key.record),
                plain(&key.field),
                text("accepted value", &accepted.source_value)?,
                text("accepted value", &accepted.destination_value)?,
                plain(&accepted.reason),
                plain(&accepted.by),
                micros(accepted.at)
            )?;
            notes.push(note("difference.accepted", key).with(json!({
                "bridge": bridge, "field": key.field, "reason": accepted.reason,
                "source": accepted.source_value, "destination": accepted.destination_value,
            })));
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }

    /// Forgets accepted differences; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unaccept_differences(&self, bridge: &BridgeId, keys: &[DifferenceKey]) -> Result<u64> {
        let mut tx = self.write().await?;
        let mut forgotten = 0;
        let mut notes = Vec::new();
        for key in keys {
            let rows = execute!(
                tx,
                "DELETE FROM accepted_difference
                 WHERE bridge_id = $1 AND side = $2 AND kind = $3 AND record_id = $4 AND field = $5",
                bridge.as_str(),
                key.side.as_str(),
                key.kind.as_str(),
                plain(&key.record),
                plain(&key.field)
            )?;
            if rows > 0 {
                forgotten += rows;
                let detail = json!({ "bridge": bridge, "field": key.field });
                notes.push(note("difference.unaccepted", key).with(detail));
            }
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

fn note(action: &'static str, key: &DifferenceKey) -> Note {
    Note::new(
        action,
        format!("{}:{}:{}", key.side.as_str(), key.kind.as_str(), key.record),
    )
}
