//! The history of reads and applied plans.

pub mod list;
