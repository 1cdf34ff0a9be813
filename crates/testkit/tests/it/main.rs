//! The connector of the Reference Directory against its simulator.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod directory;
