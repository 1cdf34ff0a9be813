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
    /// When it ended so.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// The operation.
    pub operation: Operation,
}

type Row = (String, String, Option<String>, i64, String, String);

fn item((plan, run, undoes, at, detail, body): Row) -> Result<RecordItem> {
    Ok(RecordItem {
        plan: PlanId(plan),
        run: RunId(run),
        undoes: undoes.map(RunId),
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
            "SELECT i.plan_id, i.run_id, r.undoes, i.updated, i.detail, o.body
             FROM run r
             JOIN run_item i ON i.run_id = r.id AND i.state <> 'done'
             JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE r.bridge_id = $1
               AND NOT EXISTS (SELECT 1 FROM run_item n WHERE n.plan_id = i.plan_id AND n.number = i.number
                               AND (n.state = 'done' OR n.updated > i.updated
                                    OR (n.updated = i.updated AND n.run_id > i.run_id)))
             ORDER BY i.updated, i.plan_id, i.number",
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
            "SELECT i.plan_id, i.run_id, r.undoes, i.updated, i.detail, o.body
             FROM plan p
             JOIN plan_operation o ON o.plan_id = p.id AND o.kind = $2 AND o.source_id = $3
             JOIN run_item i ON i.plan_id = o.plan_id AND i.number = o.number
             JOIN run r ON r.id = i.run_id
             WHERE p.bridge_id = $1 ORDER BY i.updated, i.plan_id, i.number",
            bridge.as_str(),
            kind.as_str(),
            source.as_str()
        )?;
        rows.into_iter().map(item).collect()
    }

    /// When each of these records was last written, or taken back, with success: `marker` says how our mark of a record
    /// reads.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_successes(
        &self,
        bridge: &Bridge,
        records: &[(RecordKind, SourceId)],
        marker: impl Fn(&(RecordKind, SourceId)) -> String,
    ) -> Result<BTreeMap<(RecordKind, SourceId), Timestamp>> {
        let mut conn = self.read().await?;
        let mut last: BTreeMap<(RecordKind, SourceId), Timestamp> = BTreeMap::new();
        let mut see = |record: (RecordKind, SourceId), at: i64| {
            let at = instant(at);
            let known = last.entry(record).or_insert(at);
            *known = at.max(*known);
        };
        for chunk in records.chunks(ROWS_PER_STATEMENT) {
            for prefix in [
                "SELECT kind, source_id, updated FROM link WHERE (bridge_id, kind, source_id) IN (",
                "SELECT kind, source_id, undone_at FROM undone WHERE (bridge_id, kind, source_id) IN (",
            ] {
                let sql = values_statement(prefix, 3, chunk.len(), ")");
                let rows: Vec<(String, String, i64)> = on_either!(conn, c => {
                    let mut query = sqlx::query_as(sql);
                    for (kind, source) in chunk {
                        query = query.bind(bridge.id.as_str()).bind(kind.as_str()).bind(source.as_str());
                    }
                    query.fetch_all(&mut *c).await
                })?;
                for (kind, source, at) in rows {
                    if let Some(kind) = RecordKind::named(&kind) {
                        see((kind, SourceId(source)), at);
                    }
                }
            }
            // An archived asset keeps its link as it was: its last write is known by its claim.
            let markers: BTreeMap<String, &(RecordKind, SourceId)> =
                chunk.iter().map(|record| (marker(record), record)).collect();
            let sql = values_statement(
                "SELECT c.marker, i.updated FROM write_claim c
                 JOIN run_item i ON i.plan_id = c.plan_id AND i.number = c.number AND i.state = 'done'
                 WHERE (c.destination_id, c.marker) IN (",
                2,
                markers.len(),
                ")",
            );
            let rows: Vec<(String, i64)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sql);
                for marker in markers.keys() {
                    query = query.bind(bridge.destination.as_str()).bind(marker.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            for (marker, at) in rows {
                if let Some(record) = markers.get(&marker) {
                    see((*record).clone(), at);
                }
            }
        }
        Ok(last)
    }
}
