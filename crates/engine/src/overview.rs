//! How everything stands, for the first page: out of the store alone, nobody outside is asked.

use crate::engine::{Engine, require};
use crate::error::Result;
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
    /// The last time something was written, or is being written.
    pub last_run: Option<Run>,
}

impl Engine {
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
            standings.push(BridgeStanding {
                source: self.store.connection(&bridge.source).await?,
                destination: self.store.connection(&bridge.destination).await?,
                snapshot: self.store.current_snapshot(&bridge.source).await?,
                plan: self.store.newest_plan(&bridge.id).await?,
                last_run: last_run.cloned(),
                bridge,
            });
        }
        Ok(standings)
    }
}
