//! Stored plans: a summary and its operations, written as they are made and visible when complete.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, text};
use crate::open::Store;
use model::{Bridge, BridgeId, Operation, PlanCounts, PlanId, PlanSummary, RunId, SnapshotId};
use serde_json::json;

/// Operations that wait in memory before they are written together.
const BATCH: usize = 1024;

/// Writes one plan; nothing of it is visible before [`PlanWriter::finish`].
#[derive(Debug)]
pub struct PlanWriter {
    store: Store,
    summary: PlanSummary,
    waiting: Vec<Operation>,
}

type Row = (String, String, String, i64, i64, String, String, Option<String>);

fn summary(
    (id, bridge, snapshot, generation, created, counts, warnings, undoes): Row,
) -> Result<PlanSummary> {
    Ok(PlanSummary {
        id: PlanId(id),
        bridge: BridgeId(bridge),
        snapshot: SnapshotId(snapshot),
        generation,
        created: instant(created),
        counts: parse("counts of a plan", &counts)?,
        warnings: parse("warnings of a plan", &warnings)?,
        undoes: undoes.map(RunId),
    })
}

const COLUMNS: &str =
    "SELECT id, bridge_id, snapshot_id, generation, created, counts, warnings, undoes FROM plan";

impl Store {
    /// Begins to write a plan of `bridge` made from `snapshot`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_plan(&self, bridge: &Bridge, snapshot: &SnapshotId) -> Result<PlanWriter> {
        self.begin(bridge, snapshot, None).await
    }

    /// Begins to write the plan that takes back what a run wrote; the run's plan was made from `snapshot`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_undo_plan(
        &self,
        bridge: &Bridge,
        snapshot: &SnapshotId,
        run: &RunId,
    ) -> Result<PlanWriter> {
        self.begin(bridge, snapshot, Some(run.clone())).await
    }

    async fn begin(
        &self,
        bridge: &Bridge,
        snapshot: &SnapshotId,
        undoes: Option<RunId>,
    ) -> Result<PlanWriter> {
        let summary = PlanSummary {
            id: self.new_id().into(),
            bridge: bridge.id.clone(),
            snapshot: snapshot.clone(),
            generation: bridge.generation,
            created: self.clock.now(),
            counts: PlanCounts::default(),
            warnings: Vec::new(),
            undoes,
        };
        let mut tx = self.write().await?;
        // What a killed process left half-made was never shown to anybody.
        execute!(
            tx,
            "DELETE FROM plan WHERE bridge_id = $1 AND ready = $2",
            bridge.id.as_str(),
            false
        )?;
        execute!(
            tx,
            "INSERT INTO plan (id, bridge_id, snapshot_id, generation, created, counts, warnings, ready, undoes)
             VALUES ($1, $2, $3, $4, $5, '{}', '[]', $6, $7)",
            summary.id.as_str(),
            summary.bridge.as_str(),
            summary.snapshot.as_str(),
            summary.generation,
            micros(summary.created),
            false,
            summary.undoes.as_ref().map(RunId::as_str)
        )?;
        tx.commit().await?;
        Ok(PlanWriter {
            store: self.clone(),
            summary,
            waiting: Vec::new(),
        })
    }

    /// A plan's summary.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn plan(&self, id: &PlanId) -> Result<PlanSummary> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1 AND ready = $2")),
            id.as_str(),
            true
        )?;
        summary(row.ok_or_else(|| Error::Missing {
            what: "plan",
            name: id.to_string(),
        })?)
    }

    /// The newest plan of a bridge that takes nothing back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_plan(&self, bridge: &BridgeId) -> Result<Option<PlanSummary>> {
        let mut conn = self.read().await?;
        let sql = format!(
            "{COLUMNS} WHERE bridge_id = $1 AND ready = $2 AND undoes IS NULL ORDER BY created DESC, id DESC LIMIT 1"
        );
        let row = fetch_optional!(conn, Row, sqlx::AssertSqlSafe(sql), bridge.as_str(), true)?;
        row.map(summary).transpose()
    }

    /// Up to `limit` operations of a plan with numbers above `after`, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations(&self, plan: &PlanId, after: u32, limit: usize) -> Result<Vec<Operation>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String,),
            "SELECT body FROM plan_operation WHERE plan_id = $1 AND number > $2 ORDER BY number LIMIT $3",
            plan.as_str(),
            i64::from(after),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter()
            .map(|(body,)| parse("operation", &body))
            .collect()
    }

    /// Whether the bridge still has the generation a plan was made from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_is_current(&self, plan: &PlanSummary) -> Result<bool> {
        Ok(self.bridge(&plan.bridge).await?.generation == plan.generation)
    }
}

impl PlanWriter {
    /// Adds operations.
    ///
    /// # Errors
    /// [`Error::Moved`] when a later plan of the bridge was begun, or when the database fails.
    pub async fn add(&mut self, operations: Vec<Operation>) -> Result<()> {
        self.waiting.extend(operations);
        if self.waiting.len() >= BATCH {
            self.flush().await
        } else {
            Ok(())
        }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        self.write_waiting(&mut tx).await?;
        tx.commit().await
    }

    async fn write_waiting(&mut self, tx: &mut Tx) -> Result<()> {
        let rows: Vec<(&Operation, String)> = self
            .waiting
            .iter()
            .map(|o| Ok((o, text("operation", o)?)))
            .collect::<Result<_>>()?;
        let plan = self.summary.id.as_str();
        insert_many!(
            tx,
            "INSERT INTO plan_operation (plan_id, number, action, kind, source_id, body)",
            6,
            "",
            rows,
            |q, r| q
                .bind(plan)
                .bind(i64::from(r.0.number))
                .bind(r.0.action.name())
                .bind(r.0.subject.kind.as_str())
                .bind(r.0.subject.source_id.as_str())
                .bind(r.1.as_str())
        )
        .map_err(|error| {
            if error.is_foreign_key_violation() {
                overtaken()
            } else {
                error
            }
        })?;
        self.waiting.clear();
        Ok(())
    }

    /// Makes the plan visible.
    ///
    /// # Errors
    /// [`Error::Moved`] when the bridge's generation moved on or a later plan was begun while this one was made, or
    /// when the database fails.
    pub async fn finish(mut self, counts: PlanCounts, warnings: Vec<String>) -> Result<PlanSummary> {
        let mut tx = self.store.write().await?;
        self.write_waiting(&mut tx).await?;
        let current = fetch_optional!(
            tx,
            (i64, String),
            "SELECT generation, name FROM bridge WHERE id = $1",
            self.summary.bridge.as_str()
        )?;
        if let Some((generation, name)) = current
            && generation != self.summary.generation
        {
            return Err(Error::Moved {
                what: format!("bridge `{name}`"),
            });
        }
        self.summary.counts = counts;
        self.summary.warnings = warnings;
        let rows = execute!(
            tx,
            "UPDATE plan SET counts = $1, warnings = $2, ready = $3 WHERE id = $4",
            text("counts of a plan", &self.summary.counts)?,
            text("warnings of a plan", &self.summary.warnings)?,
            true,
            self.summary.id.as_str()
        )?;
        if rows == 0 {
            return Err(overtaken());
        }
        let detail = json!({
            "bridge": self.summary.bridge, "counts": self.summary.counts, "undoes": self.summary.undoes,
        });
        let note = Note::new("plan.made", self.summary.id.as_str()).with(detail);
        self.store.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(self.summary)
    }
}

/// A later plan of the same bridge, or the bridge's end, has removed this one's rows.
fn overtaken() -> Error {
    Error::Moved {
        what: "the plan".to_owned(),
    }
}
