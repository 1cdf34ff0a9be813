//! The books: which grants, tokens, codes and sessions exist, and what a test may ask of or do to them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;

use super::apps::App;
use super::options::OauthOptions;
use super::scopes::scope_set;
use super::sessions::Session;
use crate::clock::Clock;

/// Every grant of one simulated instance. Another tenant is another `Grants`: it knows none of this one's tokens.
pub struct Grants {
    pub(super) options: OauthOptions,
    pub(super) clock: Arc<dyn Clock>,
    inner: Mutex<Books>,
}

/// What a bearer token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The client app the token was issued to.
    pub client_id: String,
    /// The granted scopes.
    pub scopes: BTreeSet<String>,
    /// The technician who consented; `None` for client credentials, which have no user context.
    pub user: Option<String>,
}

/// Why a bearer token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// This instance never issued it.
    #[error("this instance never issued that access token")]
    Unknown,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// It or its grant was revoked.
    #[error("the access token or its grant was revoked")]
    Revoked,
}

/// One consent of a technician, or one client-credentials token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedGrant {
    /// A UUID.
    pub id: String,
    /// The client app it was issued to.
    pub client_id: String,
    /// The technician who consented; `None` for client credentials.
    pub user: Option<String>,
    /// The granted scopes.
    pub scopes: BTreeSet<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

/// How often the token endpoint was called, by `grant_type`, whatever the answer was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenCalls {
    /// `authorization_code`
    pub authorization_code: u64,
    /// `refresh_token`
    pub refresh_token: u64,
    /// `client_credentials`
    pub client_credentials: u64,
    /// Any other grant type, or none.
    pub other: u64,
}

/// A code that waits to be exchanged, or was.
pub(super) struct Code {
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: BTreeSet<String>,
    pub user: String,
    pub challenge: Option<String>,
    pub expires: Timestamp,
    pub used: bool,
    /// The grant made from it.
    pub grant: Option<usize>,
}

pub(super) struct AccessToken {
    pub grant: usize,
    pub scopes: BTreeSet<String>,
    pub expires: Timestamp,
    pub revoked: bool,
}

pub(super) struct RefreshToken {
    pub grant: usize,
    pub expires: Option<Timestamp>,
    /// When rotation ends it.
    pub dead_from: Option<Timestamp>,
}

/// The mutable part of [`Grants`]. Tokens name their grant by its place in `grants`, which only grows.
pub(super) struct Books {
    pub rng: StdRng,
    pub apps: Vec<App>,
    pub grants: Vec<IssuedGrant>,
    pub codes: HashMap<String, Code>,
    pub access: HashMap<String, AccessToken>,
    pub refresh: HashMap<String, RefreshToken>,
    pub sessions: HashMap<String, Session>,
    /// E-mail addresses, in lower case, of technicians who are gone.
    pub removed_technicians: BTreeSet<String>,
    pub calls: TokenCalls,
}

impl Books {
    /// An opaque string of `bytes` random bytes.
    pub fn random(&mut self, bytes: usize) -> String {
        let mut raw = vec![0; bytes];
        self.rng.fill_bytes(&mut raw);
        URL_SAFE_NO_PAD.encode(raw)
    }

    /// A random UUID in its usual writing.
    pub fn uuid(&mut self) -> String {
        let mut raw = [0; 16];
        self.rng.fill_bytes(&mut raw);
        uuid::Builder::from_random_bytes(raw).into_uuid().to_string()
    }

    pub fn is_revoked(&self, grant: usize) -> bool {
        self.grants.get(grant).is_none_or(|grant| grant.revoked.is_some())
    }
}

impl Grants {
    /// An instance without any grant yet.
    pub fn new(options: OauthOptions, clock: Arc<dyn Clock>) -> Self {
        let books = Books {
            removed_technicians: BTreeSet::new(),
            rng: StdRng::seed_from_u64(options.seed),
            apps: options.apps.clone(),
            grants: Vec::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            sessions: HashMap::new(),
            calls: TokenCalls::default(),
        };
        Self {
            options,
            clock,
            inner: Mutex::new(books),
        }
    }

    /// What the access token `bearer` allows now.
    ///
    /// # Errors
    /// The reason why it allows nothing.
    pub fn verify(&self, bearer: &str) -> Result<Access, TokenProblem> {
        let now = self.clock.now();
        let books = self.books();
        let token = books.access.get(bearer).ok_or(TokenProblem::Unknown)?;
        let grant = books.grants.get(token.grant).ok_or(TokenProblem::Unknown)?;
        if token.revoked || grant.revoked.is_some() {
            return Err(TokenProblem::Revoked);
        }
        if token.expires <= now {
            return Err(TokenProblem::Expired);
        }
        Ok(Access {
            client_id: grant.client_id.clone(),
            scopes: token.scopes.clone(),
            user: grant.user.clone(),
        })
    }

