//! Runs: one execution of a read or of a plan, with a result for every item.

use crate::id::{BridgeId, ConnectionId, PlanId, RecordId, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunKind {
    /// A source was read into a snapshot.
    Read {
        /// The source.
        connection: ConnectionId,
    },
    /// A plan was applied.
    Apply {
        /// The bridge.
        bridge: BridgeId,
        /// The plan.
        plan: PlanId,
    },
    /// What an earlier run wrote was taken back.
    Undo {
        /// The bridge.
        bridge: BridgeId,
        /// The plan of the undo.
        plan: PlanId,
        /// The earlier run.
        run: RunId,
    },
}

/// How a run stands or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// It goes on, or its process died: the next runner finds out.
    Running,
    /// Everything it set out to do was done or answered for.
    Finished,
    /// It could not go on.
    Failed {
        /// Why, and what to do next.
        reason: String,
    },
}

/// How many items ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Items that were written, or devices that were read.
    pub done: u64,
    /// Items that failed.
    pub failed: u64,
    /// Items left alone since their record changed after the plan.
    pub skipped: u64,
    /// Items whose outcome is not known.
    pub unknown: u64,
}

impl RunCounts {
    /// Counts one item.
    pub fn add(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Done { .. } => &mut self.done,
            Outcome::Failed { .. } => &mut self.failed,
            Outcome::Skipped { .. } => &mut self.skipped,
            Outcome::Unknown { .. } => &mut self.unknown,
        };
        *counter += 1;
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Our id.
    pub id: RunId,
    /// What was executed.
    #[serde(flatten)]
    pub kind: RunKind,
    /// How it stands.
    #[serde(flatten)]
    pub state: RunState,
    /// Who asked for it.
    pub actor: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How many items ended how.
    pub counts: RunCounts,
}

/// How one operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was written.
    Done {
        /// The destination's record.
        record: RecordId,
    },
    /// The destination refused it.
    Failed {
        /// What the destination said, secrets removed, and what to do next.
        message: String,
    },
    /// The record changed since the plan; nothing was written.
    Skipped {
        /// What changed.
        message: String,
    },
    /// The request was sent and no answer came: it may have been carried out.
    Unknown {
        /// What happened.
        message: String,
    },
}
