//! Pages that need no program of ours: those of the simulators.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
