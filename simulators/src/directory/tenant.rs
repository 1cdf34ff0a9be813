//! What all requests share.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::effects::Effects;
use super::faults::{Faults, ROUTES};
use super::records::{Record, State};
use super::refusal::Refusal;
use super::snapshot;
use crate::clock::Clock;

/// How the directory behaves when all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// How long every request takes at least, half of it before it is carried out and half after.
    pub latency_ms: u64,
    /// How long a new record is missing from lists and filters.
    pub index_lag_ms: u64,
    /// Most operations of a batch.
    pub batch_limit: usize,
    /// Most requests a second; a second's worth may come at once. No limit if absent.
    pub requests_per_second: Option<u32>,
    /// Pages of a list hold fewer records than asked for, or none, though more follow.
    pub short_pages: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            index_lag_ms: 0,
            batch_limit: 50,
            requests_per_second: None,
            short_pages: false,
        }
    }
}

/// A bucket of requests that may still be made.
#[derive(Debug)]
struct Bucket {
    left: f64,
    filled: Timestamp,
}

pub(super) struct Tenant {
    api_key: String,
    read_only_key: Option<String>,
    clock: Arc<dyn Clock>,
    snapshot: Option<PathBuf>,
    pub seed: u64,
    pub faults: Faults,
    pub stop: CancellationToken,
    behaviour: Mutex<Behaviour>,
    bucket: Mutex<Option<Bucket>>,
    state: Mutex<State>,
    effects: Mutex<(usize, Effects)>,
    /// When each API request arrived.
    arrivals: Mutex<Vec<Instant>>,
    writing: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tenant {
    pub fn new(options: Options, stop: CancellationToken) -> io::Result<Self> {
        let faults = Faults::new(options.seed, &ROUTES);
        for fault in options.faults {
            faults.add(fault).map_err(io::Error::other)?;
        }
        let state = match &options.snapshot {
            Some(file) => snapshot::load(file)?,
            None => State::default(),
        };
        Ok(Self {
            api_key: options.api_key,
            read_only_key: options.read_only_key,
            clock: options.clock,
            snapshot: options.snapshot,
            seed: options.seed,
            faults,
            stop,
            behaviour: Mutex::new(options.behaviour),
            bucket: Mutex::default(),
            state: Mutex::new(state),
            effects: Mutex::default(),
            arrivals: Mutex::default(),
            writing: Mutex::default(),
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn behaviour(&self) -> Behaviour {
        lock(&self.behaviour).clone()
    }

    pub fn set_behaviour(&self, behaviour: Behaviour) {
        *lock(&self.behaviour) = behaviour;
        *lock(&self.bucket) = None;
        lock(&self.arrivals).clear();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn effects(&self) -> Effects {
        lock(&self.effects).1.clone()
    }

    pub fn count(&self, count: impl FnOnce(&mut Effects)) {
        count(&mut lock(&self.effects).1);
    }

    /// Whether lists and filters know a record by now.
    pub fn indexed(&self, record: &Record, now: Timestamp) -> bool {
        let lag = i64::try_from(lock(&self.behaviour).index_lag_ms).unwrap_or(i64::MAX);
        now.duration_since(record.created_at) >= SignedDuration::from_millis(lag)
    }

    /// Looks at the key of a request.
    pub fn admit(&self, key: Option<&str>, writes: bool) -> Result<(), Refusal> {
        let refused = |status, code, message: &str| Err(Refusal::new(status, code, message));
        match key {
            Some(key) if key == self.api_key => Ok(()),
            Some(key) if self.read_only_key.as_deref() == Some(key) => match writes {
                false => Ok(()),
                true => refused(StatusCode::FORBIDDEN, "read_only", "this API key may only read"),
            },
            Some(_) => refused(StatusCode::UNAUTHORIZED, "api_key", "this API key is not valid"),
            None => refused(
                StatusCode::UNAUTHORIZED,
                "api_key",
                "send the API key as Authorization: Bearer <key>",
            ),
        }
    }

    /// What the key of a request may do.
    pub fn permissions(&self, key: Option<&str>) -> &'static [&'static str] {
        match key == Some(self.api_key.as_str()) {
            true => &["read", "write"],
            false => &["read"],
        }
    }

    /// Takes a request out of the bucket; the seconds to wait when there is none left.
    pub fn turned_away(&self) -> Option<u64> {
        let rate = f64::from(lock(&self.behaviour).requests_per_second?.max(1));
        let now = self.now();
        let mut bucket = lock(&self.bucket);
        let bucket = bucket.get_or_insert(Bucket {
            left: rate,
            filled: now,
        });
        let passed = now.duration_since(bucket.filled).as_secs_f64().max(0.0);
        bucket.left = (bucket.left + passed * rate).min(rate);
        bucket.filled = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return None;
        }
        // The vendor names whole seconds.
        Some(((1.0 - bucket.left) / rate).ceil().max(1.0) as u64)
    }

    /// Counts a request until the guard is dropped.
    pub fn begin(&self, route: &str) -> UnderWay<'_> {
        lock(&self.arrivals).push(Instant::now());
        let mut inner = lock(&self.effects);
        inner.0 += 1;
        let at_once = inner.0;
        let effects = &mut inner.1;
        effects.most_at_once = effects.most_at_once.max(at_once);
        *effects.received.entry(route.to_owned()).or_default() += 1;
        UnderWay { tenant: self }
    }

    /// When each API request arrived, oldest first.
    pub fn arrivals(&self) -> Vec<Instant> {
        lock(&self.arrivals).clone()
    }

    /// Counts a write that is under way or still to be carried out.
    pub fn writing(self: &Arc<Self>) -> Writing {
        *lock(&self.writing) += 1;
        Writing(Arc::clone(self))
    }

    pub fn unsettled(&self) -> u64 {
        *lock(&self.writing)
    }

    pub fn reset(&self) {
        *lock(&self.state) = State::default();
        self.faults.clear();
        *lock(&self.bucket) = None;
        let mut inner = lock(&self.effects);
        inner.1 = Effects {
            late_pending: inner.1.late_pending,
            ..Effects::default()
        };
    }

    pub fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    pub fn save(&self) -> io::Result<()> {
        let file = self.snapshot.as_ref().ok_or_else(|| {
            io::Error::other("the directory was started without a snapshot file; name one in its options")
        })?;
        let state = lock(&self.state).clone();
        snapshot::save(file, &state)
    }
}

/// An API request that is under way; ends when dropped.
pub(super) struct UnderWay<'a> {
    tenant: &'a Tenant,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.tenant.effects);
        inner.0 = inner.0.saturating_sub(1);
    }
}

/// A write that is under way or still to be carried out; ends when dropped.
pub(super) struct Writing(Arc<Tenant>);

impl Drop for Writing {
    fn drop(&mut self) {
        *lock(&self.0.writing) -= 1;
    }
}
