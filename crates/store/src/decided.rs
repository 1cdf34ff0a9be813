//! What people decided about single records: left alone, or whose value stands in a conflict. Each decision moves the
//! bridge's generation on, so that plans made before it are refused.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use model::{BridgeId, ConflictDecision, ConflictVerdict, Ignored, RecordDecisions, RecordKind, SourceId};
use serde_json::json;

type IgnoredRow = (String, String, String, String, String, i64);
type ConflictRow = (String, String, String, String, String, String, i64);

impl Store {
    /// All that people decided about single records of a bridge.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_decisions(&self, bridge: &BridgeId) -> Result<RecordDecisions> {
        let mut decided = RecordDecisions::default();
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            IgnoredRow,
            "SELECT kind, source_id, label, reason, ignored_by, ignored_at FROM ignored WHERE bridge_id = $1",
            bridge.as_str()
        )?;
        for (kind, source, label, reason, by, at) in rows {
            let Some(kind) = RecordKind::named(&kind) else {
                continue;
            };
            let source = SourceId(source);
            let ignored = Ignored {
                kind,
                source: source.clone(),
                label,
                reason,
                by,
                at: instant(at),
            };
            decided.ignored.insert((kind, source), ignored);
        }
        let rows = fetch_all!(
            conn,
            ConflictRow,
            "SELECT device_id, field, verdict, source_value, destination_value, decided_by, decided_at
             FROM conflict_decision WHERE bridge_id = $1",
            bridge.as_str()
        )?;
        for (device, field, verdict, source_value, destination_value, by, at) in rows {
            let verdict = match verdict.as_str() {
                "take" => ConflictVerdict::Take,
                _ => ConflictVerdict::Keep,
            };
            let device = SourceId(device);
            let decision = ConflictDecision {
                device: device.clone(),
                field: field.clone(),
                verdict,
                source_value: parse("decided value", &source_value)?,
                destination_value: parse("decided value", &destination_value)?,
                by,
                at: instant(at),
            };
            decided
                .conflicts
                .entry(device)
                .or_default()
                .insert(field, decision);
        }
        Ok(decided)
    }

    /// Stores that records are left alone.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bridge, or when the database fails.
    pub async fn ignore(&self, bridge: &BridgeId, records: &[Ignored]) -> Result<()> {
        let mut tx = self.write().await?;
        move_on(&mut tx, bridge).await?;
        let mut notes = Vec::with_capacity(records.len());
        for record in records {
            put_ignored(&mut tx, bridge, record).await?;
            let detail = json!({ "bridge": bridge, "label": record.label, "reason": record.reason });
            notes.push(Note::new("record.ignored", named(record.kind, &record.source)).with(detail));
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }

    /// Forgets that a device is an asset, and leaves the device alone from now on, together.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bridge, or when the database fails.
    pub async fn unlink_and_ignore(&self, bridge: &BridgeId, record: &Ignored) -> Result<u64> {
        let mut tx = self.write().await?;
        move_on(&mut tx, bridge).await?;
        put_ignored(&mut tx, bridge, record).await?;
        let gone = execute!(
            tx,
            "DELETE FROM link WHERE bridge_id = $1 AND kind = $2 AND source_id = $3",
            bridge.as_str(),
            record.kind.as_str(),
            record.source.as_str()
        )?;
        let detail =
            json!({ "bridge": bridge, "label": record.label, "reason": record.reason, "links": gone });
        let note = Note::new("record.unlinked", named(record.kind, &record.source)).with(detail);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Takes back that records are left alone; how many of them were.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bridge, or when the database fails.
    pub async fn unignore(&self, bridge: &BridgeId, records: &[(RecordKind, SourceId)]) -> Result<u64> {
        let mut tx = self.write().await?;
        move_on(&mut tx, bridge).await?;
        let mut taken_back = 0;
        let mut notes = Vec::with_capacity(records.len());
        for (kind, source) in records {
            let rows = execute!(
                tx,
                "DELETE FROM ignored WHERE bridge_id = $1 AND kind = $2 AND source_id = $3",
                bridge.as_str(),
                kind.as_str(),
                source.as_str()
            )?;
            if rows > 0 {
                taken_back += rows;
                let detail = json!({ "bridge": bridge });
                notes.push(Note::new("record.unignored", named(*kind, source)).with(detail));
            }
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await?;
        Ok(taken_back)
    }

    /// Stores whose values stand.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such bridge, or when the database fails.
    pub async fn decide_conflicts(&self, bridge: &BridgeId, decisions: &[ConflictDecision]) -> Result<()> {
        let mut tx = self.write().await?;
        move_on(&mut tx, bridge).await?;
        let mut notes = Vec::with_capacity(decisions.len());
        for decision in decisions {
            execute!(
                tx,
                "INSERT INTO conflict_decision (bridge_id, device_id, field, verdict, source_value, destination_value,
                                                decided_by, decided_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (bridge_id, device_id, field) DO UPDATE SET verdict = excluded.verdict,
                     source_value = excluded.source_value, destination_value = excluded.destination_value,
                     decided_by = excluded.decided_by, decided_at = excluded.decided_at",
                bridge.as_str(),
                decision.device.as_str(),
                decision.field.as_str(),
                decision.verdict.as_str(),
                text("decided value", &decision.source_value)?,
                text("decided value", &decision.destination_value)?,
                plain(&decision.by),
                micros(decision.at)
            )?;
            let detail = json!({
                "bridge": bridge, "field": decision.field, "verdict": decision.verdict,
                "source": decision.source_value, "destination": decision.destination_value,
            });
            notes
                .push(Note::new("conflict.decided", named(RecordKind::Asset, &decision.device)).with(detail));
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await
    }
}

async fn put_ignored(tx: &mut Tx, bridge: &BridgeId, record: &Ignored) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO ignored (bridge_id, kind, source_id, label, reason, ignored_by, ignored_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (bridge_id, kind, source_id) DO UPDATE SET label = excluded.label,
             reason = excluded.reason, ignored_by = excluded.ignored_by, ignored_at = excluded.ignored_at",
        bridge.as_str(),
        record.kind.as_str(),
        record.source.as_str(),
        plain(&record.label),
        plain(&record.reason),
        plain(&record.by),
        micros(record.at)
    )?;
    Ok(())
}

/// What a record is called in the audit log.
pub(crate) fn named(kind: RecordKind, source: &SourceId) -> String {
    format!("{}:{source}", kind.as_str())
}

/// Moves a bridge's generation on: plans made before are refused from then on.
pub(crate) async fn move_on(tx: &mut Tx, bridge: &BridgeId) -> Result<()> {
    let rows = execute!(
        tx,
        "UPDATE bridge SET generation = generation + 1 WHERE id = $1",
        bridge.as_str()
    )?;
    match rows {
        0 => Err(Error::Missing {
            what: "bridge",
            name: bridge.to_string(),
        }),
        _ => Ok(()),
    }
}
