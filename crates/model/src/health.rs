//! How what is watched stands, and what is said when that changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A bridge's data is older than twice its schedule's interval.
    BridgeStale,
    /// A bridge's reads or runs fail, again and again or for good.
    BridgeFailing,
    /// A bridge waits for a person.
    BridgeWaiting,
    /// The brakes stopped a plan.
    RunStopped,
    /// A connection needs a person.
    ConnectionAttention,
    /// The audit log does not hold.
    AuditBroken,
    /// A restored or copied hub waits for an Owner.
    HubWaits,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BridgeStale,
        Self::BridgeFailing,
        Self::BridgeWaiting,
        Self::RunStopped,
        Self::ConnectionAttention,
        Self::AuditBroken,
        Self::HubWaits,
    ];

    /// The word it is stored, filtered and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BridgeStale => "bridge_stale",
            Self::BridgeFailing => "bridge_failing",
            Self::BridgeWaiting => "bridge_waiting",
            Self::RunStopped => "run_stopped",
            Self::ConnectionAttention => "connection_attention",
            Self::AuditBroken => "audit_broken",
            Self::HubWaits => "hub_waits",
        }
    }

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change that people are told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it is about.
    pub kind: EventKind,
    /// Whether it is over: the trouble of this kind has passed.
    pub recovered: bool,
    /// What it happened to, as people call it, e.g. `Bridge assets`.
    pub subject: String,
    /// What happened, and what to do.
    pub text: String,
    /// When it was noticed.
    pub at: Timestamp,
}

/// How what is watched stands, as it was noticed last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is watched: `bridge:<id>`, `connection:<id>`, `audit`, `hub`.
    pub subject: String,
    /// Its state, in the words of whatever is watched.
    pub state: String,
    /// Why, where there is something to say.
    pub why: Option<String>,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// Since when it has been watched.
    pub watched: Timestamp,
    /// What was last said about it and is not over.
    pub told: Option<EventKind>,
    /// Counts changes of this row, for compare-and-set.
    pub version: i64,
}
