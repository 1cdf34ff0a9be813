//! A stand-in for an identity provider: OpenID Connect Core 1.0 (authorization code flow, PKCE by RFC 7636, UserInfo) and
//! Discovery 1.0, written from those documents.
//!
//! Its authorization page shows the accounts it has, to sign in as one of them or to decline. [`Slip`] names what it can do
//! wrong. Keys: RS256 with a key that everybody may read in this folder, and after [`Identity::rotate`] ES256 with one made
//! on the spot.

mod keys;
mod server;
mod slips;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use keys::Keys;
pub use slips::{SLIPS, Slip};

/// Somebody who has an account there.
#[derive(Clone, Debug)]
pub struct Account {
    /// What the provider calls them, for ever.
    pub subject: String,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether the provider vouches for it; `None` where it says nothing of that.
    pub email_verified: Option<bool>,
}

impl Account {
    /// Somebody with a verified address, whose subject is made of it.
    pub fn of(email: &str) -> Self {
        let name = email.split('@').next().unwrap_or(email);
        Self {
            subject: format!("subject-of-{name}"),
            name: name.to_owned(),
            email: Some(email.to_owned()),
            email_verified: Some(true),
        }
    }
}

/// What to simulate.
#[derive(Clone)]
pub struct Options {
    /// The app's client ID.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where it may send people back to.
    pub redirect_uris: Vec<String>,
    /// Who has an account.
    pub accounts: Vec<Account>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_id: "demo-oidc".to_owned(),
            client_secret: "demo-oidc-secret".to_owned(),
            redirect_uris: Vec::new(),
            accounts: ["ada@example.test", "grace@example.test"].map(Account::of).into(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A code that waits to be redeemed.
#[derive(Clone)]
struct Code {
    account: Account,
    nonce: Option<String>,
    challenge: Option<String>,
    redirect_uri: String,
    issued: Timestamp,
}

struct State {
    accounts: Vec<Account>,
    redirect_uris: Vec<String>,
    slips: BTreeSet<Slip>,
    delay: Duration,
    keys: Keys,
    codes: BTreeMap<String, Code>,
    /// Access tokens, and whose they are.
    access: BTreeMap<String, Account>,
}

struct Provider {
    issuer: String,
    client_id: String,
    client_secret: String,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    state: Mutex<State>,
}

impl Provider {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn does(&self, slip: Slip) -> bool {
        self.state().slips.contains(&slip)
    }
}

/// 128 random bits as text.
fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A running simulator. Dropping it stops it too, without waiting.
pub struct Identity {
    provider: Arc<Provider>,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Identity {
    /// Starts on `bind`; port 0 takes any free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(options: Options, bind: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let provider = Arc::new(Provider {
            issuer,
            client_id: options.client_id,
            client_secret: options.client_secret,
            clock: options.clock,
            stop: CancellationToken::new(),
            state: Mutex::new(State {
                accounts: options.accounts,
                redirect_uris: options.redirect_uris,
                slips: BTreeSet::new(),
                delay: Duration::ZERO,
                keys: Keys::new().map_err(io::Error::other)?,
                codes: BTreeMap::new(),
                access: BTreeMap::new(),
            }),
        });
        let server = tokio::spawn(server::serve(listener, Arc::clone(&provider)));
        Ok(Self {
            provider,
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

    /// Its issuer: `http://127.0.0.1:40000`.
    pub fn issuer(&self) -> String {
        self.provider.issuer.clone()
    }

    /// Takes another address the app may send people back to.
    pub fn register_redirect(&self, uri: &str) {
        self.provider.state().redirect_uris.push(uri.to_owned());
    }

    /// Does these things wrong from now on, and no others.
    pub fn slip(&self, slips: &[Slip]) {
        self.provider.state().slips = slips.iter().copied().collect();
    }

    /// Takes so long for each answer.
    pub fn delay(&self, delay: Duration) {
        self.provider.state().delay = delay;
    }

    /// Signs with a new key from now on; the old one is not published any more.
    ///
    /// # Errors
    /// When this machine has no randomness.
    pub fn rotate(&self) -> Result<(), String> {
        self.provider.state().keys.rotate()
    }

    /// Changes an account, by its subject; `false` if there is none.
    pub fn change(&self, subject: &str, change: impl FnOnce(&mut Account)) -> bool {
        let mut state = self.provider.state();
        let found = state
            .accounts
            .iter_mut()
            .find(|account| account.subject == subject);
        found.map(change).is_some()
    }

    /// What somebody does at the authorization page of this address: signs in as that subject, or declines. Where the
    /// browser is sent.
    ///
    /// # Errors
    /// When the page would show no such choice.
    pub fn decide(&self, authorize: &str, subject: Option<&str>) -> Result<String, String> {
        let query = authorize.split_once('?').map_or("", |(_, query)| query);
        server::decide(&self.provider, query, subject)
    }

    /// Stops listening, lets requests under way end for up to a second, and returns.
    pub async fn shutdown(mut self) {
        self.provider.stop.cancel();
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

impl Drop for Identity {
    fn drop(&mut self) {
        self.provider.stop.cancel();
    }
}
