//! The use cases: connect, check, read, match, map, plan, apply, sync. The only crate that joins `plan`,
//! `connect` and `store`.
//!
//! [`Engine`] is what every front end holds. Each use case is one file with its error cases and tests beside it; each
//! takes the [`model::Actor`] who asks, and decides what they may do, so that no front end has to.
//!
//! The way of the data is [`read`] → [`planning`] → [`applying`]; [`sync`] is the three in a row.
//! [`undoing`] is the way back.

pub mod api_keys;
pub mod applying;
pub mod assets;
pub mod auditing;
mod backing_up;
pub mod backups;
pub mod bridges;
mod budgets;
pub mod called;
pub mod checking;
pub mod client_sources;
pub mod clients;
pub mod conflicts;
pub mod connecting;
mod consents;
mod contacts;
mod counting;
pub mod drift;
pub mod duplicates;
mod engine;
mod error;
pub mod excluding;
pub mod fields;
pub mod forgetting;
pub mod freshness;
mod grants;
pub mod identities;
pub mod import;
mod instance;
pub mod job_list;
pub mod keeping;
mod label;
mod managing;
mod mapper;
pub mod mapping;
pub mod match_list;
pub mod matching;
pub mod notifying;
mod opening;
pub mod overview;
mod passwords;
pub mod pending;
pub mod people;
pub mod planning;
pub mod portable;
mod presence;
pub mod profile;
pub mod progress;
pub mod provider_sign_in;
pub mod questions;
pub mod queueing;
pub mod read;
pub mod remedy;
pub mod resolve;
pub mod reviewing;
mod rotating;
pub mod row_errors;
pub mod runs;
pub mod saved_views;
pub mod second_factor;
pub mod sign_in_provider;
pub mod status;
mod stored_ids;
pub mod switching;
pub mod sync;
mod tenant;
mod totp;
pub mod trouble;
pub mod undoing;
pub mod undone;
mod watching;
pub mod web_sessions;
pub mod why;
pub mod wizard;
pub mod writing;

pub use connect::settings::PRIVATE_HOSTS;
pub use connect::{CheckPoint, Connector, GuideStep, Kind, Mode, Setting, SettingProblem, Verdict};
pub use engine::{Engine, EngineOptions};
pub use error::{Error, Result};
pub use managing::INVITATION_WORKS;
pub use passwords::SHORTEST as SHORTEST_PASSWORD;
pub use presence::{LEASE, Processes, Runner};
pub use progress::{Progress, Quiet, Work};
pub use remedy::Remedy;
pub use store::{Error as StoreError, Job, JobState, SeenMatches};