    /// Every grant issued so far, oldest first, revoked ones included.
    pub fn issued(&self) -> Vec<IssuedGrant> {
        self.books().grants.clone()
    }

    /// How often the token endpoint was called.
    pub fn token_calls(&self) -> TokenCalls {
        self.books().calls
    }

    /// Revokes one grant with all its tokens; `false` if there is no such grant or it was revoked before.
    pub fn revoke(&self, id: &str) -> bool {
        self.revoke_where(|grant| grant.id == id) > 0
    }

    /// Revokes every grant with all its tokens and says how many there were.
    pub fn revoke_all(&self) -> usize {
        self.revoke_where(|_| true)
    }

    /// Removes a technician from the tenant: they cannot sign in any more, and what was granted on their behalf ends.
    /// Says how many grants that were.
    pub fn remove_technician(&self, email: &str) -> usize {
        self.books()
            .removed_technicians
            .insert(email.to_ascii_lowercase());
        self.revoke_where(|grant| {
            grant
                .user
                .as_deref()
                .is_some_and(|user| user.eq_ignore_ascii_case(email))
        })
    }

    fn revoke_where(&self, chosen: impl Fn(&IssuedGrant) -> bool) -> usize {
        let now = self.clock.now();
        let mut revoked = 0;
        for grant in self
            .books()
            .grants
            .iter_mut()
            .filter(|grant| grant.revoked.is_none() && chosen(grant))
        {
            grant.revoked = Some(now);
            revoked += 1;
        }
        revoked
    }

    /// Ends the life of every access token now, as if its hour were over, and says how many there were.
    /// Refresh tokens stay alive.
    pub fn expire_access_tokens(&self) -> usize {
        let now = self.clock.now();
        let mut expired = 0;
        for token in self
            .books()
            .access
            .values_mut()
            .filter(|token| token.expires > now)
        {
            token.expires = now;
            expired += 1;
        }
        expired
    }

    /// Gives the app a new secret and returns it; the old one is refused from now on, tokens stay alive. `None` if there
    /// is no such app or it has no secret.
    pub fn rotate_secret(&self, client_id: &str) -> Option<String> {
        let mut books = self.books();
        let secret = books.random(32);
        let app = books.apps.iter_mut().find(|app| app.client_id == client_id)?;
        app.secret.is_some().then(|| {
            app.secret = Some(secret.clone());
            secret
        })
    }

    /// Registers one more redirect URI with an app; `false` if there is no such app.
    pub fn add_redirect_uri(&self, client_id: &str, uri: &str) -> bool {
        let mut books = self.books();
        let app = books.apps.iter_mut().find(|app| app.client_id == client_id);
        app.map(|app| app.redirect_uris.push(uri.to_owned())).is_some()
    }

    /// An access token without the way there, for tests whose subject is not OAuth. Neither app, scopes nor user are
    /// held against the options.
    pub fn access_token_for(&self, client_id: &str, user: Option<&str>, scopes: &[&str]) -> String {
        let now = self.clock.now();
        let mut books = self.books();
        let grant = self.open_grant(&mut books, client_id, user, scope_set(scopes), now);
        self.new_access_token(&mut books, grant, scope_set(scopes), now)
    }

    /// Locks the books. A panic elsewhere leaves them as they were, which is good enough to go on.
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The app with this client id.
    pub(super) fn app(&self, client_id: &str) -> Option<App> {
        self.books()
            .apps
            .iter()
            .find(|app| app.client_id == client_id)
            .cloned()
    }

    /// An id as the vendor's application layer puts it into error bodies (`WEB_MGMT_SERVICE-<hex>-<millis>-<RANDOM>`).
    pub(super) fn incident_id(&self) -> String {
        let millis = self.clock.now().as_millisecond();
        let mut books = self.books();
        let (host, tail) = (books.rng.next_u32(), books.rng.next_u32());
        let letters: String = (0..6)
            .map(|place| char::from(b'A' + ((tail >> (place * 4)) & 0xf) as u8))
            .collect();
        format!("WEB_MGMT_SERVICE-{host:08x}-{millis}-{letters}")
    }
}

/// `seconds` after `now`, or the end of time if that comes first.
pub(super) fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
