//! Runs and their items. An outcome, its link and the claim it settles (`claim.rs`) are one transaction.

use crate::audit::Note;
use crate::claim::{Attempt, Settled, settle};
use crate::db::Tx;
use crate::error::Result;
use crate::job_list::abandoned;
use crate::json::{micros, parse, plain, text};
use crate::link::{WrittenValue, put_link};
use crate::open::Store;
use crate::turn::next_turn;
use crate::undone::{NewUndone, put_undone};
use jiff::Timestamp;
use model::{
    Bridge, BridgeId, ConnectionId, Operation, Outcome, PlanId, RecordId, RecordKind, Run, RunCounts, RunId,
    RunKind, RunState, SourceId,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// An operation that was begun and has an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunItem {
    /// Its number in the plan.
    pub number: u32,
    /// The run that has it.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
}

fn run_item((number, run, detail): (i64, String, String)) -> Result<RunItem> {
    Ok(RunItem {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        run: RunId(run),
        outcome: parse("outcome", &detail)?,
    })
}

/// An outcome to record, and the link that goes with it.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// The operation's number in the plan.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The link to store with it.
    pub link: Option<NewLink>,
    /// The claim it settles; `None` where nothing was sent, or may still arrive.
    pub settles: Option<Settled>,
    /// What it takes back, in a run that undoes an earlier one.
    pub undone: Option<NewUndone>,
}

/// A link to store.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What is linked.
    pub kind: RecordKind,
    /// The source record.
    pub source: SourceId,
    /// The destination record.
    pub destination: RecordId,
    /// What was written, by field.
    pub written: BTreeMap<String, WrittenValue>,
}

/// How many items of a run ended how.
async fn count_items(tx: &mut Tx, run: &str) -> Result<RunCounts> {
    let rows = fetch_all!(
        tx,
        (String, i64),
        "SELECT state, COUNT(*) FROM run_item WHERE run_id = $1 GROUP BY state",
        run
    )?;
    Ok(counts_of(rows))
}

/// Counts out of the numbers of items by their state.
pub(crate) fn counts_of(rows: Vec<(String, i64)>) -> RunCounts {
    let mut counts = RunCounts::default();
    for (state, count) in rows {
        let count = u64::try_from(count).unwrap_or(0);
        match state.as_str() {
            "done" => counts.done = count,
            "failed" => counts.failed = count,
            "skipped" => counts.skipped = count,
            _ => counts.unknown = count,
        }
    }
    counts
}

/// Adds the items of a run up once more.
async fn recount(tx: &mut Tx, run: &str) -> Result<RunCounts> {
    let counts = count_items(tx, run).await?;
    execute!(
        tx,
        "UPDATE run SET counts = $1 WHERE id = $2",
        text("counts of a run", &counts)?,
        run
    )?;
    Ok(counts)
}

/// Keeps others from ending a run, or from adding to it, before this transaction is over; whether it goes on, or `None`
/// where there is no such run.
async fn lock_run(tx: &mut Tx, run: &RunId) -> Result<Option<bool>> {
    let row = fetch_optional!(
        tx,
        (String,),
        "UPDATE run SET state = state WHERE id = $1 RETURNING state",
        run.as_str()
    )?;
    Ok(row.map(|(state,)| state == "running"))
}

