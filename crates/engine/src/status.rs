//! How everything stands: each bridge with the age of its data, what it waits for and when it works next, and whether
//! writes are paused.

use crate::auditing::BrokenLog;
use crate::engine::{Engine, require};
use crate::error::Result;
use crate::freshness::{Assessment, BridgeState, Known, Ticks, Trouble, assess};
use crate::watching::broken_log;
use jiff::Timestamp;
use model::{
    Actor, ActorRole, Bridge, BridgeId, Connection, ConnectionState, Health, RecordKind, WritePause,
};
use serde::{Deserialize, Serialize};
use store::{JobFilter, JobState};

/// Knows the schedules.
pub trait Calendar: Send + Sync {
    /// The schedule of a bridge, seen from when its data was in step; a sync before one that only plans. `None` where
    /// there is none.
    fn ticks(&self, bridge: &BridgeId, fresh_at: Timestamp, now: Timestamp) -> Option<Ticks>;

    /// Why the schedule of a bridge is paused, if it is.
    fn paused(&self, bridge: &BridgeId) -> Option<String>;

    /// Whether the schedule of a bridge only reads and plans.
    fn plan_only(&self, bridge: &BridgeId) -> bool;
}

/// How everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubStatus {
    /// Why all writes are paused, if they are.
    pub write_pause: Option<WritePause>,
    /// What is wrong with the audit log, where it was found broken: nothing is written then.
    pub broken_audit_log: Option<BrokenLog>,
    /// Why this hub waits for an Owner, if it does.
    pub waits: Option<String>,
    /// Workers that are at work.
    pub workers: Vec<String>,
    /// The bridges, by name.
    pub bridges: Vec<BridgeStatus>,
}

impl HubStatus {
    /// Whether somebody should look: writes are paused, the audit log was found broken, the hub waits, or a bridge is
    /// neither fresh nor merely late.
    pub fn needs_a_person(&self) -> bool {
        let fine = |bridge: &BridgeStatus| matches!(bridge.state, BridgeState::Fresh | BridgeState::Late);
        self.write_pause.is_some()
            || self.broken_audit_log.is_some()
            || self.waits.is_some()
            || !self.bridges.iter().all(fine)
    }
}

/// How a bridge stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeStatus {
    /// The bridge.
    pub bridge: BridgeId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: BridgeState,
    /// Why, where there is something to say.
    pub why: Option<String>,
    /// Since when a worker or a person has seen it in this state; `None` when it is seen so for the first time.
    pub since: Option<Timestamp>,
    /// When the source was last read as a whole.
    pub last_read: Option<Timestamp>,
    /// When the destination was last in step with what was read: everything planned was written, or nothing was to be.
    pub last_in_step: Option<Timestamp>,
    /// The age of the data in whole seconds: since both were so.
    pub age_seconds: Option<i64>,
    /// When it works next by itself.
    pub next: Option<Timestamp>,
    /// Whether its schedule only reads and plans.
    pub plan_only: bool,
    /// Questions of the newest plan, and organizations that nothing and nobody decided.
    pub open_questions: u64,
    /// Writes whose outcome is not known yet.
    pub in_doubt: u64,
    /// Why its schedule was paused by an undo, if it was.
    pub paused: Option<String>,
}

