//! The identity provider people may sign in through: one, set up by an Owner, by OpenID Connect.
//!
//! Signing in by password stays beside it, so that nobody is locked out by a provider. Who is whom there is decided by
//! issuer and subject alone (`identities`); an address helps once, and only where an Owner wants it to.

use crate::api_keys::require_no_program;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::label;
use connect::oidc::{Oidc, OidcApp};
use connect::{CheckPoint, Kind, Outbound, SettingProblem};
use model::{Actor, ActorRole};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// What is asked for where nobody says otherwise.
pub const USUAL_SCOPES: [&str; 3] = ["openid", "email", "profile"];
/// Where a provider's configuration is found below its issuer: people copy the whole address.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Most characters of an address, a client ID or a secret.
const LONGEST: usize = 1000;

/// The provider's settings. Its secret is in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProvider {
    /// What people call it: `Sign in with …`.
    pub label: String,
    /// Its issuer, exactly as it states it.
    pub issuer: String,
    /// This hub's client ID there.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Whether people who are here already are known by their verified e-mail address.
    pub knows_by_email: bool,
    /// The role of whoever is not here yet, where such people are admitted.
    pub admits: Option<ActorRole>,
    /// The domain an address must be of, for whoever comes the first time.
    pub domain: Option<String>,
    /// Whether our own second factor is asked for, too.
    pub asks_own_factor: bool,
    /// Whether it may be on a private host.
    pub allow_private_hosts: bool,
}

fn problem(key: &str, message: impl Into<String>) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message: message.into(),
    }
}

/// One line without spaces, as an id or a secret is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn judge_issuer(issuer: &str, private: bool) -> Option<String> {
    let Ok(url) = Url::parse(issuer) else {
        return Some("Enter an address, e.g. https://login.example.com".to_owned());
    };
    let plain = url.scheme() == "http" && private;
    if issuer.len() > LONGEST {
        Some(format!("At most {LONGEST} characters"))
    } else if url.scheme() != "https" && !plain {
        Some("It has to begin with https://".to_owned())
    } else if !url.has_host()
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
    {
        Some("An issuer has a host, and neither a user nor ? nor #".to_owned())
    } else {
        None
    }
}

impl SignInProvider {
    /// The settings as they are stored, or what is wrong with them.
    fn judged(mut self) -> Result<Self, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        match label::judge(
            "label",
            &self.label,
            "Enter what people call it, e.g. Company account",
        ) {
            Ok(label) => self.label = label,
            Err(problem) => problems.push(problem),
        }
        let issuer = self.issuer.trim();
        self.issuer = issuer.strip_suffix(WELL_KNOWN).unwrap_or(issuer).to_owned();
        if let Some(message) = judge_issuer(&self.issuer, self.allow_private_hosts) {
            problems.push(problem("issuer", message));
        }
        self.client_id = self.client_id.trim().to_owned();
        if !is_token(&self.client_id) {
            problems.push(problem(
                "client_id",
                "Enter the client ID the provider shows, without spaces",
            ));
        }
        if let Some(wrong) = self.scopes.iter().find(|scope| !is_token(scope)) {
            problems.push(problem("scopes", format!("{wrong:?} is no scope")));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            self.scopes.insert(0, "openid".to_owned());
        }
        let domain = self
            .domain
            .as_deref()
            .map(|domain| domain.trim().trim_start_matches('@'));
        self.domain = domain
            .filter(|domain| !domain.is_empty())
            .map(str::to_ascii_lowercase);
        let is_domain = |domain: &String| {
            domain.contains('.')
                && domain
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        };
        match (&self.domain, self.admits) {
            (Some(domain), _) if !is_domain(domain) => {
                problems.push(problem("domain", "Enter one domain, e.g. example.com"));
            }
            // At a public provider, everybody there is has an account.
            (None, Some(_)) => problems.push(problem(
                "domain",
                "Say whose addresses are admitted: without a domain, everybody with an account at the provider would be",
            )),
            _ => {}
        }
        if self.admits == Some(ActorRole::Owner) {
            problems.push(problem(
                "admits",
                "Nobody becomes an Owner by signing in. Admit them as Viewer or Technician, and change the role of whom you know",
            ));
        }
        match problems.is_empty() {
            true => Ok(self),
            false => Err(problems),
        }
    }
}

impl Engine {
    /// The provider's settings as they are stored.
    pub(crate) async fn provider(&self) -> Result<Option<SignInProvider>> {
        let stored = self.store.sign_in_provider().await?;
        stored.map(serde_json::from_value).transpose().map_err(|error| {
            let what = format!("the stored settings cannot be read: {error}");
            let error = connect::Error::new(Kind::Configuration, "reading its settings", what)
                .advise("Set it up again under Settings, Sign-in");
            Error::outside("The sign-in provider")(error)
        })
    }

