//! What tests of several crates need: a clock and randomness that repeat, and an open store on every database engine.
//!
//! A dev-dependency only. [`TestStore::on_every_engine`] is the entry point for whatever touches the database: it
//! runs one story on SQLite, and on PostgreSQL where `RMMBRIDGE_TEST_POSTGRES` names a server (`scripts/test.sh`
//! starts one). Everything here panics with a sentence where a product crate would return an error.
//!
//! Invariant: two runs of the same test meet the same times, ids and keys; only PostgreSQL's own clock, by which
//! leases are judged there, moves by itself.

mod authenticator;
mod clock;
mod database;
pub mod directory;
mod engine;
mod fewer;
mod postgres;
pub mod psa;
mod random;
mod store;

pub use authenticator::Authenticator;
pub use clock::FixedClock;
pub use database::{MIGRATOR, RawConnection, TestDatabase};
pub use engine::Engine;
pub use fewer::Fewer;
pub use postgres::TemporaryDatabase;
pub use random::CountingRandom;
pub use store::TestStore;
