//! When a bridge's data was last read as a whole, and last in step with what was read.

use crate::error::Result;
use crate::json::{instant, parse};
use crate::open::Store;
use jiff::Timestamp;
use model::{BridgeId, ConnectionId, PlanCounts, RunCounts};
use std::collections::BTreeMap;

/// How many plans and runs are looked at, the newest first.
const LOOKED_AT: i64 = 50;

impl Store {
    /// When the last complete read of a whole source ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_complete_read(&self, source: &ConnectionId) -> Result<Option<Timestamp>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<i64>,),
            "SELECT MAX(finished) FROM source_snapshot WHERE connection_id = $1 AND organization IS NULL",
            source.as_str()
        )?;
        Ok(row.and_then(|(finished,)| finished).map(instant))
    }

    /// When a bridge's destination was last in step with what was read: a plan was made that had nothing to write, or
    /// one was carried out to its end, by one run or several.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_in_step(&self, bridge: &BridgeId) -> Result<Option<Timestamp>> {
        let mut conn = self.read().await?;
        let plans = fetch_all!(
            conn,
            (i64, String),
            "SELECT created, counts FROM plan WHERE bridge_id = $1 AND ready = $2 AND undoes IS NULL AND about IS NULL
             ORDER BY turn DESC, id DESC LIMIT $3",
            bridge.as_str(),
            true,
            LOOKED_AT
        )?;
        let runs = fetch_all!(
            conn,
            (String, Option<i64>, String, String),
            "SELECT p.id, r.finished, r.counts, p.counts FROM run r JOIN plan p ON p.id = r.plan_id
             WHERE r.bridge_id = $1 AND r.kind = 'apply' AND r.state = 'finished' AND p.about IS NULL
             ORDER BY r.turn DESC, r.id DESC LIMIT $2",
            bridge.as_str(),
            LOOKED_AT
        )?;
        drop(conn);
        let mut last = None;
        for (created, counts) in plans {
            if parse::<PlanCounts>("counts of a plan", &counts)?.writes() == 0 {
                last = Some(created);
                break;
            }
        }
        // A plan that was carried out in parts is done when they add up.
        let mut carried_out: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for (plan, finished, done, planned) in runs {
            let done: RunCounts = parse("counts of a run", &done)?;
            let planned = parse::<PlanCounts>("counts of a plan", &planned)?.writes();
            let entry = carried_out.entry(plan).or_default();
            entry.0 += done.done + done.failed + done.skipped;
            entry.1 = entry.1.max(finished.unwrap_or_default());
            if entry.0 >= u64::from(planned) {
                last = last.max(Some(entry.1));
            }
        }
        Ok(last.map(instant))
    }
}
