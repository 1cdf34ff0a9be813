//! The create protocol as a model in virtual time. Workers that die, stop and overlap share a store and write to a
//! destination that loses answers, writes late and shows late. The decisions are the engine's own
//! ([`engine::writing::protocol`]); each seed is one interleaving and repeats itself exactly.
//!
//! - `cargo test -p engine --test model`: 100,000 seeds of the right protocol, and each wrong version caught.
//! - `RMMBRIDGE_MODEL_SEED=42 cargo test -p engine --test model replay -- --nocapture`: one seed, with everything that
//!   happened; `RMMBRIDGE_MODEL_WRONG=WaitsNotAtAll` has a wrong version do it, `RMMBRIDGE_MODEL_SLEEPS=1` lets machines
//!   sleep, `RMMBRIDGE_MODEL_ASKS=1` asks the store before sending.
//! - `RMMBRIDGE_MODEL_SEEDS=1000000 cargo test -p engine --release --test model -- --ignored --nocapture million`.
//!
//! # Limits
//!
//! What the protocol takes for granted is not broken here, and would break it:
//!
//! - A worker that has compared its deadline sends by that deadline. Nothing can be checked between that look at the
//!   clock and the request's leaving; `settles_within` has to have room for a stop there.
//! - A worker's steady clock goes on while its machine sleeps. Linux's does not for `tokio::time::Instant`, so a machine
//!   that sleeps between claim and send may double a record where another one takes it over. That is shown by a test of
//!   its own, and so is what mends it: to ask the store, right before sending, for its time and whether the claim is
//!   still held. Its time alone is not enough, since that may have been put back.
//! - A database server's clock is not put forward while a record is in doubt. Put back it may be.
//! - The steady clocks of machine and server run equally fast; `settles_within` has to have room for what they drift.

#![expect(
    clippy::unwrap_used,
    reason = "a model's numbers are small; a panic says where they are not"
)]

mod chance;
mod clocks;
mod destination;
mod run;
mod seeds;
mod sending;
mod setup;
mod shared_store;
mod steps;
mod trace;
mod verdict;
mod worker;
mod wrong;
