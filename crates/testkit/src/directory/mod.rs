//! The Reference Directory (`simulators/src/directory/README.md`) as a destination: a system of no vendor that does
//! to a client all that vendors do, so the contract and the harnesses run on it, and further destinations follow it.
//!
//! [`connector()`] is all there is to register; [`open`] opens one without a store. Inside, `destination` reads, `writing`
//! decides what a write needs, `client` sends and sorts what came of it, `wire` has the vendor's words, `convert` translates.
//!
//! Invariants: a write goes out once, unless the answer says that nothing was done (429, 412); what is not known to be
//! done or not done is [`connect::WriteError::Unknown`].

mod client;
mod config;
mod connector;
mod convert;
mod destination;
#[doc(hidden)]
pub mod fuzzing;
mod wire;
mod writing;

use crate::{CountingRandom, FixedClock};
use connect::oauth::MemoryGrants;
use connect::{Connector, Destination, GrantStore, OpenContext, Outbound, Secrets};
use model::{Clock as _, Connection, ConnectionState};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;

/// The connector, for a list of connectors.
pub fn connector() -> Arc<dyn Connector> {
    Arc::new(connector::ReferenceDirectory)
}

/// What opening a connection to `base_url` needs. `more` are further settings.
///
/// # Panics
/// When `more` is neither an object nor null.
pub fn context(base_url: &str, api_key: &str, more: &Value) -> OpenContext {
    let mut settings = json!({ "base_url": base_url });
    match more {
        Value::Null => {}
        Value::Object(more) => {
            for (key, value) in more {
                settings[key] = value.clone();
            }
        }
        other => panic!("settings are a JSON object, not {other}"),
    }
    let clock = Arc::new(FixedClock::default());
    let grants: Arc<dyn GrantStore> = Arc::new(MemoryGrants::default());
    OpenContext {
        connection: Connection {
            id: "directory".into(),
            kind: connector::KIND.to_owned(),
            name: "directory".to_owned(),
            state: ConnectionState::Connected,
            settings,
            read_only: false,
            allow_private_hosts: true,
            created: clock.now(),
            last_success: None,
            version: 1,
        },
        secrets: Secrets::from([("api_key".to_owned(), SecretString::from(api_key))]),
        grants,
        outbound: Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        },
        clock,
        random: Arc::new(CountingRandom::default()),
    }
}

/// Opens the directory at `base_url` as a destination. `more` are further settings, or null. Installs the process's
/// TLS provider where there is none yet, as the program does.
///
/// # Panics
/// When the settings cannot be used.
pub fn open(base_url: &str, api_key: &str, more: &Value) -> Arc<dyn Destination> {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match connector().destination(&context(base_url, api_key, more)) {
        Ok(destination) => destination,
        Err(error) => panic!("{error}"),
    }
}
