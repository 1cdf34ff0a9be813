//! The switch that stops all writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why, by whom and since when all writes are paused. Reads and plans go on meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePause {
    /// Why, in the words of whoever paused them.
    pub reason: String,
    /// Who paused them.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for WritePause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.strftime("%Y-%m-%d %H:%M UTC");
        write!(
            f,
            "all writes are paused since {since} by {}: {}",
            self.by, self.reason
        )
    }
}
