//! A stand-in for N-able Passportal: the public API of its Documentation Manager.
//!
//! [`Passportal::start`] serves it inside the running tokio runtime. Written from the vendor's pages on its API
//! (`documentation.n-able.com`, section API) and from what public clients read out of live accounts; what neither tells
//! is a switch of [`Quirks`]. [`Passportal::faults`] says what goes wrong. The same can be done over HTTP below
//! `/simulator`, without a key.
//!
//! Known from the vendor: the HMAC for a token of 55 minutes, listing by page number, a batch of new documents that is
//! answered without their ids, an update that removes what it does not name, the words of its errors. Known from
//! clients: the list of clients, and that fields of asset documents go by their position, 31 and 32 being the id
//! another system has for the device, and which system that is. Nothing here creates a client, deletes or archives:
//! no such call is known.
//!
//! Invariant: a write is carried out whole at one instant, or not at all; whether its sender still listens makes no
//! difference.

mod admin;
mod auth;
mod documents;
mod quirks;
mod records;
mod server;
mod template;
mod tenant;
mod writes;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::directory::Faults;
pub use quirks::{CreateBody, DetailKeys, DocumentationManager, Names, QUIRKS, Quirks};
pub use records::Document;
use tenant::Tenant;

/// What to simulate.
#[derive(Clone)]
pub struct Options {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The names of the clients there are.
    pub clients: Vec<String>,
    /// Whether each client has an asset document from another system, as accounts that are in use have.
    pub in_use: bool,
    /// Behaviour the vendor leaves open.
    pub quirks: Quirks,
    /// What faults with a rate are drawn from.
    pub seed: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access_key_id: "DEMOPASSPORTALKEY".to_owned(),
            secret_access_key: "demo-passportal-secret".to_owned(),
            clients: ["Northwind Traders", "Müller & Söhne GmbH", "Contoso Clinic"]
                .map(str::to_owned)
                .into(),
            in_use: true,
            quirks: Quirks::default(),
            seed: 1,
            clock: Arc::new(SystemClock),
        }
    }
}

/// A running simulator. Dropping it stops it too, without waiting.
pub struct Passportal {
    tenant: Arc<Tenant>,
    address: SocketAddr,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Passportal {
    /// Starts on `bind`; port 0 takes any free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(options: Options, bind: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let tenant = Arc::new(Tenant::new(options, CancellationToken::new()));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&tenant)));
        Ok(Self {
            tenant,
            address,
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

    /// Where it listens: `http://127.0.0.1:40000`, without a closing slash. The API is below `/api/v2`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.tenant.faults
    }

    /// Behaves otherwise from the next request on.
    pub fn set_quirks(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.tenant.quirks_mut());
    }

    /// A client somebody creates in Passportal's own pages; its id.
    pub fn create_client(&self, name: &str) -> u64 {
        self.tenant.state().add_client(name)
    }

    /// Ids and names of all clients.
    pub fn clients(&self) -> Vec<(u64, String)> {
        let state = self.tenant.state();
        state
            .clients
            .iter()
            .map(|(id, name)| (*id, name.clone()))
            .collect()
    }

    /// All documents, those included that lists do not show yet.
    pub fn documents(&self) -> Vec<Document> {
        self.tenant.state().documents.values().cloned().collect()
    }

    /// Writes a field of a document as a person would; `false` if there is no such document or field.
    pub fn edit(&self, document: u64, position: u8, text: &str) -> bool {
        self.tenant.state().edit(document, position, text)
    }

    /// Deletes a document as a person would; `false` if there is none.
    pub fn delete(&self, document: u64) -> bool {
        self.tenant.state().documents.remove(&document).is_some()
    }

    /// Adds an asset document as a person or another integration would; its id.
    ///
    /// # Errors
    /// What the API would answer.
    pub fn add_document(&self, client: u64, title: &str, fields: &[(u8, &str)]) -> Result<u64, String> {
        let now = self.tenant.now();
        self.tenant.state().add_asset(client, title, fields, now)
    }

    /// How often each route was asked: `POST /documents`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.tenant.requests()
    }

    /// Every access token is no longer accepted, as if its time were over.
    pub fn expire_tokens(&self) {
        self.tenant.expire_tokens();
    }

    /// What more than one document holds at 31 and 32, and how many do.
    pub fn duplicates(&self) -> BTreeMap<(String, String), usize> {
        let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
        for document in self.documents() {
            if let (Some(id), Some(system)) = (document.text(31), document.text(32)) {
                *pairs.entry((id.to_owned(), system.to_owned())).or_default() += 1;
            }
        }
        pairs.retain(|_, documents| *documents > 1);
        pairs
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

    /// Everything at once, as `/simulator/records` tells it.
    pub fn records(&self) -> Value {
        self.tenant.state().dump()
    }

    /// Stops listening, lets requests under way end for up to a second, and returns.
    pub async fn shutdown(mut self) {
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
    }
}

impl Drop for Passportal {
    fn drop(&mut self) {
        self.tenant.stop.cancel();
    }
}
