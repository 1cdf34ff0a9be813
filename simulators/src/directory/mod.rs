//! A directory of clients and assets as a vendor would run it, but of no vendor: the "Reference Directory".
//!
//! [`Directory::start`] serves it inside the running tokio runtime. `README.md` beside this file is the vendor's
//! document: everything a client needs, and nothing of what is in here. [`Behaviour`] says how it behaves when all is
//! well (latency, the lag of its index, limits), [`Fault`] what goes wrong, [`Effects`] what arrived and what was
//! carried out, counted on this side. The same can be had over HTTP below `/simulator`, without a key.
//!
//! Invariant: a write is carried out whole at one instant, or not at all; whether its sender still listens makes no
//! difference.

mod admin;
mod batch;
mod effects;
mod faults;
mod fields;
mod lists;
mod records;
mod refusal;
mod schema;
mod server;
mod snapshot;
mod tenant;
mod writes;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
pub use effects::{Duplicate, Effects};
pub(crate) use faults::Struck;
pub use faults::{Fault, Faults, Mode, Standing, UnknownTarget};
pub use tenant::Behaviour;
use tenant::Tenant;

/// What to simulate.
#[derive(Clone)]
pub struct Options {
    /// The key that may read and write.
    pub api_key: String,
    /// A key that may only read.
    pub read_only_key: Option<String>,
    /// What faults with a rate and times with a spread are drawn from.
    pub seed: u64,
    /// How it behaves when all is well.
    pub behaviour: Behaviour,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// The time: `created_at`, the lag of the index, the rate limit.
    pub clock: Arc<dyn Clock>,
    /// A file its records are loaded from, if it exists, and saved to at [`Directory::save`] and
    /// [`Directory::shutdown`].
    pub snapshot: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_key: "directory-demo-key".to_owned(),
            read_only_key: None,
            seed: 1,
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            clock: Arc::new(SystemClock),
            snapshot: None,
        }
    }
}

/// A running simulator. Dropping it stops it too, without waiting and without saving.
pub struct Directory {
    tenant: Arc<Tenant>,
    address: SocketAddr,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Directory {
    /// Starts on a free loopback port. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no port can be listened on, the snapshot cannot be read, or a fault is for a route that does not exist.
    pub async fn start(options: Options) -> io::Result<Self> {
        Self::start_at(options, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on `bind`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Directory::start`].
    pub async fn start_at(options: Options, bind: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let tenant = Arc::new(Tenant::new(options, CancellationToken::new())?);
        let server = tokio::spawn(server::serve(listener, Arc::clone(&tenant)));
        Ok(Self {
            tenant,
            address,
            server: Some(server),
        })
    }

    /// Where it listens: `http://127.0.0.1:40000`, without a closing slash. The API is below `/api/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.tenant.faults
    }

    /// How it behaves when all is well.
    pub fn behaviour(&self) -> Behaviour {
        self.tenant.behaviour()
    }

    /// Behaves otherwise from the next request on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.tenant.set_behaviour(behaviour);
    }

    /// What arrived and what was carried out.
    pub fn effects(&self) -> Effects {
        self.tenant.effects()
    }

    /// When each API request arrived, oldest first, turned away or not.
    pub fn arrivals(&self) -> Vec<tokio::time::Instant> {
        self.tenant.arrivals()
    }

    /// All records as JSON, archived ones and those the index does not know yet included: an object with one array
    /// for each of `clients`, `sites`, `asset_types`, `assets`, `asset_fields`.
    pub fn records(&self) -> Value {
        self.tenant.state().dump()
    }

    /// External keys that more than one live record carries.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        self.tenant.state().duplicates()
    }

    /// Changes an asset as a person would in the vendor's own program: at once, whatever its version, without being
    /// counted. Returns its new version.
    ///
    /// # Errors
    /// What the API would answer to the same change.
    pub fn edit_asset(&self, id: &str, changes: &Value) -> Result<u64, String> {
        let now = self.tenant.now();
        self.tenant
            .state()
            .change_asset(id, changes, None, now)
            .map(|record| record.version)
            .map_err(|refusal| refusal.to_string())
    }

    /// Waits until no write is under way or still to be carried out late; `false` when that takes longer than `limit`.
    pub async fn settled(&self, limit: Duration) -> bool {
        let settled = async {
            while self.tenant.unsettled() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(limit, settled).await.is_ok()
    }

    /// Forgets all records, counters and faults; the behaviour stays. Writes that are still to be carried out late
    /// are.
    pub fn reset(&self) {
        self.tenant.reset();
    }

    /// Saves all records to the snapshot's file, which is replaced as a whole.
    ///
    /// # Errors
    /// When there is no such file in the options, or it cannot be written.
    pub fn save(&self) -> io::Result<()> {
        self.tenant.save()
    }

    /// Stops listening, lets requests under way end for up to a second, and saves the snapshot where there is one.
    ///
    /// # Errors
    /// When the snapshot cannot be written.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.tenant.stop.cancel();
        if let Some(server) = self.server.take() {
            let abort = server.abort_handle();
            if tokio::time::timeout(Duration::from_secs(1), server)
                .await
                .is_err()
            {
                abort.abort();
            }
        }
        match self.tenant.has_snapshot() {
            true => self.tenant.save(),
            false => Ok(()),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.tenant.stop.cancel();
    }
}
