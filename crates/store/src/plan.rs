//! Stored plans: a summary and its operations, written as they are made and visible when complete.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use crate::packed::unpack;
use crate::plan_rows::searched;
use crate::turn::next_turn;
use model::{
    Bridge, BridgeId, Operation, PlanAbout, PlanCounts, PlanId, PlanSummary, RecordId, RecordKind, RunId,
    SnapshotId, SourceId, UnlinkedAsset,
};
use serde_json::json;

/// Operations that wait in memory before they are written together.
const BATCH: usize = 1024;

/// Writes one plan; nothing of it is visible before [`PlanWriter::finish`].
#[derive(Debug)]
pub struct PlanWriter {
    store: Store,
    summary: PlanSummary,
    waiting: Vec<Operation>,
    unlinked: Vec<UnlinkedAsset>,
}

type Row = (
    String,
    String,
    String,
    i64,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
);

fn summary(
    (id, bridge, snapshot, generation, created, counts, warnings, undoes, about): Row,
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
        about: about.map(|about| parse("part of a plan", &about)).transpose()?,
    })
}

const COLUMNS: &str =
    "SELECT id, bridge_id, snapshot_id, generation, created, counts, warnings, undoes, about FROM plan";

impl Store {
    /// Begins to write a plan of `bridge` made from `snapshot`, or of the part it is `about`. `names_seen` is what
    /// [`Store::names_created`] said before anything of the destination was read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_plan(
        &self,
        bridge: &Bridge,
        snapshot: &SnapshotId,
        about: Option<&PlanAbout>,
        names_seen: i64,
    ) -> Result<PlanWriter> {
        self.begin(bridge, snapshot, None, about, names_seen).await
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
        self.begin(bridge, snapshot, Some(run.clone()), None, 0).await
    }

    async fn begin(
        &self,
        bridge: &Bridge,
        snapshot: &SnapshotId,
        undoes: Option<RunId>,
        about: Option<&PlanAbout>,
        names_seen: i64,
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
            about: about.cloned(),
        };
        let mut tx = self.write().await?;
        let turn = next_turn(&mut tx).await?;
        // What a killed process left half-made was never shown to anybody.
        execute!(
            tx,
            "DELETE FROM plan WHERE bridge_id = $1 AND ready = $2",
            bridge.id.as_str(),
            false
        )?;
        execute!(
            tx,
            "INSERT INTO plan (id, bridge_id, snapshot_id, generation, created, counts, warnings, ready, undoes,
                               about, names_seen, turn)
             VALUES ($1, $2, $3, $4, $5, '{}', '[]', $6, $7, $8, $9, $10)",
            summary.id.as_str(),
            summary.bridge.as_str(),
            summary.snapshot.as_str(),
            summary.generation,
            micros(summary.created),
            false,
            summary.undoes.as_ref().map(RunId::as_str),
            about.map(|about| text("part of a plan", about)).transpose()?,
            names_seen,
            turn
        )?;
        tx.commit().await?;
        Ok(PlanWriter {
            store: self.clone(),
            summary,
            waiting: Vec::new(),
            unlinked: Vec::new(),
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
            "{COLUMNS} WHERE bridge_id = $1 AND ready = $2 AND undoes IS NULL ORDER BY turn DESC, id DESC LIMIT 1"
        );
        let row = fetch_optional!(conn, Row, sqlx::AssertSqlSafe(sql), bridge.as_str(), true)?;
        row.map(summary).transpose()
    }

    /// The newest plan of a whole bridge that takes nothing back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_whole_plan(&self, bridge: &BridgeId) -> Result<Option<PlanSummary>> {
        let mut conn = self.read().await?;
        let sql = format!(
            "{COLUMNS} WHERE bridge_id = $1 AND ready = $2 AND undoes IS NULL AND about IS NULL
             ORDER BY turn DESC, id DESC LIMIT 1"
        );
        let row = fetch_optional!(conn, Row, sqlx::AssertSqlSafe(sql), bridge.as_str(), true)?;
        row.map(summary).transpose()
    }

    /// The newest plan of a whole bridge that takes nothing back, if it was begun after the run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn whole_plan_since(&self, bridge: &BridgeId, run: &RunId) -> Result<Option<PlanSummary>> {
        let Some(newest) = self.newest_whole_plan(bridge).await? else {
            return Ok(None);
        };
        let after = self.began_after(&newest.id, run).await?;
        Ok(after.then_some(newest))
    }

    /// Whether a plan was begun after a run was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn began_after(&self, plan: &PlanId, run: &RunId) -> Result<bool> {
        let mut conn = self.read().await?;
        let after = fetch_optional!(
            conn,
            (i64,),
            "SELECT p.turn FROM plan p JOIN run r ON r.turn < p.turn WHERE p.id = $1 AND r.id = $2",
            plan.as_str(),
            run.as_str()
        )?;
        Ok(after.is_some())
    }

    /// The operations of a plan about one source record, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations_about(
        &self,
        plan: &PlanId,
        kind: RecordKind,
        source: &SourceId,
    ) -> Result<Vec<Operation>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String,),
            "SELECT body FROM plan_operation WHERE plan_id = $1 AND kind = $2 AND source_id = $3 ORDER BY number",
            plan.as_str(),
            kind.as_str(),
            source.as_str()
        )?;
        rows.into_iter()
            .map(|(body,)| parse("operation", &body))
            .collect()
    }

    /// The operations of a plan with one of these actions ([`model::Action::name`]), in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations_that(&self, plan: &PlanId, actions: &[&str]) -> Result<Vec<Operation>> {
        let mut conn = self.read().await?;
        let mut found = Vec::new();
        for action in actions {
            let rows = fetch_all!(
                conn,
                (String,),
                "SELECT body FROM plan_operation WHERE plan_id = $1 AND action = $2 ORDER BY number",
                plan.as_str(),
                *action
            )?;
            for (body,) in rows {
                found.push(parse::<Operation>("operation", &body)?);
            }
        }
        found.sort_by_key(|operation| operation.number);
        Ok(found)
    }

    /// The assets of linked clients that a plan found to be no device's, by client and name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlinked_assets(&self, plan: &PlanId) -> Result<Vec<UnlinkedAsset>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String, String, String, Option<String>),
            "SELECT asset_id, client_id, client_label, label, device_id FROM plan_unlinked_asset WHERE plan_id = $1
             ORDER BY client_label, label, asset_id",
            plan.as_str()
        )?;
        let unlinked = rows
            .into_iter()
            .map(|(asset, client, client_label, label, device)| UnlinkedAsset {
                asset: RecordId(asset),
                client: RecordId(client),
                client_label,
                label,
                device: device.map(SourceId),
            });
        Ok(unlinked.collect())
    }

    /// Up to `limit` operations of a plan with numbers above `after`, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations(&self, plan: &PlanId, after: u32, limit: usize) -> Result<Vec<Operation>> {
        let mut conn = self.read().await?;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let sql = format!(
            "SELECT '[' || string_agg(o.body, ',') || ']' FROM (SELECT body FROM plan_operation
             WHERE plan_id = $1 AND number > $2 ORDER BY number LIMIT {limit}) o"
        );
        let row = fetch_optional!(
            conn,
            (Option<String>,),
            sqlx::AssertSqlSafe(sql),
            plan.as_str(),
            i64::from(after)
        )?;
        let list = row.and_then(|(list,)| list);
        let mut operations: Vec<Operation> = unpack("operations", list.as_deref())?;
        // An aggregate promises no order.
        operations.sort_unstable_by_key(|operation| operation.number);
        Ok(operations)
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

    /// Adds assets that are no device's.
    pub fn add_unlinked(&mut self, assets: Vec<UnlinkedAsset>) {
        self.unlinked.extend(assets);
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
        let rows: Vec<(&Operation, String, String)> = self
            .waiting
            .iter()
            .map(|o| Ok((o, text("operation", o)?, searched(o))))
            .collect::<Result<_>>()?;
        let plan = self.summary.id.as_str();
        insert_many!(
            tx,
            "INSERT INTO plan_operation (plan_id, number, action, kind, source_id, body, client, search)",
            8,
            "",
            rows,
            |q, r| q
                .bind(plan)
                .bind(i64::from(r.0.number))
                .bind(r.0.action.name())
                .bind(r.0.subject.kind.as_str())
                .bind(r.0.subject.source_id.as_str())
                .bind(r.1.as_str())
                .bind(plain(&r.0.client_label))
                .bind(plain(&r.2))
        )
        .map_err(|error| {
            if error.is_foreign_key_violation() {
                overtaken()
            } else {
                error
            }
        })?;
        self.waiting.clear();
        insert_many!(
            tx,
            "INSERT INTO plan_unlinked_asset (plan_id, asset_id, client_id, client_label, label, device_id)",
            6,
            "ON CONFLICT (plan_id, asset_id) DO NOTHING",
            self.unlinked,
            |q, r| q
                .bind(plan)
                .bind(r.asset.as_str())
                .bind(r.client.as_str())
                .bind(plain(&r.client_label))
                .bind(plain(&r.label))
                .bind(r.device.as_ref().map(SourceId::as_str))
        )?;
        self.unlinked.clear();
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
