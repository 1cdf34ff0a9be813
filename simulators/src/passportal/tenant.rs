//! What all requests share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::quirks::Quirks;
use super::records::{Document, State};
use super::server::ROUTES;
use crate::clock::Clock;
use crate::directory::Faults;

pub(super) struct Tenant {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub faults: Faults,
    pub stop: CancellationToken,
    clock: Arc<dyn Clock>,
    quirks: Mutex<Quirks>,
    state: Mutex<State>,
    /// Access tokens and when they end.
    tokens: Mutex<BTreeMap<String, Timestamp>>,
    requests: Mutex<BTreeMap<String, u64>>,
    /// The second that is counted, and its requests.
    second: Mutex<(i64, u32)>,
    writing: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    pub fn new(options: Options, stop: CancellationToken) -> Self {
        let mut state = State::default();
        // Of a time before any lag of the lists.
        let before = options.clock.now() - SignedDuration::from_hours(24);
        for (at, name) in options.clients.iter().enumerate() {
            let client = state.add_client(name);
            if options.in_use {
                let fields = [
                    (0, "front-desk"),
                    (1, "Workstation"),
                    (2, "Online"),
                    (8, "AUT-0001"),
                    (10, "Dell"),
                    (13, "Head office"),
                    (21, "00-1B-44-11-3A-B7"),
                    (31, "4711"),
                    (32, "Automate"),
                ];
                let serial = format!("AUT-{at:04}");
                let fields = fields.map(|(at, text)| (at, if at == 8 { serial.as_str() } else { text }));
                let added = state.add_asset(client, "front-desk", &fields, before);
                debug_assert!(added.is_ok(), "the client was made just now");
            }
        }
        Self {
            access_key_id: options.access_key_id,
            secret_access_key: options.secret_access_key,
            faults: Faults::new(options.seed, &ROUTES),
            stop,
            clock: options.clock,
            quirks: Mutex::new(options.quirks),
            state: Mutex::new(state),
            tokens: Mutex::default(),
            requests: Mutex::default(),
            second: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn quirks(&self) -> Quirks {
        lock(&self.quirks).clone()
    }

    pub fn quirks_mut(&self) -> MutexGuard<'_, Quirks> {
        lock(&self.quirks)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether lists show a document by now.
    pub fn is_listed(&self, document: &Document) -> bool {
        let lag = SignedDuration::from_millis(lock(&self.quirks).index_lag_ms);
        self.now().duration_since(document.created) >= lag
    }

    /// A new token, and when it ends.
    pub fn issue(&self) -> (String, Timestamp) {
        let mut tokens = lock(&self.tokens);
        let token = format!(
            "simulated-access-{}",
            uuid::Uuid::from_u128(tokens.len() as u128 + 1)
        );
        let ends = self.now() + SignedDuration::from_secs(lock(&self.quirks).token_seconds);
        tokens.insert(token.clone(), ends);
        (token, ends)
    }

    /// Whether a token is one of ours and has not ended.
    pub fn accepts(&self, token: &str) -> bool {
        let ends = lock(&self.tokens).get(token).copied();
        ends.is_some_and(|ends| self.now() < ends)
    }

    pub fn expire_tokens(&self) {
        for ends in lock(&self.tokens).values_mut() {
            *ends = Timestamp::MIN;
        }
    }

    pub fn count(&self, route: &str) {
        *lock(&self.requests).entry(route.to_owned()).or_default() += 1;
    }

    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.requests).clone()
    }

    /// Whether this request is one too many in its second.
    pub fn is_too_many(&self) -> bool {
        let Some(most) = lock(&self.quirks).requests_per_second else {
            return false;
        };
        let now = self.now().as_second();
        let mut second = lock(&self.second);
        if second.0 != now {
            *second = (now, 0);
        }
        second.1 += 1;
        second.1 > most
    }

    /// Counts a write that is under way or still to be carried out.
    pub fn writing(self: &Arc<Self>) -> Writing {
        *lock(&self.writing) += 1;
        Writing(Arc::clone(self))
    }

    pub fn unsettled(&self) -> u64 {
        *lock(&self.writing)
    }
}

/// A write that is under way or still to be carried out; ends when dropped.
pub(super) struct Writing(Arc<Tenant>);

impl Drop for Writing {
    fn drop(&mut self) {
        *lock(&self.0.writing) -= 1;
    }
}
