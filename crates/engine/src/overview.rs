//! How everything stands, for the first page: out of the store alone, nobody outside is asked.

use crate::engine::{Engine, require};
use crate::error::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use model::{Actor, ActorRole, Bridge, Connection, PlanSummary, Run, RunKind};
use store::Snapshot;

/// Runs looked through for the last one of each bridge.
const RUNS: usize = 500;

/// How a bridge stands.
#[derive(Clone, Debug)]
pub struct BridgeStanding {
    /// The bridge.
    pub bridge: Bridge,
    /// Where its devices are read.
    pub source: Connection,
    /// Where its assets are kept.
    pub destination: Connection,
    /// What was read last, which says how old the data is.
    pub snapshot: Option<Snapshot>,
    /// Its newest plan, which knows how many questions are open and what waits to be written.
    pub plan: Option<PlanSummary>,
    /// How many of that plan's operations were written since it was made.
    pub written: u64,
    /// The last time something was written, or is being written.
    pub last_run: Option<Run>,
}

/// What was written on one day, by the clock of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOfChanges {
    /// The day.
    pub day: Date,
    /// Records that were written.
    pub written: u64,
    /// Records that were to be written and were not, or are in doubt.
    pub not_written: u64,
}

impl Engine {
    /// What was written on each of the last `days` days, today last, over all bridges.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changes_by_day(&self, actor: &Actor, days: u8) -> Result<Vec<DayOfChanges>> {
        require(actor, ActorRole::Viewer, "see how bridges stand")?;
        let of = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let today = of(self.clock().now());
        let back = |n: u8| today.saturating_sub(Span::new().days(i64::from(n)));
        let mut all: Vec<DayOfChanges> = (0..days)
            .rev()
            .map(|n| DayOfChanges {
                day: back(n),
                written: 0,
                not_written: 0,
            })
            .collect();
        let Some(first) = all.first().map(|first| first.day) else {
            return Ok(all);
        };
        let since = first
            .to_zoned(TimeZone::UTC)
            .map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp());
        for (started, counts) in self.store.writes_since(since).await? {
            if let Some(day) = all.iter_mut().find(|day| day.day == of(started)) {
                day.written += counts.done;
                day.not_written += counts.failed + counts.unknown;
            }
        }
        Ok(all)
    }

    /// How every bridge stands, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overview(&self, actor: &Actor) -> Result<Vec<BridgeStanding>> {
        require(actor, ActorRole::Viewer, "see how bridges stand")?;
        let runs = self.store.runs(RUNS).await?;
        let mut standings = Vec::new();
        for bridge in self.store.bridges().await? {
            let last_run = runs.iter().find(|run| match &run.kind {
                RunKind::Apply { bridge: of, .. } | RunKind::Undo { bridge: of, .. } => *of == bridge.id,
                RunKind::Read { .. } => false,
            });
            let plan = self.store.newest_plan(&bridge.id).await?;
            let of_plan = runs.iter().filter(|run| match (&run.kind, &plan) {
                (RunKind::Apply { plan: of, .. } | RunKind::Undo { plan: of, .. }, Some(plan)) => {
                    *of == plan.id
                }
                _ => false,
            });
            standings.push(BridgeStanding {
                source: self.store.connection(&bridge.source).await?,
                destination: self.store.connection(&bridge.destination).await?,
                snapshot: self.store.current_snapshot(&bridge.source).await?,
                written: of_plan.map(|run| run.counts.done).sum(),
                plan,
                last_run: last_run.cloned(),
                bridge,
            });
        }
        Ok(standings)
    }
}
