//! What a job does.

use crate::destination::RecordKind;
use crate::id::{BridgeId, ConnectionId, PlanId, RecordId, RunId, SourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a job does, and with what. It is stored as it is written here: a new field needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobKind {
    /// Read, plan, apply within the brakes: a whole bridge, or one client of it.
    Sync {
        /// The bridge.
        bridge: BridgeId,
        /// One client only.
        #[serde(default)]
        client: Option<RecordId>,
        /// Apply even what the brakes would stop.
        #[serde(default)]
        confirmed: bool,
    },
    /// Make a plan and write nothing.
    PlanOnly {
        /// The bridge.
        bridge: BridgeId,
        /// One client only.
        #[serde(default)]
        client: Option<RecordId>,
        /// Read the source first.
        read: bool,
    },
    /// Apply a plan.
    Apply {
        /// The bridge it belongs to.
        bridge: BridgeId,
        /// The plan.
        plan: PlanId,
        /// Only the first so many operations that write.
        #[serde(default)]
        first: Option<u32>,
        /// Operations a person took out.
        #[serde(default)]
        deselected: BTreeSet<u32>,
        /// A person has seen what made the brakes stop.
        #[serde(default)]
        confirmed: bool,
        /// Only operations whose outcome is not known.
        #[serde(default)]
        in_doubt: bool,
        /// Take back what was written although all writes are paused.
        #[serde(default)]
        despite_pause: bool,
        /// How often it had changed what is taken out of the plan when somebody looked: refused when it changed since.
        #[serde(default)]
        selection: Option<i64>,
    },
    /// Make the plan that takes back what a run wrote, and write nothing.
    PlanUndo {
        /// The bridge.
        bridge: BridgeId,
        /// The run.
        run: RunId,
        /// Only these operations of its plan; all when there are none.
        #[serde(default)]
        operations: Vec<u32>,
        /// Only these records; all when there are none.
        #[serde(default)]
        records: Vec<(RecordKind, SourceId)>,
    },
    /// Apply what the overview of the client wizard said, if it still stands.
    Finish {
        /// The bridge.
        bridge: BridgeId,
        /// The generation the overview was made from.
        generation: i64,
        /// A person has seen what would make the brakes stop.
        #[serde(default)]
        confirmed: bool,
    },
    /// Plan one record anew and apply that plan alone.
    Retry {
        /// The bridge.
        bridge: BridgeId,
        /// What the record is in the destination.
        record: RecordKind,
        /// The source's id of it.
        source: SourceId,
    },
    /// Link a record to the one of several that a person says it is, and write nothing to the destination.
    LinkDuplicate {
        /// The bridge.
        bridge: BridgeId,
        /// What the record is in the destination.
        record: RecordKind,
        /// The source's id of it.
        source: SourceId,
        /// The destination's record that it is.
        is: RecordId,
    },
    /// Read a source into a snapshot.
    Read {
        /// The source.
        connection: ConnectionId,
    },
    /// Use a connection, so that its grant does not lapse.
    KeepAlive {
        /// The connection.
        connection: ConnectionId,
    },
    /// Forget rows that are no longer needed, and check the whole audit log.
    Maintain,
}

impl JobKind {
    /// The word it is stored and shown as.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sync { client: None, .. } => "sync",
            Self::Sync { .. } => "sync_client",
            Self::PlanOnly { .. } => "plan_only",
            Self::Apply { .. } => "apply",
            Self::Finish { .. } => "finish",
            Self::PlanUndo { .. } => "plan_undo",
            Self::Retry { .. } => "retry",
            Self::LinkDuplicate { .. } => "link_duplicate",
            Self::Read { .. } => "read",
            Self::KeepAlive { .. } => "keep_alive",
            Self::Maintain => "maintain",
        }
    }

    /// The bridge it is about.
    pub fn bridge(&self) -> Option<&BridgeId> {
        match self {
            Self::Sync { bridge, .. }
            | Self::PlanOnly { bridge, .. }
            | Self::Apply { bridge, .. }
            | Self::Finish { bridge, .. }
            | Self::PlanUndo { bridge, .. }
            | Self::Retry { bridge, .. }
            | Self::LinkDuplicate { bridge, .. } => Some(bridge),
            Self::Read { .. } | Self::KeepAlive { .. } | Self::Maintain => None,
        }
    }

    /// The connection it is about.
    pub fn connection(&self) -> Option<&ConnectionId> {
        match self {
            Self::Read { connection } | Self::KeepAlive { connection } => Some(connection),
            _ => None,
        }
    }
}
