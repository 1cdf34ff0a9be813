//! The queue on both engines: what is stored together, what is started once, what ticks once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod queueing;
mod ticks;
mod world;
