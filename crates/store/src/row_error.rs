//! What went wrong with single records, over all runs of a bridge, and what came right since.

use crate::db::{ROWS_PER_STATEMENT, values_statement};
use crate::error::Result;
use crate::json::{instant, parse};
use crate::open::Store;
use jiff::Timestamp;
use model::{Bridge, BridgeId, Operation, Outcome, PlanId, RecordKind, RunId, SourceId};
use std::collections::BTreeMap;

/// One item of a run, with its operation.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordItem {
    /// The plan it is of.
    pub plan: PlanId,
    /// The run that has it.
    pub run: RunId,
    /// The run that this one undoes, if it does.
    pub undoes: Option<RunId>,
    /// The turn of that run: what began later has a higher one.
    pub turn: i64,
    /// When it ended so.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// The operation.
    pub operation: Operation,
}

type Row = (String, String, Option<String>, i64, i64, String, String);

fn item((plan, run, undoes, turn, at, detail, body): Row) -> Result<RecordItem> {
    Ok(RecordItem {
        plan: PlanId(plan),
        run: RunId(run),
        undoes: undoes.map(RunId),
        turn,
        at: instant(at),
        outcome: parse("outcome", &detail)?,
        operation: parse("operation", &body)?,
    })
}

impl Store {
    /// The operations of all runs of a bridge that did not end well, each as the last run that tried has it, the oldest
    /// first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn items_not_done(&self, bridge: &BridgeId) -> Result<Vec<RecordItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT i.plan_id, i.run_id, r.undoes, r.turn, i.updated, i.detail, o.body
             FROM run r
             JOIN run_item i ON i.run_id = r.id AND i.state <> 'done'
             JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE r.bridge_id = $1
               AND NOT EXISTS (SELECT 1 FROM run_item n JOIN run m ON m.id = n.run_id
                               WHERE n.plan_id = i.plan_id AND n.number = i.number
                                 AND (n.state = 'done' OR m.turn > r.turn))
             ORDER BY r.turn, i.plan_id, i.number",
            bridge.as_str()
        )?;
        rows.into_iter().map(item).collect()
    }

    /// The items about one record in all runs of a bridge, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn items_about(
        &self,
        bridge: &BridgeId,
        kind: RecordKind,
        source: &SourceId,
    ) -> Result<Vec<RecordItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT i.plan_id, i.run_id, r.undoes, r.turn, i.updated, i.detail, o.body
             FROM plan p
             JOIN plan_operation o ON o.plan_id = p.id AND o.kind = $2 AND o.source_id = $3
             JOIN run_item i ON i.plan_id = o.plan_id AND i.number = o.number
             JOIN run r ON r.id = i.run_id
             WHERE p.bridge_id = $1 ORDER BY r.turn, i.plan_id, i.number",
            bridge.as_str(),
            kind.as_str(),
            source.as_str()
        )?;
        rows.into_iter().map(item).collect()
    }

    /// When each of these records was last written, or taken back, with success: the turn of the run and the time, which
    /// tells within a run. `marker` says how our mark of a record reads.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_successes(
        &self,
        bridge: &Bridge,
        records: &[(RecordKind, SourceId)],
        marker: impl Fn(&(RecordKind, SourceId)) -> String,
    ) -> Result<BTreeMap<(RecordKind, SourceId), (i64, Timestamp)>> {
        let mut conn = self.read().await?;
        let mut last: BTreeMap<(RecordKind, SourceId), (i64, Timestamp)> = BTreeMap::new();
        let mut see = |record: (RecordKind, SourceId), (turn, at): (i64, i64)| {
            let success = (turn, instant(at));
            let known = last.entry(record).or_insert(success);
            *known = success.max(*known);
        };
        for chunk in records.chunks(ROWS_PER_STATEMENT) {
            for prefix in [
                "SELECT kind, source_id, turn, updated FROM link WHERE (bridge_id, kind, source_id) IN (",
                "SELECT u.kind, u.source_id, r.turn, u.undone_at FROM undone u JOIN run r ON r.id = u.run_id
                 WHERE (u.bridge_id, u.kind, u.source_id) IN (",
            ] {
                let sql = values_statement(prefix, 3, chunk.len(), ")");
                let rows: Vec<(String, String, i64, i64)> = on_either!(conn, c => {
                    let mut query = sqlx::query_as(sql);
                    for (kind, source) in chunk {
                        query = query.bind(bridge.id.as_str()).bind(kind.as_str()).bind(source.as_str());
                    }
                    query.fetch_all(&mut *c).await
                })?;
                for (kind, source, turn, at) in rows {
                    if let Some(kind) = RecordKind::named(&kind) {
                        see((kind, SourceId(source)), (turn, at));
                    }
                }
            }
            // An archived asset keeps its link as it was: its last write is known by its claim.
            let markers: BTreeMap<String, &(RecordKind, SourceId)> =
                chunk.iter().map(|record| (marker(record), record)).collect();
            let sql = values_statement(
                "SELECT c.marker, r.turn, i.updated FROM write_claim c
                 JOIN run_item i ON i.plan_id = c.plan_id AND i.number = c.number AND i.state = 'done'
                 JOIN run r ON r.id = i.run_id
                 WHERE (c.destination_id, c.marker) IN (",
                2,
                markers.len(),
                ")",
            );
            let rows: Vec<(String, i64, i64)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sql);
                for marker in markers.keys() {
                    query = query.bind(bridge.destination.as_str()).bind(marker.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            for (marker, turn, at) in rows {
                if let Some(record) = markers.get(&marker) {
                    see((*record).clone(), (turn, at));
                }
            }
        }
        Ok(last)
    }
}
