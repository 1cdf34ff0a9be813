//! The kill harness: see README.md beside this crate.

pub mod at_rest;
pub mod chance;
pub mod child;
pub mod clock;
pub mod cluster;
pub mod disk;
pub mod foreign_bytes;
pub mod full_disk;
pub mod held_up;
pub mod hub;
pub mod old_hub;
pub mod outages;
pub mod records;
pub mod rota;
pub mod round;
pub mod scene;
pub mod setting;
pub mod story;
pub mod strike;
mod taking_back;
pub mod truth;
pub mod verdict;
pub mod working;

/// How long after its intent a write may be sent here, in milliseconds: short, so that a quarantine is, and long enough for
/// a machine that has more to do. With less than it needs nothing is ever sent.
pub const SEND_WITHIN_MS: u64 = 400;
