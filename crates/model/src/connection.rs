//! A connection: an authenticated link to one account of one vendor.

use crate::id::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a connection stands. Only `Connected` may be read from or written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    /// Settings are missing.
    NotConfigured,
    /// Settings and secrets are stored; nobody has consented yet.
    NeedsAuthorization,
    /// The last use worked.
    Connected,
    /// A person has to do something; the reason says what.
    NeedsAttention {
        /// What happened and what to do about it.
        reason: String,
    },
    /// The vendor's account lacks a part the connection is made for; its keys are good.
    NotEnabled {
        /// The part, as the vendor calls it.
        part: String,
        /// What the vendor answered, and who can enable it.
        reason: String,
    },
    /// Switched off by a person.
    Paused,
}

impl ConnectionState {
    /// Whether nothing may be read through the connection before a person did something about it.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::NotConfigured | Self::NeedsAuthorization | Self::Paused
        )
    }

    /// Why a person has to do something, where the last use told.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::NeedsAttention { reason } | Self::NotEnabled { reason, .. } => Some(reason),
            Self::NotConfigured | Self::NeedsAuthorization | Self::Connected | Self::Paused => None,
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("Not configured"),
            Self::NeedsAuthorization => f.write_str("Needs authorization"),
            Self::Connected => f.write_str("Connected"),
            Self::NeedsAttention { reason } => write!(f, "Needs attention: {reason}"),
            Self::NotEnabled { part, reason } => write!(f, "{part} is not enabled: {reason}"),
            Self::Paused => f.write_str("Paused"),
        }
    }
}

/// A connection without its secrets, which only the vault holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Our id; it survives a new grant.
    pub id: ConnectionId,
    /// The connector's name, e.g. `ninjaone`.
    pub kind: String,
    /// What people call it; unique.
    pub name: String,
    /// Where it stands.
    pub state: ConnectionState,
    /// The connector's settings; their shape is the connector's own.
    pub settings: serde_json::Value,
    /// Whether writes are refused whatever a plan says.
    pub read_only: bool,
    /// Whether an owner allowed private and loopback hosts for this connection.
    pub allow_private_hosts: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used with success.
    pub last_success: Option<Timestamp>,
    /// Counts changes of this row, for compare-and-set.
    pub version: i64,
}