impl Engine {
    /// How everything stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn status(&self, actor: &Actor, calendar: &dyn Calendar) -> Result<HubStatus> {
        require(actor, ActorRole::Viewer, "see how everything stands")?;
        let health = self.store.health().await?;
        let write_pause = self.store.write_pause().await?;
        let workers = self.workers(actor).await?;
        let connections = self.store.connections().await?;
        let mut bridges = Vec::new();
        for bridge in self.store.bridges().await? {
            let seen = health.iter().find(|h| h.subject == subject_of(&bridge.id));
            let idle = match &write_pause {
                Some(pause) => Some(pause.to_string()),
                None if workers.is_empty() => Some(NO_WORKER.to_owned()),
                None => None,
            };
            let (status, _) = self
                .assess_bridge(&bridge, &connections, calendar, seen, idle)
                .await?;
            bridges.push(status);
        }
        Ok(HubStatus {
            write_pause,
            broken_audit_log: broken_log(&health),
            waits: self.store.instance().await?.waits,
            workers,
            bridges,
        })
    }

    /// How one bridge stands, and what is told of it. `idle` is why nothing goes on at all.
    pub(crate) async fn assess_bridge(
        &self,
        bridge: &Bridge,
        connections: &[Connection],
        calendar: &dyn Calendar,
        seen: Option<&Health>,
        idle: Option<String>,
    ) -> Result<(BridgeStatus, Assessment)> {
        let now = self.clock().now();
        let last_read = self.store.last_complete_read(&bridge.source).await?;
        let last_in_step = self.store.last_in_step(&bridge.id).await?;
        let plan_only = calendar.plan_only(&bridge.id);
        let in_step = match plan_only {
            true => last_read,
            // Whichever is older: a client's own sync writes without a whole read, and a read writes nothing.
            false => last_read.zip(last_in_step).map(|(read, step)| read.min(step)),
        };
        let fresh_at = in_step.unwrap_or_else(|| seen.map_or(now, |seen| seen.watched));
        let schedule_paused = calendar
            .paused(&bridge.id)
            .or_else(|| bridge.paused.clone().filter(|_| !plan_only));
        let known = Known {
            fresh_at,
            ever: in_step.is_some(),
            ticks: calendar.ticks(&bridge.id, fresh_at, now),
            trouble: self.trouble_of(bridge, connections).await?,
            idle: schedule_paused
                .map(|why| format!("its schedule is paused: {why}"))
                .or(idle),
        };
        let assessed = assess(&known, now);
        let same = seen.filter(|seen| seen.state == assessed.state.as_str());
        let status = BridgeStatus {
            bridge: bridge.id.clone(),
            name: bridge.name.clone(),
            state: assessed.state,
            why: assessed.why.clone(),
            since: same.map(|seen| seen.since),
            last_read,
            last_in_step,
            age_seconds: in_step.map(|at| now.duration_since(at).as_secs().max(0)),
            next: known
                .ticks
                .and_then(|ticks| ticks.next)
                .filter(|_| bridge.paused.is_none() || plan_only),
            plan_only,
            open_questions: self.questions_of(bridge).await?,
            in_doubt: self.store.open_writes(&bridge.destination).await?,
            paused: bridge.paused.clone(),
        };
        Ok((status, assessed))
    }

    /// What stands in a bridge's way: a connection, an undo that paused it, or what its last job met.
    async fn trouble_of(&self, bridge: &Bridge, connections: &[Connection]) -> Result<Option<Trouble>> {
        let own = connections
            .iter()
            .filter(|c| c.id == bridge.source || c.id == bridge.destination);
        for connection in own {
            if connection.state != ConnectionState::Connected {
                let why = format!("connection `{}`: {}", connection.name, connection.state);
                return Ok(Some(Trouble::Connection { why }));
            }
        }
        let filter = JobFilter {
            state: None,
            bridge: Some(bridge.id.clone()),
        };
        let jobs = self.store.jobs(&filter, 20).await?;
        let last = jobs
            .iter()
            .find(|job| matches!(job.kind.as_str(), "sync" | "plan_only" | "apply"));
        if let Some(job) = last {
            let why = job.reason.clone().unwrap_or_default();
            match job.state {
                // Whoever switched writes off knows; if it takes too long, the age says so.
                JobState::Waiting if job.waits_for_writes => {}
                JobState::Waiting => {
                    let newest = self.store.newest_plan(&bridge.id).await?;
                    let brakes = newest
                        .is_some_and(|plan| !plan.warnings.is_empty() && why.contains(plan.id.as_str()));
                    return Ok(Some(Trouble::Waits { why, brakes }));
                }
                JobState::Failed => return Ok(Some(Trouble::Fails { why })),
                // Once is chance.
                JobState::Queued if job.attempt >= FAILING_FROM && !why.is_empty() => {
                    let why = format!("{why} (tried {} times)", job.attempt);
                    return Ok(Some(Trouble::Fails { why }));
                }
                _ => {}
            }
        }
        Ok(bridge.paused.as_ref().map(|reason| Trouble::Waits {
            why: format!("its schedule is paused: {reason}. To let it go on: rmmbridge bridge resume"),
            brakes: false,
        }))
    }

    /// Questions of the newest plan, and organizations of the last read that are neither linked nor decided.
    async fn questions_of(&self, bridge: &Bridge) -> Result<u64> {
        let decided = self.store.decisions(&bridge.id).await?;
        let linked = self.store.links(&bridge.id, RecordKind::Client).await?;
        let organizations = self.store.organizations(&bridge.source).await?;
        let open = organizations
            .iter()
            .filter(|o| !decided.contains_key(&o.id) && !linked.contains_key(&o.id))
            .count();
        let plan = self.store.newest_plan(&bridge.id).await?;
        Ok(open as u64 + plan.map_or(0, |plan| u64::from(plan.counts.reviews)))
    }
}

/// Why nothing goes on when nobody is at work.
pub(crate) const NO_WORKER: &str = "no worker is at work. Start one: rmmbridge worker";

/// From how many attempts on a job that is tried again counts as failing.
const FAILING_FROM: i64 = 3;

/// What a bridge is watched as.
pub(crate) fn subject_of(bridge: &BridgeId) -> String {
    format!("bridge:{bridge}")
}
