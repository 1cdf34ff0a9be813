//! Keeps a stored grant alive: one refresh per expiry, across tasks and processes.
//!
//! Within a process a gate lets one task at a time look after the grant. Across processes the [`GrantStore`] hands
//! out the turn. The exchange runs in a task of its own, so that a caller that goes away cannot lose a rotated
//! refresh token between the vendor's answer and the commit.

use super::failure::OauthStep;
use super::token::NoToken;
use super::{OauthApp, machine, token};
use crate::connector::Mode;
use crate::error::{Error, Kind};
use crate::grant::{Grant, GrantStore, NewGrant, RefreshTicket, RefreshTurn};
use crate::http::{Bearer, Http};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use model::Clock;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

const DOING: &str = "refreshing the grant";
/// How long before its end a token is replaced.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// When somebody else's turn counts as lost: well past the token endpoint's deadline.
const OVERDUE: Duration = Duration::from_secs(90);
/// A token this young that is rejected will not be cured by another refresh.
const YOUNG: SignedDuration = SignedDuration::from_secs(30);
/// Waits between tries to store a new pair.
const COMMIT_PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// The token of a stored grant.
pub struct GrantBearer {
    keeper: Arc<Keeper>,
    held: Arc<Mutex<Held>>,
}

struct Keeper {
    grants: Arc<dyn GrantStore>,
    way: Way,
    http: Http,
    clock: Arc<dyn Clock>,
}

/// Where the next pair comes from.
enum Way {
    Oauth { app: Box<OauthApp>, mode: Mode },
    Issuer(Arc<dyn Issuer>),
}

/// A vendor's own way to a token, for which keys are enough.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// A new token.
    ///
    /// # Errors
    /// [`Kind::Auth`] when the vendor does not accept the keys, and whatever asking met.
    async fn issue(&self) -> Result<NewGrant, Error>;
}

/// What this process knows of the grant.
#[derive(Default)]
struct Held {
    grant: Option<Grant>,
    /// How long before its end the token is replaced; less than [`AHEAD`] for short-lived ones.
    ahead: SignedDuration,
    /// When this process got it from the vendor.
    issued: Option<Timestamp>,
    /// The version the vendor called dead, and how.
    dead: Option<(i64, Error)>,
}

impl GrantBearer {
    /// Tokens from `grants`, refreshed with `app` when the mode is [`Mode::Consent`], asked for anew when it is
    /// [`Mode::Machine`].
    pub fn new(
        grants: Arc<dyn GrantStore>,
        app: OauthApp,
        http: Http,
        clock: Arc<dyn Clock>,
        mode: Mode,
    ) -> Self {
        let app = Box::new(app);
        Self::by(grants, Way::Oauth { app, mode }, http, clock)
    }

    /// Tokens from `grants`, asked for anew by `issuer`; `http` is where they are shown.
    pub fn issued(
        grants: Arc<dyn GrantStore>,
        issuer: Arc<dyn Issuer>,
        http: Http,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::by(grants, Way::Issuer(issuer), http, clock)
    }

    fn by(grants: Arc<dyn GrantStore>, way: Way, http: Http, clock: Arc<dyn Clock>) -> Self {
        let keeper = Keeper {
            grants,
            way,
            http,
            clock,
        };
        Self {
            keeper: Arc::new(keeper),
            held: Arc::default(),
        }
    }

    async fn get(&self, rejected: Option<SecretString>) -> Result<SecretString, Error> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        if let Some(token) = self.keeper.good(&held, rejected.as_ref()) {
            return Ok(token);
        }
        let keeper = Arc::clone(&self.keeper);
        let work = async move { keeper.get(&mut held, rejected.as_ref()).await };
        match tokio::spawn(work.in_current_span()).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                Kind::Unavailable,
                DOING,
                "it was cut short while the program was ending",
            )),
        }
    }
}

#[async_trait]
impl Bearer for GrantBearer {
    async fn token(&self) -> Result<SecretString, Error> {
        self.get(None).await
    }

    async fn rejected(&self, token: &SecretString) -> Result<SecretString, Error> {
        self.get(Some(token.clone())).await
    }
}

impl Held {
    /// Takes over a grant from the store. `recent`: it replaced one we knew, so it was issued just now.
    fn take(&mut self, grant: Grant, now: Timestamp, recent: bool) {
        if self
            .grant
            .as_ref()
            .is_some_and(|known| known.version == grant.version)
        {
            return;
        }
        let quarter = grant.pair.expires.duration_since(now) / 4;
        self.ahead = if recent {
            quarter.clamp(SignedDuration::ZERO, AHEAD)
        } else {
            AHEAD
        };
        self.issued = None;
        self.grant = Some(grant);
    }
}

