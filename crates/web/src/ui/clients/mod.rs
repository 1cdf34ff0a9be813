//! Clients of the built-in registry.

pub mod list;
pub mod show;
pub mod source;
pub mod sync;
