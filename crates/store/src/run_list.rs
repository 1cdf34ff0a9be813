//! Runs, as people look through them.

use crate::error::Result;
use crate::json::{instant, parse, plain};
use crate::open::Store;
use model::{BridgeId, ConnectionId, PlanId, Run, RunId, RunKind, RunState};

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only `read`, `apply` or `undo`.
    pub kind: Option<&'static str>,
    /// Only of this bridge.
    pub bridge: Option<BridgeId>,
    /// Only those that failed, or of which some items did.
    pub trouble: bool,
}

type RunRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    String,
    i64,
    Option<i64>,
    String,
    Option<String>,
);

const COLUMNS: &str = "SELECT id, kind, connection_id, bridge_id, plan_id, state, reason, actor, started, finished, counts, undoes FROM run";

fn run(row: RunRow) -> Result<Run> {
    let (id, kind, connection, bridge, plan, state, reason, actor, started, finished, counts, undoes) = row;
    let kind = match kind.as_str() {
        "apply" => RunKind::Apply {
            bridge: BridgeId(bridge.unwrap_or_default()),
            plan: PlanId(plan.unwrap_or_default()),
        },
        "undo" => RunKind::Undo {
            bridge: BridgeId(bridge.unwrap_or_default()),
            plan: PlanId(plan.unwrap_or_default()),
            run: RunId(undoes.unwrap_or_default()),
        },
        _ => RunKind::Read {
            connection: ConnectionId(connection.unwrap_or_default()),
        },
    };
    let state = match state.as_str() {
        "running" => RunState::Running,
        "finished" => RunState::Finished,
        _ => RunState::Failed {
            reason: reason.unwrap_or_default(),
        },
    };
    Ok(Run {
        id: RunId(id),
        kind,
        state,
        actor,
        started: instant(started),
        finished: finished.map(instant),
        counts: parse("counts of a run", &counts)?,
    })
}

impl Store {
    /// The newest runs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>> {
        let mut conn = self.read().await?;
        let sql = format!("{COLUMNS} ORDER BY turn DESC, id DESC LIMIT $1");
        let rows = fetch_all!(
            conn,
            RunRow,
            sqlx::AssertSqlSafe(sql),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(run).collect()
    }

    /// A page of the history, newest first, and how many runs there are of this sort.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_page(&self, which: &RunFilter, offset: u64, limit: usize) -> Result<(Vec<Run>, u64)> {
        let mut conn = self.read().await?;
        let trouble = which.trouble.then_some("trouble");
        // Counts are text: one that is not zero does not begin with 0.
        let fits = "WHERE (CAST($1 AS TEXT) IS NULL OR kind = $1) AND (CAST($2 AS TEXT) IS NULL OR bridge_id = $2)
            AND (CAST($3 AS TEXT) IS NULL OR state = 'failed' OR counts NOT LIKE '%\"failed\":0,%' OR counts NOT LIKE '%\"unknown\":0}%')";
        let bridge = which.bridge.as_ref().map(BridgeId::as_str);
        let sql = format!("{COLUMNS} {fits} ORDER BY turn DESC, id DESC LIMIT $4 OFFSET $5");
        let rows = fetch_all!(
            conn,
            RunRow,
            sqlx::AssertSqlSafe(sql),
            which.kind,
            bridge,
            trouble,
            i64::try_from(limit).unwrap_or(i64::MAX),
            i64::try_from(offset).unwrap_or(i64::MAX)
        )?;
        let sql = format!("SELECT COUNT(*) FROM run {fits}");
        let count = fetch_optional!(
            conn,
            (i64,),
            sqlx::AssertSqlSafe(sql),
            which.kind,
            bridge,
            trouble
        )?;
        let runs = rows.into_iter().map(run).collect::<Result<_>>()?;
        Ok((
            runs,
            count.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)),
        ))
    }

    /// Up to `limit` runs whose id begins so, newest first, and how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs_beginning(&self, id: &str, limit: usize) -> Result<(Vec<Run>, u64)> {
        let mut conn = self.read().await?;
        let length = i64::try_from(id.chars().count()).unwrap_or(i64::MAX);
        let begins = "WHERE substr(id, 1, CAST($1 AS INTEGER)) = $2";
        let sql = format!("{COLUMNS} {begins} ORDER BY turn DESC, id DESC LIMIT $3");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = fetch_all!(conn, RunRow, sqlx::AssertSqlSafe(sql), length, plain(id), limit)?;
        let sql = format!("SELECT COUNT(*) FROM run {begins}");
        let count = fetch_optional!(conn, (i64,), sqlx::AssertSqlSafe(sql), length, plain(id))?;
        let runs = rows.into_iter().map(run).collect::<Result<_>>()?;
        Ok((
            runs,
            count.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)),
        ))
    }
}