impl Keeper {
    /// The held token, when it can be used.
    fn good(&self, held: &Held, rejected: Option<&SecretString>) -> Option<SecretString> {
        let pair = &held.grant.as_ref()?.pair;
        let fresh = pair.expires.duration_since(self.clock.now()) > held.ahead;
        (fresh && !is(rejected, pair)).then(|| pair.access_token.clone())
    }

    /// The held token, when it still works although it should be replaced.
    fn last_resort(&self, held: &Held, rejected: Option<&SecretString>) -> Option<SecretString> {
        let pair = &held.grant.as_ref()?.pair;
        let alive = pair.expires.duration_since(self.clock.now()) > SignedDuration::from_secs(2);
        (alive && !is(rejected, pair)).then(|| pair.access_token.clone())
    }

    async fn get(&self, held: &mut Held, rejected: Option<&SecretString>) -> Result<SecretString, Error> {
        let Some(stored) = self.grants.load().await? else {
            return self.first(held).await;
        };
        if let Some((version, error)) = &held.dead
            && *version == stored.version
        {
            return Err(error.clone());
        }
        let recent = held.grant.is_some();
        held.take(stored, self.clock.now(), recent);
        if let Some(token) = self.good(held, rejected) {
            return Ok(token);
        }
        if let Some(age) = held.issued.map(|at| self.clock.now().duration_since(at))
            && held.grant.as_ref().is_some_and(|grant| is(rejected, &grant.pair))
            && age < YOUNG
        {
            let what = format!(
                "{} rejects a token issued {} s ago",
                self.http.host(),
                age.as_secs()
            );
            return Err(Error::new(Kind::Auth, "authorizing a request", what)
                .advise("The person who consented may have lost access. Reconnect this connection"));
        }
        self.replace(held, rejected).await
    }

    /// Nothing is stored: a machine app gets its first token, a person has to consent first.
    async fn first(&self, held: &mut Held) -> Result<SecretString, Error> {
        if let Way::Oauth {
            mode: Mode::Consent, ..
        } = self.way
        {
            return Err(
                Error::new(Kind::Auth, "reading the stored grant", "nobody has consented yet")
                    .advise("Authorize this connection"),
            );
        }
        let asked = self.clock.now();
        let pair = self.ask(None).await.map_err(|no| no.error)?;
        let grant = self.grants.replace(pair).await?;
        held.take(grant, asked, true);
        held.issued = Some(asked);
        self.current(held)
    }

