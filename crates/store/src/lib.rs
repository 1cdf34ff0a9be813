//! The database of rmmbridge: one set of SQL and migrations for SQLite and PostgreSQL, and the vault.
//!
//! [`Store::open`] is the entry point. Each file holds the statements of one table or of a few that are written
//! together. Statements are plain text in the subset both engines share (`$1` placeholders, `ON CONFLICT`, no
//! functions of one engine); the macros in `db.rs` compile each of them against both drivers.
//!
//! Invariants: SQLite runs in WAL mode with `synchronous = FULL`, so that what was committed survives a power cut;
//! a write transaction begins with `BEGIN IMMEDIATE`; secrets are in `secret` only, sealed.
//!
//! To add a table: a new file under `migrations/` (never a change of an old one), a file here, and a module under
//! `tests/it/`, whose stories run on both engines.

#[macro_use]
mod db;
mod api_key;
mod audit;
mod audit_chain;
mod audit_mark;
#[macro_use]
mod backup_rows;
mod backup;
mod backup_file;
mod bridge;
mod chosen;
mod claim;
mod client_source;
mod connection;
mod consent;
pub mod crash;
mod created_name;
mod decided;
mod device;
mod difference;
mod error;
mod forget;
#[cfg(test)]
mod full_disk;
#[doc(hidden)]
pub mod fuzzing;
mod grant;
mod health;
mod identity;
mod in_step;
mod instance;
mod job;
mod job_list;
mod job_stop;
mod json;
mod lease;
mod link;
mod names;
mod notify;
mod open;
mod packed;
mod pause;
mod person;
mod person_change;
mod plan;
mod plan_rows;
mod projection;
mod provider_sign_in;
pub mod registry;
mod request_budget;
mod restore;
mod rotation;
mod rotation_file;
mod rotation_keys;
mod row_error;
mod run;
mod run_items;
mod run_list;
mod saved_view;
mod schedule;
mod second_factor;
mod secret;
mod snapshot;
mod source_list;
mod turn;
mod undone;
pub mod vault;
mod web_session;

pub use api_key::{NewApiKey, StoredApiKey};
pub use audit::{AuditEntry, AuditHead, Note, Verified};
pub use audit_mark::AuditMark;
pub use backup::{BackupOptions, BackupReport};
pub use bridge::SeenMatches;
pub use chosen::ChosenRecord;
pub use claim::{Attempt, Claim, FoundOut, Intended, NewIntent, OpenWrite, Settled};
pub use connection::NewConnection;
pub use consent::Consent;
pub use created_name::NewName;
pub use db::{Conn, Db, Tx};
pub use device::{DeviceRow, KnownDevice};
pub use error::{Error, Result};
pub use forget::Forgotten;
pub use grant::{StoredGrant, StoredGrants, Turn};
pub use identity::{LinkedIdentity, NewIdentity};
pub use instance::{Installation, Instance};
pub use job::{Job, JobEnd, JobState, NewJob};
pub use job_list::JobFilter;
pub use lease::{DatabaseLock, Lease, RunnerLock};
pub use link::{Link, WrittenValue};
pub use notify::{ChannelRow, Notification, NotificationState};
pub use open::{DatabaseUrl, Store};
pub use person::{Failures, NewPerson, TokenPurpose};
pub use plan::PlanWriter;
pub use plan_rows::{OperationFilter, Selected};
pub use projection::{DeviceForPlanning, StoredProjection};
pub use provider_sign_in::ProviderSignIn;
pub use rotation::Rotation;
pub use rotation_keys::KeyRing;
pub use row_error::RecordItem;
pub use run::{NewItem, NewLink, RunItem};
pub use run_items::{ItemQuery, ListedItem};
pub use run_list::RunFilter;
pub use schedule::{Schedule, Scheduled};
pub use second_factor::SecondFactor;
pub use snapshot::{Snapshot, SnapshotWriter};
pub use undone::{DoneItem, NewUndone};
pub use web_session::WebSession;
