//! Passportal as a destination, against its simulator.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod contract;
mod faults;
mod keys;
mod quirks;
mod stand;
