//! Undo: what a run wrote, what of it was taken back by which run, and the records that wait for a release since.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::Result;
use crate::json::{instant, micros, parse, plain};
use crate::link::put_link;
use crate::open::Store;
use crate::run::NewLink;
use jiff::Timestamp;
use model::{
    BridgeId, Operation, Outcome, PlanId, PlanSummary, RecordId, RecordKind, RunId, SourceId, Undone,
};
use serde_json::json;
use std::collections::BTreeMap;

/// An operation a run carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct DoneItem {
    /// Its number in the run's plan.
    pub number: u32,
    /// The record it ended with.
    pub record: RecordId,
    /// The run that took it back.
    pub undone_by: Option<RunId>,
    /// The operation, where its plan is still kept.
    pub operation: Option<Operation>,
}

/// What an operation of an undo takes back.
#[derive(Clone, Debug)]
pub struct NewUndone {
    /// The plan of the run that is undone.
    pub plan: PlanId,
    /// The number of the operation in it.
    pub number: u32,
    /// The kind of the source record.
    pub kind: RecordKind,
    /// The source record.
    pub source: SourceId,
    /// Its record in the destination.
    pub record: RecordId,
    /// Whether the link to that record goes.
    pub unlinked: bool,
    /// What it is linked to instead.
    pub linked_to: Option<RecordId>,
    /// Who asked for it.
    pub by: String,
}

type Row = (String, String, String, String, String, i64, Option<i64>);

fn undone((kind, source, record, run, by, at, released): Row) -> Option<Undone> {
    Some(Undone {
        kind: RecordKind::named(&kind)?,
        source: SourceId(source),
        record: RecordId(record),
        run: RunId(run),
        by,
        at: instant(at),
        released: released.map(instant),
    })
}

impl Store {
    /// What a run wrote, by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn done_items(&self, run: &RunId) -> Result<Vec<DoneItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64, String, Option<String>, Option<String>),
            "SELECT i.number, i.detail, i.undone_by, o.body FROM run_item i
             LEFT JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE i.run_id = $1 AND i.state = 'done' ORDER BY i.number",
            run.as_str()
        )?;
        let mut items = Vec::with_capacity(rows.len());
        for (number, detail, undone_by, body) in rows {
            if let Outcome::Done { record } = parse("outcome", &detail)? {
                items.push(DoneItem {
                    number: u32::try_from(number).unwrap_or(u32::MAX),
                    record,
                    undone_by: undone_by.map(RunId),
                    operation: body.map(|body| parse("operation", &body)).transpose()?,
                });
            }
        }
        Ok(items)
    }

    /// Marks operations of a plan as taken back by `run`: those of which nothing is to be written, since what is left
    /// of them stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_undone(&self, plan: &PlanId, numbers: &[u32], run: &RunId) -> Result<()> {
        let mut tx = self.write().await?;
        for number in numbers {
            take_back(&mut tx, plan, *number, run).await?;
        }
        if !numbers.is_empty() {
            let detail = json!({ "plan": plan, "numbers": numbers });
            self.note(&mut tx, &[Note::new("undone.settled", run.as_str()).with(detail)])
                .await?;
        }
        tx.commit().await
    }

    /// The records of a bridge whose writes were undone, released ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn undone(&self, bridge: &BridgeId) -> Result<BTreeMap<(RecordKind, SourceId), Undone>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT kind, source_id, destination_id, run_id, undone_by, undone_at, released_at
             FROM undone WHERE bridge_id = $1",
            bridge.as_str()
        )?;
        let all = rows.into_iter().filter_map(undone);
        Ok(all
            .map(|undone| ((undone.kind, undone.source.clone()), undone))
            .collect())
    }

    /// Lets undone records be written again, all of the bridge or these; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_undone(
        &self,
        bridge: &BridgeId,
        records: Option<&[(RecordKind, SourceId)]>,
        by: &str,
    ) -> Result<u64> {
        let now = micros(self.clock.now());
        let mut tx = self.write().await?;
        let released = match records {
            None => execute!(
                tx,
                "UPDATE undone SET released_by = $1, released_at = $2 WHERE bridge_id = $3 AND released_at IS NULL",
                plain(by),
                now,
                bridge.as_str()
            )?,
            Some(records) => {
                let mut released = 0;
                for (kind, source) in records {
                    released += execute!(
                        tx,
                        "UPDATE undone SET released_by = $1, released_at = $2
                         WHERE bridge_id = $3 AND kind = $4 AND source_id = $5 AND released_at IS NULL",
                        plain(by),
                        now,
                        bridge.as_str(),
                        kind.as_str(),
                        source.as_str()
                    )?;
                }
                released
            }
        };
        let which: Option<Vec<String>> = records.map(|all| {
            all.iter()
                .map(|(kind, source)| format!("{}:{source}", kind.as_str()))
                .collect()
        });
        let note = Note::new("undone.released", bridge.as_str())
            .with(json!({ "records": which, "released": released }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// A run that began to write on the same bridge after the plan was begun, and by another plan: an undo, or any run
    /// when the plan is one of an undo itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wrote_since(&self, plan: &PlanSummary) -> Result<Option<RunId>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String,),
            "SELECT id FROM run WHERE bridge_id = $1 AND plan_id <> $2 AND (kind = 'undo' OR $3)
               AND turn > (SELECT p.turn FROM plan p WHERE p.id = $2) ORDER BY turn DESC LIMIT 1",
            plan.bridge.as_str(),
            plan.id.as_str(),
            plan.undoes.is_some()
        )?;
        Ok(row.map(|(id,)| RunId(id)))
    }
}

/// Records that an operation was taken back: the mark on its source record, and what becomes of the link.
pub(crate) async fn put_undone(
    tx: &mut Tx,
    bridge: &BridgeId,
    run: &RunId,
    undone: NewUndone,
    now: Timestamp,
) -> Result<()> {
    let NewUndone {
        plan,
        number,
        kind,
        source,
        record,
        unlinked,
        linked_to,
        by,
    } = undone;
    if unlinked {
        execute!(
            tx,
            "DELETE FROM link WHERE bridge_id = $1 AND kind = $2 AND source_id = $3 AND destination_id = $4",
            bridge.as_str(),
            kind.as_str(),
            source.as_str(),
            record.as_str()
        )?;
    }
    if let Some(again) = linked_to {
        let link = NewLink {
            kind,
            source: source.clone(),
            destination: again,
            written: BTreeMap::new(),
        };
        put_link(tx, bridge, Some(run), link, now).await?;
    }
    execute!(
        tx,
        "INSERT INTO undone (bridge_id, kind, source_id, destination_id, run_id, undone_by, undone_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (bridge_id, kind, source_id) DO UPDATE SET destination_id = excluded.destination_id,
             run_id = excluded.run_id, undone_by = excluded.undone_by, undone_at = excluded.undone_at,
             released_by = NULL, released_at = NULL",
        bridge.as_str(),
        kind.as_str(),
        source.as_str(),
        record.as_str(),
        run.as_str(),
        plain(&by),
        micros(now)
    )?;
    take_back(tx, &plan, number, run).await
}

async fn take_back(tx: &mut Tx, plan: &PlanId, number: u32, run: &RunId) -> Result<()> {
    execute!(
        tx,
        "UPDATE run_item SET undone_by = $1 WHERE plan_id = $2 AND number = $3 AND state = 'done'",
        run.as_str(),
        plan.as_str(),
        i64::from(number)
    )?;
    Ok(())
}