/// Stores how an operation ended in the books of a run. What is done stays done.
async fn put_item(
    tx: &mut Tx,
    run: &RunId,
    plan: &PlanId,
    number: u32,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<()> {
    let state = match outcome {
        Outcome::Done { .. } => "done",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::Unknown { .. } => "unknown",
    };
    execute!(
        tx,
        "INSERT INTO run_item (run_id, plan_id, number, state, detail, updated) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (run_id, number) DO UPDATE SET state = excluded.state, detail = excluded.detail,
             updated = excluded.updated
         WHERE run_item.state <> 'done' OR excluded.state = 'done'",
        run.as_str(),
        plan.as_str(),
        i64::from(number),
        state,
        text("outcome", outcome)?,
        micros(now)
    )?;
    Ok(())
}

/// Puts what was found out of an attempt into the books of its run, where that is still kept.
pub(crate) async fn put_found_out(
    tx: &mut Tx,
    attempt: &Attempt,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<()> {
    let Some(goes_on) = lock_run(tx, &attempt.run).await? else {
        return Ok(());
    };
    put_item(tx, &attempt.run, &attempt.plan, attempt.number, outcome, now).await?;
    if !goes_on {
        recount(tx, attempt.run.as_str()).await?;
    }
    Ok(())
}

impl Store {
    /// Begins a run. It is abandoned once nothing renews the lease by which `holder` says that it lives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_run(&self, kind: RunKind, actor: &str, holder: &str) -> Result<Run> {
        let run = Run {
            id: self.new_id().into(),
            kind,
            state: RunState::Running,
            actor: actor.to_owned(),
            started: self.clock.now(),
            finished: None,
            counts: RunCounts::default(),
        };
        let (name, connection, bridge, plan, undoes) = match &run.kind {
            RunKind::Read { connection } => ("read", Some(connection), None, None, None),
            RunKind::Apply { bridge, plan } => ("apply", None, Some(bridge), Some(plan), None),
            RunKind::Undo { bridge, plan, run } => ("undo", None, Some(bridge), Some(plan), Some(run)),
        };
        let mut tx = self.write().await?;
        let turn = next_turn(&mut tx).await?;
        execute!(
            tx,
            "INSERT INTO run (id, kind, connection_id, bridge_id, plan_id, state, actor, started, counts, undoes, holder,
                              turn)
             VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, $9, $10, $11)",
            run.id.as_str(),
            name,
            connection.map(ConnectionId::as_str),
            bridge.map(BridgeId::as_str),
            plan.map(PlanId::as_str),
            actor,
            micros(run.started),
            text("counts of a run", &run.counts)?,
            undoes.map(RunId::as_str),
            holder,
            turn
        )?;
        let note = Note::new("run.begun", run.id.as_str()).with(json!({ "kind": run.kind }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(run)
    }

    /// Ends a run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_run(&self, run: &mut Run, state: RunState) -> Result<()> {
        run.state = state;
        run.finished = Some(self.clock.now());
        let (name, reason) = match &run.state {
            RunState::Running => ("running", None),
            RunState::Finished => ("finished", None),
            RunState::Failed { reason } => ("failed", Some(reason.as_str())),
        };
        let mut tx = self.write().await?;
        lock_run(&mut tx, &run.id).await?;
        // One that broke off does not know whether its last outcomes were stored, and somebody else may have found out
        // more.
        if let RunKind::Apply { .. } | RunKind::Undo { .. } = &run.kind {
            run.counts = count_items(&mut tx, run.id.as_str()).await?;
        }
        execute!(
            tx,
            "UPDATE run SET state = $1, reason = $2, finished = $3, counts = $4 WHERE id = $5",
            name,
            reason.map(plain),
            run.finished.map(micros),
            text("counts of a run", &run.counts)?,
            run.id.as_str()
        )?;
        let ended = json!({ "state": run.state, "counts": run.counts });
        let note = Note::new("run.ended", run.id.as_str()).with(ended);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Ends runs whose process is gone: no lease says that it lives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_abandoned_runs(&self, reason: &str) -> Result<u64> {
        let mut tx = self.write().await?;
        let sql = format!(
            "UPDATE run SET state = 'failed', reason = $2, finished = $3
             WHERE state = 'running' AND (holder IS NULL OR {}) RETURNING id, kind",
            abandoned("run")
        );
        let now = self.database_time(&mut tx).await?;
        let ended = fetch_all!(
            tx,
            (String, String),
            sqlx::AssertSqlSafe(sql),
            micros(now),
            plain(reason),
            micros(self.clock.now())
        )?;
        let state = RunState::Failed {
            reason: reason.to_owned(),
        };
        let mut notes = Vec::with_capacity(ended.len());
        for (id, kind) in &ended {
            let mut detail = json!({ "state": state });
            // What it did stands, and its process did not come to add it up.
            if kind != "read" {
                detail["counts"] = json!(recount(&mut tx, id).await?);
            }
            notes.push(Note::new("run.ended", id).with(detail));
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await?;
        Ok(ended.len() as u64)
    }

    /// What the operations of a plan that were begun came to, by number: done in whichever run, or else as the newest
    /// run that had to do with it has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_items(&self, plan: &PlanId) -> Result<BTreeMap<u32, RunItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64, String, String),
            "SELECT number, run_id, detail FROM run_item WHERE plan_id = $1
             ORDER BY CASE state WHEN 'done' THEN 1 ELSE 0 END, updated, run_id",
            plan.as_str()
        )?;
        let items = rows.into_iter().map(run_item);
        items.map(|item| item.map(|item| (item.number, item))).collect()
    }

    /// The items of one run, by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn items_of(&self, run: &RunId) -> Result<BTreeMap<u32, RunItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64, String, String),
            "SELECT number, run_id, detail FROM run_item WHERE run_id = $1",
            run.as_str()
        )?;
        let items = rows.into_iter().map(run_item);
        items.map(|item| item.map(|item| (item.number, item))).collect()
    }

    /// The items of one run that did not end well, by number, each with its operation where the plan is still kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failed_items(&self, run: &RunId) -> Result<Vec<(u32, Outcome, Option<Operation>)>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64, String, Option<String>),
            "SELECT i.number, i.detail, o.body FROM run_item i
             LEFT JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE i.run_id = $1 AND i.state <> 'done' ORDER BY i.number",
            run.as_str()
        )?;
        rows.into_iter()
            .map(|(number, detail, body)| {
                Ok((
                    u32::try_from(number).unwrap_or(u32::MAX),
                    parse("outcome", &detail)?,
                    body.map(|body| parse("operation", &body)).transpose()?,
                ))
            })
            .collect()
    }

    /// Records outcomes with their links and settles their claims, together. Returned are the numbers of items that
    /// were not recorded, since another writer holds their claim by now: what they say is that writer's to find out.
    ///
    /// # Errors
    /// When the database fails; then nothing of it stands.
    pub async fn record(
        &self,
        run: &RunId,
        plan: &PlanId,
        bridge: &Bridge,
        items: Vec<NewItem>,
    ) -> Result<BTreeSet<u32>> {
        let held: Vec<Settled> = items.iter().filter_map(|item| item.settles.clone()).collect();
        let mut lost = BTreeSet::new();
        let now = self.clock.now();
        let mut tx = self.write().await?;
        let settled = settle(&mut tx, &bridge.destination, &held).await?;
        // One that was taken for dead, and added up, comes to a little more.
        let taken_for_dead = lock_run(&mut tx, run).await? == Some(false);
        let mut notes = Vec::with_capacity(items.len());
        for item in items {
            let sent = item.settles.as_ref().map(|held| held.marker.clone());
            if item.settles.is_some_and(|held| !settled.contains(&held.marker)) {
                lost.insert(item.number);
                continue;
            }
            if let Some(link) = item.link {
                put_link(&mut tx, &bridge.id, Some(run), link, now).await?;
            }
            if let Some(undone) = item.undone {
                put_undone(&mut tx, &bridge.id, run, undone, now).await?;
            }
            put_item(&mut tx, run, plan, item.number, &item.outcome, now).await?;
            if let Some(marker) = sent {
                let detail = json!({ "run": run, "number": item.number, "outcome": item.outcome });
                notes.push(Note::new("write.ended", marker).with(detail));
            }
        }
        if taken_for_dead {
            recount(&mut tx, run.as_str()).await?;
        }
        self.note(&mut tx, &notes).await?;
        tx.commit().await?;
        Ok(lost)
    }
}
