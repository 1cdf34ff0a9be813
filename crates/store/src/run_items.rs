//! The items of one run, as people look through them.

use crate::error::Result;
use crate::json::{instant, micros, parse};
use crate::open::Store;
use crate::run::counts_of;
use jiff::Timestamp;
use model::{Operation, Outcome, PlanId, Run, RunCounts, RunId, RunState};

/// One item of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedItem {
    /// Its operation's number in the plan.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// The run that took it back.
    pub undone_by: Option<RunId>,
    /// The operation, where its plan is still kept.
    pub operation: Option<Operation>,
}

/// A page of a run's items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemQuery {
    /// Only items that ended so: `done`, `failed`, `skipped` or `unknown`.
    pub state: Option<&'static str>,
    /// Only items whose record, client or id contains this, whatever the case; empty for all.
    pub search: String,
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows of the page.
    pub limit: u64,
}

type Row = (i64, String, i64, Option<String>, Option<String>);

fn item((number, detail, updated, undone_by, body): Row) -> Result<ListedItem> {
    Ok(ListedItem {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        outcome: parse("outcome", &detail)?,
        at: instant(updated),
        undone_by: undone_by.map(RunId),
        operation: body.map(|body| parse("operation", &body)).transpose()?,
    })
}

/// `$1` is the run, `$2` the state, `$3` the pattern.
const FITS: &str = "FROM run_item i LEFT JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
     WHERE i.run_id = $1 AND ($2 = '' OR i.state = $2)
       AND ($3 = '' OR o.search LIKE $3 ESCAPE '!' OR (o.search IS NULL AND lower(o.body) LIKE $3 ESCAPE '!'))";

impl Store {
    /// A page of the items of a run by number, and how many there are on all pages.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_item_page(&self, run: &Run, query: &ItemQuery) -> Result<(Vec<ListedItem>, u64)> {
        let search = crate::plan_rows::pattern(&query.search);
        let state = query.state.unwrap_or_default();
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!(
                "SELECT i.number, i.detail, i.updated, i.undone_by, o.body {FITS} ORDER BY i.number LIMIT $4 OFFSET $5"
            )),
            run.id.as_str(),
            state,
            search.as_str(),
            number(query.limit),
            number(query.offset)
        )?;
        let found = rows.len() as u64;
        let rows: Result<Vec<ListedItem>> = rows.into_iter().map(item).collect();
        // A page that is not full is the last, also where the rows were forgotten; and a run that ended has its counts.
        let total = if found < query.limit && (found > 0 || query.offset == 0) {
            query.offset + found
        } else if search.is_empty() && run.state != RunState::Running {
            let of = &run.counts;
            let all = of.done + of.failed + of.skipped + of.unknown;
            match query.state {
                None => all,
                Some("done") => of.done,
                Some("failed") => of.failed,
                Some("skipped") => of.skipped,
                Some("unknown") => of.unknown,
                Some(_) => 0,
            }
        } else {
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) {FITS}"));
            let count = fetch_optional!(conn, (i64,), sql, run.id.as_str(), state, search.as_str())?;
            count.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0))
        };
        Ok((rows?, total))
    }

    /// Up to `limit` items of a run with numbers above `after`, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_items_after(&self, run: &RunId, after: u32, limit: usize) -> Result<Vec<ListedItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT i.number, i.detail, i.updated, i.undone_by, o.body
             FROM run_item i LEFT JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE i.run_id = $1 AND i.number > $2 ORDER BY i.number LIMIT $3",
            run.as_str(),
            i64::from(after),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(item).collect()
    }

    /// Up to `limit` items of a run that did not end well, by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn items_in_trouble(&self, run: &RunId, limit: usize) -> Result<Vec<ListedItem>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT i.number, i.detail, i.updated, i.undone_by, o.body
             FROM run_item i LEFT JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
             WHERE i.run_id = $1 AND i.state <> 'done' ORDER BY i.number LIMIT $2",
            run.as_str(),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(item).collect()
    }

    /// How many operations of a plan ended how so far, in whichever run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_counts_begun(&self, plan: &PlanId) -> Result<RunCounts> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, i64),
            "SELECT state, COUNT(*) FROM run_item WHERE plan_id = $1 GROUP BY state",
            plan.as_str()
        )?;
        Ok(counts_of(rows))
    }

    /// When each run since `since` that was to write began, and how its items ended; the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn writes_since(&self, since: Timestamp) -> Result<Vec<(Timestamp, RunCounts)>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64, String),
            "SELECT started, counts FROM run WHERE started >= $1 AND kind <> 'read' ORDER BY started",
            micros(since)
        )?;
        rows.into_iter()
            .map(|(started, counts)| Ok((instant(started), parse("counts of a run", &counts)?)))
            .collect()
    }

    /// How many items of a run ended how so far.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_counts(&self, run: &RunId) -> Result<RunCounts> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, i64),
            "SELECT state, COUNT(*) FROM run_item WHERE run_id = $1 GROUP BY state",
            run.as_str()
        )?;
        Ok(counts_of(rows))
    }
}
