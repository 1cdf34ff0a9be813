//! Signing in through the identity provider: begun on the sign-in page, finished by whatever request comes back.
//!
//! The state is bound to the browser's session and good for one return within ten minutes. Whoever comes back is known by
//! issuer and subject, or else, where an Owner allows it, by an address the provider vouches for: once, and from then on by
//! the subject. Failures are counted by where they come from, and soon one waits.

use crate::consents::state_of;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::people::{Entry, FREE_HERE, digest, fold, judge_name};
use crate::sign_in_provider::SignInProvider;
use connect::Kind;
use connect::oidc::{Identity, OidcPending};
use jiff::SignedDuration;
use model::{Actor, ActorRole, Person};
use secrecy::ExposeSecret as _;
use store::{NewIdentity, NewPerson, ProviderSignIn};
use url::Url;

/// How long a person may take on the provider's pages.
const WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Why somebody who signed in at the provider is not let in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no provider.
    #[error("signing in through a provider is not set up. An Owner does so under Settings, Sign-in")]
    NotSetUp,
    /// Not begun here, finished already, or too old.
    #[error(
        "this sign-in was not begun in this browser, it was finished already, or it took more than 10 minutes. Sign in again"
    )]
    Stranger,
    /// The provider was changed meanwhile.
    #[error("the provider was changed while you were there. Sign in again")]
    Changed,
    /// Nobody here has this account, and no address could tell who it is.
    #[error(
        "nobody here is linked with this account at {label}, and {label} vouches for no e-mail address of yours. If you \
         have a password here, sign in with it and link your account under Settings, You"
    )]
    NoAddress {
        /// What the provider is called.
        label: String,
    },
    /// Nobody here has this address, and nobody is admitted who was not invited.
    #[error(
        "nobody here is called {email}, and nobody is admitted who was not invited. Ask an Owner to invite you"
    )]
    NotInvited {
        /// The address.
        email: String,
    },
    /// The address is of another domain.
    #[error(
        "the address {email} is not of {domain}, and nobody else is let in. Use another account, or ask an Owner"
    )]
    OtherDomain {
        /// The address.
        email: String,
        /// The domain.
        domain: String,
    },
    /// Somebody has this address, and has to say so themselves.
    #[error(
        "somebody here is called {email}. If it is you, sign in with your password and link your account under Settings, You"
    )]
    LinkFirst {
        /// The address.
        email: String,
    },
    /// The person has another account there.
    #[error(
        "{name} is linked with another account at the provider. Unlink that under Settings, You, or ask an Owner to"
    )]
    OtherAccount {
        /// Their name.
        name: String,
    },
    /// The account is somebody else's.
    #[error("this account at the provider is linked with somebody else here")]
    SomebodyElses,
    /// They may not sign in.
    #[error("the account {name} is switched off here. An Owner can switch it on")]
    SwitchedOff {
        /// Their name.
        name: String,
    },
}

/// How coming back from the provider ended.
#[derive(Debug)]
pub enum Arrival {
    /// Somebody signed in, or has to show a code yet.
    SignedIn {
        /// Who.
        entry: Entry,
        /// What the provider is called.
        label: String,
    },
    /// Somebody who is signed in linked their account, or did not.
    Linking(Result<String>),
}

/// What failures are counted by.
fn failure_key(from: &str) -> String {
    format!("the sign-in provider from {from}")
}

/// Whether it tells of somebody who tries things, rather than of a provider that is away.
fn counts(error: &Error) -> bool {
    match error {
        Error::Provider(refusal) => *refusal != Refusal::NotSetUp,
        Error::Outside { error, .. } => error.kind == Kind::Auth,
        _ => false,
    }
}

impl Engine {
    /// Begins a sign-in for the browser of `session`, to come back to `redirect`; where to send the browser.
    ///
    /// # Errors
    /// When there is no provider, it cannot be used, or somebody has to wait.
    pub async fn begin_provider_sign_in(&self, redirect: &str, (session, from): (&str, &str)) -> Result<Url> {
        self.provider_must_not_wait(from).await?;
        self.send_to_provider(redirect, session, None).await
    }

    pub(crate) async fn provider_must_not_wait(&self, from: &str) -> Result<()> {
        let now = self.clock().now();
        self.must_not_wait(&failure_key(from), FREE_HERE, now).await
    }

    /// Begins a sign-in, or the linking of a person's account.
    pub(crate) async fn send_to_provider(
        &self,
        redirect: &str,
        session: &str,
        person: Option<&Person>,
    ) -> Result<Url> {
        let provider = self.provider().await?.ok_or(Refusal::NotSetUp)?;
        let oidc = self.oidc(&provider).await?;
        let (url, pending) = oidc
            .begin(redirect)
            .await
            .map_err(Error::outside(&provider.label))?;
        let begun = ProviderSignIn {
            state: digest(pending.state.expose_secret()),
            session: digest(session),
            issuer: provider.issuer,
            redirect: pending.redirect,
            person: person.map(|person| person.id.clone()),
            nonce: pending.nonce,
            verifier: pending.verifier,
        };
        let expires = self.clock().now() + WITHIN;
        self.store.begin_provider_sign_in(&begun, expires).await?;
        Ok(url)
    }

