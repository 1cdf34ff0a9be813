//! A stand-in for NinjaOne: its OAuth server, its API v2 and its legacy API v1 over an estate made from a seed.
//!
//! [`NinjaOne::start`] serves it inside the running tokio runtime; [`Options`] say how large it is, [`Quirks`] how it
//! behaves where the vendor's behaviour is uncertain, [`NinjaOne::faults`] what goes wrong, [`lies`] what of that a
//! reader has to survive. The same can be done over HTTP below `/simulator`, without authentication, so that programs
//! in other languages can drive it too.
//!
//! Written from NinjaOne's published OpenAPI document and from observed answers. A test holds every answer against a
//! digest of that document. A new endpoint is a handler in `api/`, a route in `api/mod.rs` and a line in the contract
//! test's list.

mod admin;
mod api;
pub mod estate;
mod legacy;
pub mod lies;
pub mod oauth;
mod quirks;
mod requests;
mod server;
mod tamper;
mod tenant;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::faults::Faults;
use estate::Estate;
use estate::day::Day;
pub use legacy::KeyPair;
use oauth::{Grants, OauthOptions};
pub use quirks::{CursorName, Part, QUIRKS, Quirk, QuirkText, Quirks, ScriptAnswer};
pub use requests::{Requests, Seen};
use tenant::Tenant;
pub use webhook::Delivery;

/// What to simulate.
#[derive(Clone)]
pub struct Options {
    /// How many approved devices there are; 10 to 200,000 make sense.
    pub devices: usize,
    /// How many organizations there are; `None` takes a fiftieth of the devices, at least 3.
    pub organizations: Option<usize>,
    /// What the estate is made from; the same seed gives the same estate.
    pub seed: u64,
    /// How many organizations carry exactly the name of an earlier one.
    pub same_names: usize,
    /// Behaviour the vendor leaves open.
    pub quirks: Quirks,
    /// How long every request takes at least.
    pub latency: Duration,
    /// Client apps, technicians and tokens.
    pub oauth: OauthOptions,
    /// Key pairs of API v1.
    pub key_pairs: Vec<KeyPair>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            devices: 1200,
            organizations: None,
            seed: 1,
            same_names: 0,
            quirks: Quirks::default(),
            latency: Duration::ZERO,
            oauth: OauthOptions::default(),
            key_pairs: vec![KeyPair::demo()],
            clock: Arc::new(SystemClock),
        }
    }
}

/// A running simulator. Dropping it stops it too, without waiting.
pub struct NinjaOne {
    tenant: Arc<Tenant>,
    address: SocketAddr,
    stop: CancellationToken,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl NinjaOne {
    /// Starts on `bind`; port 0 takes any free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(options: Options, bind: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tenant = Arc::new(Tenant::new(options, stop.clone(), format!("http://{address}")));
        tokio::spawn(webhook::run(Arc::clone(&tenant)));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&tenant), stop.clone()));
        Ok(Self {
            tenant,
            address,
            stop,
            server: Some(server),
        })
    }

    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start_on_loopback(options: Options) -> io::Result<Self> {
        Self::start(options, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Where it listens: `http://127.0.0.1:40000`, without a closing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What arrived so far, counted here.
    pub fn requests(&self) -> Requests {
        self.tenant.requests.counters()
    }

    /// The latest requests one by one, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.tenant.requests.seen()
    }

    /// Begins counting anew.
    pub fn reset_requests(&self) {
        self.tenant.requests.reset();
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.tenant.faults
    }

    /// The grants: list, revoke, expire.
    pub fn grants(&self) -> &Grants {
        &self.tenant.grants
    }

    /// The inventory, to look at. Requests that change it wait until the guard is dropped; do not hold it across an
    /// `await`.
    pub fn estate(&self) -> RwLockReadGuard<'_, Estate> {
        self.tenant.estate()
    }

    /// The inventory, to be changed by a test. All requests wait until the guard is dropped.
    pub fn estate_mut(&self) -> RwLockWriteGuard<'_, Estate> {
        self.tenant.estate_mut()
    }

    /// Ids and names of all organizations, ascending by id.
    pub fn organizations(&self) -> Vec<(u32, String)> {
        self.estate()
            .organizations()
            .iter()
            .map(|one| (one.id, one.name.clone()))
            .collect()
    }

    /// Gives organizations certain names; returns the ids that do not exist.
    pub fn name_organizations(&self, names: &[(u32, &str)]) -> Vec<u32> {
        self.estate_mut()
            .name_organizations(names.iter().copied())
            .into_iter()
            .collect()
    }

    /// Lets a day pass: `share` (0 to 1) of the devices really changes, `lastContact` moves on about nine in ten.
    pub fn let_a_day_pass(&self, share: f64) -> Day {
        self.tenant.let_a_day_pass(share)
    }

    /// Switches a device on or off. One that is switched on does what waited for it. `false` if there is none.
    pub fn bring_online(&self, device: u32, online: bool) -> bool {
        api::bring_online(&self.tenant, device, online)
    }

    /// Lets the condition at `place` of [`estate::condition::CONDITIONS`] be met on a device; returns the alert's
    /// `uid` as the API writes it.
    pub fn raise_alert(&self, device: u32, place: u8) -> String {
        let mut estate = self.estate_mut();
        let now = self.tenant.at(estate.days());
        let uid = estate.raise_alert(device, place, now);
        drop(estate);
        self.tenant.deliver();
        uuid::Uuid::from_u128(uid).to_string()
    }

    /// Every attempt to deliver an activity to a webhook.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.tenant.hooks.deliveries()
    }

    /// The time in the estate: the clock's, plus the days that were let pass.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.tenant.present()).unwrap_or(Timestamp::MAX)
    }

    /// Stops listening, lets requests under way end for up to a second, and returns.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            let abort = server.abort_handle();
            if tokio::time::timeout(Duration::from_secs(1), server)
                .await
                .is_err()
            {
                abort.abort();
            }
        }
    }
}

impl Drop for NinjaOne {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
