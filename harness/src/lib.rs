//! The kill harness: see README.md beside this crate.

pub mod chance;
pub mod child;
pub mod foreign_bytes;
pub mod scene;
pub mod strike;
pub mod verdict;

/// How long after its intent a write may be sent here, in milliseconds: short, so that a quarantine is.
pub const SEND_WITHIN_MS: u64 = 150;
