//! The connector against the simulator: what it reads, how it survives what goes wrong, and what it says.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod browser;
mod checking;
mod consent;
mod faults;
mod leaving_out;
mod liar;
mod liar_token;
mod proofs;
mod reading;
mod scope;
mod standin;
mod tenant;
mod v1;