    /// Gets the turn to refresh, or waits for whoever has it.
    async fn replace(&self, held: &mut Held, rejected: Option<&SecretString>) -> Result<SecretString, Error> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let Some(grant) = held.grant.clone() else {
                return self.first(held).await;
            };
            match self.grants.begin_refresh(grant.version, OVERDUE).await? {
                RefreshTurn::Ours(ticket) => return self.refresh(held, &grant, ticket, rejected).await,
                RefreshTurn::Done(newer) if newer.version == grant.version => {
                    let what = format!(
                        "the store says that version {} was replaced, by itself",
                        grant.version
                    );
                    return Err(Error::new(Kind::Storage, DOING, what));
                }
                RefreshTurn::Done(newer) => held.take(newer, self.clock.now(), true),
                RefreshTurn::Theirs => {
                    if let Some(token) = self.last_resort(held, rejected) {
                        return Ok(token);
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    if let Some(stored) = self.grants.load().await? {
                        held.take(stored, self.clock.now(), true);
                    }
                }
            }
            if let Some(token) = self.good(held, rejected) {
                return Ok(token);
            }
            if began.elapsed() > OVERDUE + OVERDUE / 2 {
                let what = format!(
                    "another process has been at it for {} s",
                    began.elapsed().as_secs()
                );
                return Err(Error::new(Kind::Unavailable, DOING, what));
            }
        }
    }

    /// It is our turn: asks the vendor and commits what it gives.
    async fn refresh(
        &self,
        held: &mut Held,
        grant: &Grant,
        ticket: RefreshTicket,
        rejected: Option<&SecretString>,
    ) -> Result<SecretString, Error> {
        let asked = self.clock.now();
        let answered = self.ask(Some(&grant.pair)).await;
        let outcome = match &answered {
            Ok(_) => "done",
            Err(no) if no.dead => "dead",
            Err(_) => "failed",
        };
        metrics::counter!("rmmbridge_token_refreshes_total", "outcome" => outcome).increment(1);
        let no = match answered {
            Ok(mut pair) => {
                if pair.scopes.is_empty() {
                    pair.scopes.clone_from(&grant.pair.scopes);
                }
                let committed = self.commit(ticket, pair).await?;
                held.take(committed, asked, true);
                held.issued = Some(asked);
                return self.current(held);
            }
            Err(no) => no,
        };
        if let Some(rotated) = no.rotated {
            // Nothing that came can be shown, but what it says is the only way on: it is kept, or a person would
            // have to consent again.
            let mut pair = grant.pair.clone();
            pair.refresh_token = Some(rotated);
            held.take(self.commit(ticket, pair).await?, self.clock.now(), true);
            tracing::warn!(error = %no.error, "the access token cannot be used; the refresh token beside it is kept");
            return self.last_resort(held, rejected).ok_or(no.error);
        }
        // Somebody may have stored a living pair meanwhile: a person who reconnected, or a process that was slow.
        let stored = self.grants.load().await;
        if let Err(error) = self.grants.abandon_refresh(&ticket).await {
            tracing::warn!(error = %error, "the turn to refresh could not be given back; it ends by itself");
        }
        if let Ok(Some(stored)) = stored
            && stored.version != grant.version
        {
            held.take(stored, self.clock.now(), true);
            if let Some(token) = self.good(held, rejected) {
                return Ok(token);
            }
        }
        if no.dead {
            held.dead = Some((grant.version, no.error.clone()));
        } else if no.error.is_transient()
            && let Some(token) = self.last_resort(held, rejected)
        {
            tracing::warn!(error = %no.error, "the grant could not be refreshed ahead of time; its token still works");
            return Ok(token);
        }
        Err(no.error)
    }

    /// Asks the vendor for the next pair. What only a person can cure is told as [`Kind::Auth`].
    async fn ask(&self, old: Option<&NewGrant>) -> Result<NewGrant, NoToken> {
        let clock = self.clock.as_ref();
        let (app, mode) = match &self.way {
            Way::Oauth { app, mode } => (app, mode),
            Way::Issuer(issuer) => {
                return issuer.issue().await.map_err(|error| NoToken {
                    dead: error.kind == Kind::Auth,
                    error,
                    rotated: None,
                });
            }
        };
        let result = match (mode, old.and_then(|pair| pair.refresh_token.as_ref())) {
            (Mode::Machine, _) => machine::grant(app, &self.http, clock).await,
            (Mode::Consent, Some(refresh)) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", refresh.expose_secret()),
                ];
                token::ask(app, &self.http, clock, OauthStep::Refresh, DOING, &form).await
            }
            (Mode::Consent, None) => Err(Error::new(
                Kind::Auth,
                DOING,
                "the access token has ended and the grant holds no refresh token",
            )
            .advise("Tick the grant type Refresh Token on the app, then reconnect this connection")
            .into()),
        };
        result.map_err(|mut no| {
            if no.error.kind == Kind::Configuration {
                no.error.kind = Kind::Auth;
                no.error.next = format!("{}. Then reconnect this connection", no.error.next);
            }
            no
        })
    }

    /// Stores a new pair, and tries hard: with a vendor that rotates, the stored one is dead already. A turn that
    /// passed meanwhile is taken again, unless somebody stored another pair.
    async fn commit(&self, mut ticket: RefreshTicket, pair: NewGrant) -> Result<Grant, Error> {
        let mut pauses = COMMIT_PAUSES.into_iter();
        loop {
            let failed = match self.grants.commit_refresh(&ticket, pair.clone()).await {
                Ok(grant) => return Ok(grant),
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                let what = format!("the new token pair could not be stored: {failed}");
                return Err(Error::new(Kind::Storage, DOING, what).advise(
                    "Check the disk and the database; if the next refresh fails, reconnect this connection",
                ));
            };
            tracing::warn!(error = %failed, "the new token pair is not stored yet");
            sleep(pause).await;
            match self.grants.begin_refresh(ticket.version, OVERDUE).await {
                Ok(RefreshTurn::Ours(again)) => ticket = again,
                Ok(RefreshTurn::Done(grant)) => return Ok(grant),
                Ok(RefreshTurn::Theirs) | Err(_) => {}
            }
        }
    }

    fn current(&self, held: &Held) -> Result<SecretString, Error> {
        let grant = held.grant.as_ref();
        grant.map(|grant| grant.pair.access_token.clone()).ok_or_else(|| {
            Error::new(
                Kind::Storage,
                DOING,
                "the store gave back nothing after a pair was stored",
            )
        })
    }
}

fn is(rejected: Option<&SecretString>, pair: &NewGrant) -> bool {
    rejected.is_some_and(|token| token.expose_secret() == pair.access_token.expose_secret())
}