    /// What asks the provider.
    pub(crate) async fn oidc(&self, provider: &SignInProvider) -> Result<Oidc> {
        let secret = self.store.sign_in_provider_secret().await?;
        let secret = secret.ok_or_else(|| {
            let error =
                connect::Error::new(Kind::Configuration, "signing in", "its client secret is missing")
                    .advise("An Owner enters it under Settings, Sign-in");
            Error::outside(&provider.label)(error)
        })?;
        let app = OidcApp {
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            client_secret: secret,
            scopes: provider.scopes.clone(),
        };
        let outbound = Outbound {
            allow_private_hosts: provider.allow_private_hosts,
            proxy: self.options.proxy.clone(),
            extra_ca: self.options.extra_ca.clone(),
            budget: None,
        };
        let (clock, random) = (self.clock().clone(), self.store.random().clone());
        Oidc::new(app, outbound, clock, random).map_err(Error::outside(&provider.label))
    }

    /// What the provider is called, where there is one; anybody may know.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_in_provider_label(&self) -> Result<Option<String>> {
        Ok(self.provider().await?.map(|provider| provider.label))
    }

    /// Whether a sign-in through the provider is taken for a second factor.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn provider_is_second_factor(&self) -> Result<bool> {
        Ok(self
            .provider()
            .await?
            .is_some_and(|provider| !provider.asks_own_factor))
    }

    /// The provider people may sign in through.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn sign_in_provider(&self, actor: &Actor) -> Result<Option<SignInProvider>> {
        require(actor, ActorRole::Owner, "see the sign-in provider")?;
        self.provider().await
    }

    /// Sets the provider up, or changes it. The secret there is stays where none is given, but never for another issuer or
    /// client ID: it would be sent to somebody it was not meant for.
    ///
    /// # Errors
    /// When the actor is no Owner, or what was given cannot be used.
    pub async fn save_sign_in_provider(
        &self,
        actor: &Actor,
        new: SignInProvider,
        secret: Option<SecretString>,
    ) -> Result<SignInProvider> {
        const DOING: &str = "change the sign-in provider";
        require(actor, ActorRole::Owner, DOING)?;
        require_no_program(actor, DOING)?;
        let before = self.store.sign_in_provider().await?;
        let (judged, mut problems) = match new.judged() {
            Ok(judged) => (Some(judged), Vec::new()),
            Err(problems) => (None, problems),
        };
        match &secret {
            Some(secret) if !is_token(secret.expose_secret()) => problems.push(problem(
                "client_secret",
                "Enter the secret as the provider shows it, without spaces",
            )),
            None if before.is_none() => problems.push(problem(
                "client_secret",
                "Enter the client secret the provider shows",
            )),
            None => {
                let stays = judged.as_ref().is_none_or(|new| {
                    let is =
                        |key: &str, value: &str| before.as_ref().is_some_and(|before| before[key] == value);
                    is("issuer", &new.issuer) && is("client_id", &new.client_id)
                });
                if !stays {
                    problems.push(problem(
                        "client_secret",
                        "Issuer or client ID changed: enter the secret that belongs to them",
                    ));
                }
            }
            Some(_) => {}
        }
        let Some(judged) = judged.filter(|_| problems.is_empty()) else {
            return Err(Error::Input { problems });
        };
        let settings = serde_json::to_value(&judged).map_err(|error| {
            Error::outside(&judged.label)(connect::Error::new(
                Kind::Configuration,
                "storing its settings",
                error.to_string(),
            ))
        })?;
        self.acting(actor)
            .store
            .put_sign_in_provider(&settings, secret.as_ref())
            .await?;
        Ok(judged)
    }

    /// Does away with the provider. People sign in by password then; who is whom there is kept.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn remove_sign_in_provider(&self, actor: &Actor) -> Result<bool> {
        const DOING: &str = "remove the sign-in provider";
        require(actor, ActorRole::Owner, DOING)?;
        require_no_program(actor, DOING)?;
        Ok(self.acting(actor).store.remove_sign_in_provider().await?)
    }

    /// Reads the provider's configuration and says, point by point, whether people can sign in through it.
    ///
    /// # Errors
    /// When the actor is no Owner, or none is set up.
    pub async fn test_sign_in_provider(&self, actor: &Actor) -> Result<Vec<CheckPoint>> {
        require(actor, ActorRole::Owner, "test the sign-in provider")?;
        let provider = self.provider().await?;
        let provider = provider.ok_or(crate::provider_sign_in::Refusal::NotSetUp)?;
        Ok(self.oidc(&provider).await?.check().await)
    }
}