    /// Finishes what the state in `query` was begun for; `query` is the callback's, undecoded, and `here` who is signed in
    /// in this browser.
    ///
    /// # Errors
    /// [`Refusal`], or whatever went wrong at the provider; nobody was signed in then.
    pub async fn finish_provider_sign_in(
        &self,
        query: &str,
        (session, from): (&str, &str),
        here: Option<&Person>,
    ) -> Result<Arrival> {
        self.provider_must_not_wait(from).await?;
        let ended = self.come_back(query, (session, from), here).await;
        let failed = match &ended {
            Ok(Arrival::Linking(Err(error))) | Err(error) => Some(error),
            Ok(_) => None,
        };
        if let Some(error) = failed {
            tracing::warn!(from, error = %error, "A sign-in through the provider failed.");
            if counts(error) {
                self.count_failure(&[failure_key(from)]).await?;
            }
        }
        ended
    }

    async fn come_back(
        &self,
        query: &str,
        (session, from): (&str, &str),
        here: Option<&Person>,
    ) -> Result<Arrival> {
        let state = state_of(query).ok_or(Refusal::Stranger)?;
        let taken = self
            .store
            .take_provider_sign_in(&digest(state), &digest(session))
            .await?;
        let begun = taken.ok_or(Refusal::Stranger)?;
        let person = begun.person.clone();
        let identity = self.identity(begun, state, query).await;
        match person {
            Some(person) => {
                let here = here.filter(|here| here.id == person);
                Ok(Arrival::Linking(self.link(here, identity).await))
            }
            None => {
                let (provider, identity) = identity?;
                let entry = self.let_in(&provider, identity, from).await?;
                let label = provider.label;
                Ok(Arrival::SignedIn { entry, label })
            }
        }
    }

    /// Who the provider says came back.
    async fn identity(
        &self,
        begun: ProviderSignIn,
        state: &str,
        query: &str,
    ) -> Result<(SignInProvider, Identity)> {
        let provider = self.provider().await?.ok_or(Refusal::NotSetUp)?;
        if provider.issuer != begun.issuer {
            return Err(Refusal::Changed.into());
        }
        let pending = OidcPending {
            state: state.to_owned().into(),
            nonce: begun.nonce,
            verifier: begun.verifier,
            redirect: begun.redirect,
        };
        let oidc = self.oidc(&provider).await?;
        let identity = oidc
            .finish(&pending, query)
            .await
            .map_err(Error::outside(&provider.label))?;
        Ok((provider, identity))
    }

    async fn let_in(&self, provider: &SignInProvider, identity: Identity, from: &str) -> Result<Entry> {
        let known = self
            .store
            .person_of_identity(&identity.issuer, &identity.subject)
            .await?;
        let person = match known {
            Some(person) => person,
            None => self.newcomer(provider, &identity).await?,
        };
        if person.disabled {
            return Err(Refusal::SwitchedOff { name: person.name }.into());
        }
        if person.second_factor && provider.asks_own_factor {
            return Ok(Entry::NeedsCode(person));
        }
        let store = &self.acting(&person.actor()).store;
        store
            .signed_in(&person, &provider.label, &[failure_key(from)])
            .await?;
        Ok(Entry::In(person))
    }

    /// Who it is that comes the first time.
    async fn newcomer(&self, provider: &SignInProvider, identity: &Identity) -> Result<Person> {
        // Other letters than these can be folded into one another: an address must be the one it looks like.
        let vouched = identity
            .email
            .as_deref()
            .filter(|email| identity.email_verified && email.is_ascii());
        let Some((email, (_, at))) = vouched.and_then(|email| Some((fold(email), email.rsplit_once('@')?)))
        else {
            let label = provider.label.clone();
            return Err(Refusal::NoAddress { label }.into());
        };
        if let Some(domain) = &provider.domain
            && !at.trim().eq_ignore_ascii_case(domain)
        {
            let domain = domain.clone();
            return Err(Refusal::OtherDomain { email, domain }.into());
        }
        let new = new_identity(identity);
        match (self.store.person_named(&email).await?, provider.admits) {
            (Some((person, _)), _) if provider.knows_by_email => {
                if person.disabled {
                    return Err(Refusal::SwitchedOff { name: person.name }.into());
                }
                let store = &self.acting(&person.actor()).store;
                match store.link_identity(&person, &new, "verified address").await {
                    Err(store::Error::Taken { .. }) => {
                        Err(Refusal::OtherAccount { name: person.name }.into())
                    }
                    linked => Ok(linked.map(|()| person)?),
                }
            }
            (Some(_), _) => Err(Refusal::LinkFirst { email }.into()),
            (None, Some(role)) if judge_name(&email).is_none() => self.admit(email, role, &new).await,
            (None, _) => Err(Refusal::NotInvited { email }.into()),
        }
    }

    async fn admit(&self, name: String, role: ActorRole, new: &NewIdentity) -> Result<Person> {
        let actor = Actor::Person {
            name: name.clone(),
            role,
        };
        let person = NewPerson {
            name: name.clone(),
            role,
            password: None,
        };
        let store = &self.acting(&actor).store;
        match store.add_person_with_identity(person, new).await {
            // Twice at the same moment: the other one was first.
            Err(store::Error::Taken { .. }) => {
                let known = self.store.person_of_identity(&new.issuer, &new.subject).await?;
                Ok(known.ok_or(Refusal::OtherAccount { name })?)
            }
            added => Ok(added?),
        }
    }
}

pub(crate) fn new_identity(identity: &Identity) -> NewIdentity {
    NewIdentity {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        email: identity.email.clone(),
    }
}
