//! One simulated instance with everything that belongs to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Options;
use super::api::Cursors;
use super::estate::day::Day;
use super::estate::{Estate, Plan};
use super::legacy::{KeyPair, Limits};
use super::oauth::{Access, Grants};
use super::quirks::Quirks;
use super::requests::RequestBook;
use super::tamper::Memory;
use super::webhook::Hooks;
use crate::clock::Clock;
use crate::dice::{Dice, uuid_bits};
use crate::faults::Faults;

const DAY_MS: i64 = 86_400_000;

pub(super) struct Tenant {
    estate: RwLock<Estate>,
    pub quirks: Quirks,
    pub latency: Duration,
    pub grants: Arc<Grants>,
    pub faults: Faults,
    /// What bent answers have to remember from page to page.
    pub memory: Memory,
    pub requests: RequestBook,
    /// Where reports go on.
    pub cursors: Cursors,
    pub hooks: Hooks,
    pub key_pairs: Vec<KeyPair>,
    /// How often each key of API v1 asked.
    pub limits: Limits,
    pub stop: CancellationToken,
    pub base_url: String,
    clock: Arc<dyn Clock>,
    seed: u64,
    answered: AtomicU64,
}

impl Tenant {
    pub fn new(options: Options, stop: CancellationToken, base_url: String) -> Self {
        let plan = Plan {
            devices: options.devices,
            organizations: options.organizations,
            seed: options.seed,
            same_names: options.same_names,
        };
        let estate = Estate::generate(&plan, options.clock.now().as_millisecond());
        Self {
            estate: RwLock::new(estate),
            quirks: options.quirks,
            latency: options.latency,
            grants: Arc::new(Grants::new(options.oauth, Arc::clone(&options.clock))),
            faults: Faults::default(),
            memory: Memory::default(),
            requests: RequestBook::default(),
            cursors: Cursors::default(),
            hooks: Hooks::default(),
            key_pairs: options.key_pairs,
            limits: Limits::default(),
            stop,
            base_url,
            clock: options.clock,
            seed: options.seed,
            answered: AtomicU64::new(0),
        }
    }

    /// The inventory. A panic in a handler leaves it usable.
    pub fn estate(&self) -> RwLockReadGuard<'_, Estate> {
        self.estate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inventory, to be changed.
    pub fn estate_mut(&self) -> RwLockWriteGuard<'_, Estate> {
        self.estate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The estate's time in milliseconds: the clock's, plus the days that were let pass.
    pub fn present(&self) -> i64 {
        self.at(self.estate().days())
    }

    /// The estate's time once `days` were let pass.
    pub fn at(&self, days: u32) -> i64 {
        self.clock.now().as_millisecond() + i64::from(days) * DAY_MS
    }

    pub fn let_a_day_pass(&self, share: f64) -> Day {
        let mut estate = self.estate_mut();
        let present = self.at(estate.days() + 1);
        let day = estate.pass_day(share, present);
        drop(estate);
        self.deliver();
        day
    }

    /// Lets new activities go to the webhooks.
    pub fn deliver(&self) {
        self.hooks.wake();
    }

    /// The clock's time.
    pub fn wall(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The clock's time in milliseconds, for what expires.
    pub fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// The id of the technician a token belongs to. Whoever signs in is the administrator of the estate.
    pub fn user_id(&self, access: &Access) -> Option<u32> {
        access.user.as_ref().map(|_| 1)
    }

    /// A value for `x-nj-request-id`.
    pub fn request_id(&self) -> String {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        uuid::Uuid::from_u128(uuid_bits(self.seed, 0x7265_7100_0000 + number)).to_string()
    }

    /// A value for `incidentId` (`WEB_MGMT_SERVICE-<hex>-<millis>-<RANDOM>`).
    pub fn incident_id(&self) -> String {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        let mut dice = Dice::new(self.seed, 0x696e_6300_0000 + number);
        let tail: String = (0..6).map(|_| char::from(b'A' + dice.below(26) as u8)).collect();
        format!(
            "WEB_MGMT_SERVICE-{:08x}-{}-{tail}",
            dice.next() as u32,
            self.clock.now().as_millisecond()
        )
    }
}
