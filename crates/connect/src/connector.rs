//! What a connector registers with the program.

use crate::budget::RequestBudget;
use crate::destination::Destination;
use crate::error::{Error, Kind};
use crate::grant::{GrantStore, NewGrant};
use crate::source::Source;
use async_trait::async_trait;
use model::{Clock, Connection, Random};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// Secret settings by key. Their `Debug` shows nothing.
pub type Secrets = BTreeMap<String, SecretString>;

/// One setting a connector asks for. The texts become the form and the command line's help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key in the settings or among the secrets.
    pub key: &'static str,
    /// What people see.
    pub label: &'static str,
    /// What to enter and where to find it.
    pub help: &'static str,
    /// Whether it is sealed and never shown again.
    pub secret: bool,
    /// Whether it must be given.
    pub required: bool,
}

/// One step of what a person does at the vendor before connecting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuideStep {
    /// What to do.
    pub heading: String,
    /// How, in a sentence or two.
    pub text: String,
    /// A page of the vendor's where it is done, with what to call it.
    pub link: Option<(String, String)>,
    /// What to enter or choose there: name and value.
    pub values: Vec<(String, String)>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// Key of the setting.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// How requests leave this machine. Its `Debug` leaves out what may hold a password.
#[derive(Clone, Default)]
pub struct Outbound {
    /// Whether private and loopback hosts are allowed; an owner says so for each connection.
    pub allow_private_hosts: bool,
    /// An HTTP proxy.
    pub proxy: Option<Url>,
    /// More certificate authorities, PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// What all processes that use the account share: its requests, and the pauses its vendor asks for. Without it this
    /// process is alone.
    pub budget: Option<Arc<dyn RequestBudget>>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("allow_private_hosts", &self.allow_private_hosts)
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .field("extra_ca", &self.extra_ca.is_some())
            .field("budget", &self.budget.is_some())
            .finish()
    }
}

/// Everything a connector needs to open a connection.
#[derive(Clone)]
pub struct OpenContext {
    /// The connection, with its settings.
    pub connection: Connection,
    /// Its secrets.
    pub secrets: Secrets,
    /// Where its grant is kept.
    pub grants: Arc<dyn GrantStore>,
    /// How requests leave.
    pub outbound: Outbound,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness strong enough for secrets.
    pub random: Arc<dyn Random>,
}

/// How a connection gets its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person consents in a browser.
    Consent,
    /// The app's own id and secret are enough.
    Machine,
}

/// A consent under way: kept until the browser comes back. Its `Debug` leaves out the address, which holds the state.
#[derive(Clone)]
pub struct Pending {
    /// Where the browser goes.
    pub url: Url,
    /// Must come back unchanged; binds this consent to this connection and browser.
    pub state: SecretString,
    /// PKCE verifier (RFC 7636).
    pub verifier: SecretString,
    /// The redirect URI exactly as sent.
    pub redirect: String,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("redirect", &self.redirect)
            .finish_non_exhaustive()
    }
}

/// How a connection is authorized.
#[async_trait]
pub trait Authorization: Send + Sync {
    /// Whether a person has to consent.
    fn mode(&self) -> Mode;

    /// Starts a consent that will return to `redirect`.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when the settings do not allow one.
    fn begin(&self, redirect: &str) -> Result<Pending, Error>;

    /// Asks the vendor whether it knows this app at all, before a browser is sent there (a wrong region answers 404).
    ///
    /// # Errors
    /// [`Kind::Configuration`] with what to correct.
    async fn preflight(&self, pending: &Pending) -> Result<(), Error>;

    /// Exchanges what the browser brought back. `query` is the callback's query, undecoded.
    ///
    /// # Errors
    /// [`Kind::Auth`] for a refusal or a state that is not ours, and whatever the exchange met.
    async fn finish(&self, pending: &Pending, query: &str) -> Result<NewGrant, Error>;

    /// Gets a grant without a person.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when the mode is [`Mode::Consent`], and whatever the exchange met.
    async fn machine_grant(&self) -> Result<NewGrant, Error>;
}

/// One outside system.
pub trait Connector: Send + Sync {
    /// The stored name, e.g. `ninjaone`.
    fn kind(&self) -> &'static str;

    /// What people call it, e.g. `NinjaOne`.
    fn label(&self) -> &'static str;

    /// The settings it asks for, in the order of the form.
    fn settings(&self) -> &'static [Setting];

    /// The values a setting may have, each with what people call it; none when it is free text.
    fn choices(&self, _key: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether a setting is one that hardly anybody changes.
    fn is_rare(&self, _key: &str) -> bool {
        false
    }

    /// What the button says that stores the settings and authorizes by them; the page's own words when `None`.
    fn save_label(&self) -> Option<&'static str> {
        None
    }

    /// What a person does at the vendor before connecting, with links to the account that `settings` name and the
    /// redirect URIs to register there.
    fn guide(&self, _settings: &serde_json::Value, _redirects: &[String]) -> Vec<GuideStep> {
        Vec::new()
    }

    /// Checks settings and secrets without asking anybody; `allow_private_hosts` is what the owner says of the connection.
    ///
    /// # Errors
    /// Every problem found, each at its setting.
    fn validate(
        &self,
        settings: &serde_json::Value,
        secrets: &Secrets,
        allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>>;

    /// The part of the settings that says whose account it is and where: host, app, way of authorizing. When it
    /// changes, stored secrets and grants are forgotten, since they would be sent to somebody else.
    fn account(&self, settings: &serde_json::Value) -> serde_json::Value {
        settings.clone()
    }

    /// How a connection is authorized; `None` when there is nothing to authorize.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when the settings cannot be used.
    fn authorization(&self, _cx: &OpenContext) -> Result<Option<Arc<dyn Authorization>>, Error> {
        Ok(None)
    }

    /// Whether connections of this kind are sources of devices.
    fn is_source(&self) -> bool {
        false
    }

    /// Whether clients and assets are kept in it. A PSA may be both: a client's assets can be read from it, too.
    fn is_destination(&self) -> bool {
        !self.is_source()
    }

    /// Opens the connection as a source.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when it cannot be one.
    fn source(&self, _cx: &OpenContext) -> Result<Arc<dyn Source>, Error> {
        Err(Error::new(
            Kind::Configuration,
            format!("opening {}", self.label()),
            "it is not a source of devices",
        ))
    }

    /// Opens the connection as a destination.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when it cannot be one.
    fn destination(&self, _cx: &OpenContext) -> Result<Arc<dyn Destination>, Error> {
        Err(Error::new(
            Kind::Configuration,
            format!("opening {}", self.label()),
            "it is not a destination",
        ))
    }
}

/// The connectors this program was built with.
#[derive(Clone, Default)]
pub struct Connectors(Vec<Arc<dyn Connector>>);

impl Connectors {
    /// A list of connectors.
    pub fn new(connectors: Vec<Arc<dyn Connector>>) -> Self {
        Self(connectors)
    }

    /// The connector of that kind.
    ///
    /// # Errors
    /// [`Kind::Configuration`], naming those there are.
    pub fn get(&self, kind: &str) -> Result<&Arc<dyn Connector>, Error> {
        self.0.iter().find(|c| c.kind() == kind).ok_or_else(|| {
            let known: Vec<_> = self.0.iter().map(|c| c.kind()).collect();
            Error::new(
                Kind::Configuration,
                format!("opening a connection of kind {kind:?}"),
                "this program has no such connector",
            )
            .advise(format!("Known kinds: {}", known.join(", ")))
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.0.iter()
    }
}
