//! The use cases against the simulated NinjaOne and the built-in registry, on every database engine there is here.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod backing_up;
mod conflicts;
mod connecting;
mod hub;
mod importing;
mod interrupted;
mod story;
mod switching;
mod undo_moments;
mod undoing;
