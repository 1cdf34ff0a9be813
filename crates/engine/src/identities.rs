//! Which account at the identity provider is whose: linking and unlinking one's own, and unlinking for somebody else.

use crate::api_keys::require_no_program;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::people::digest;
use crate::provider_sign_in::{Refusal, new_identity};
use crate::sign_in_provider::SignInProvider;
use connect::oidc::Identity;
use model::{Actor, ActorRole, Person};
use secrecy::SecretString;
pub use store::LinkedIdentity;
use url::Url;

/// How one's own sign-in through the provider stands.
#[derive(Clone, Debug)]
pub struct MyIdentities {
    /// What the provider is called, where there is one.
    pub label: Option<String>,
    /// The accounts that are linked.
    pub linked: Vec<LinkedIdentity>,
    /// Whether one can be linked now.
    pub may_link: bool,
}

impl Engine {
    /// One's own accounts at the provider.
    ///
    /// # Errors
    /// When the actor is no person, or the store fails.
    pub async fn my_identities(&self, actor: &Actor) -> Result<MyIdentities> {
        let person = self.acting_person(actor, "have an account at a provider").await?;
        let provider = self.provider().await?;
        let linked = self.store.identities_of(&person.id).await?;
        let may_link = provider
            .as_ref()
            .is_some_and(|provider| linked.iter().all(|linked| linked.issuer != provider.issuer));
        Ok(MyIdentities {
            label: provider.map(|provider| provider.label),
            linked,
            may_link,
        })
    }

    /// Begins to link one's own account; where to send the browser. The password is asked for, where there is one: whoever
    /// finds a browser signed in must not be able to make a way in of their own.
    ///
    /// # Errors
    /// When the actor is no person, the password is not theirs, or the provider cannot be used.
    pub async fn begin_identity_link(
        &self,
        actor: &Actor,
        password: SecretString,
        redirect: &str,
        (session, from): (&str, &str),
    ) -> Result<Url> {
        let person = self.acting_person(actor, "link an account").await?;
        self.own_password(&person, password, from).await?;
        self.provider_must_not_wait(from).await?;
        self.send_to_provider(redirect, session, Some(&person)).await
    }

    /// Links the account that came back to whoever is signed in here; what the provider is called.
    pub(crate) async fn link(
        &self,
        here: Option<&Person>,
        identity: Result<(SignInProvider, Identity)>,
    ) -> Result<String> {
        let person = here.ok_or(Refusal::Stranger)?;
        let (provider, identity) = identity?;
        let owner = self
            .store
            .person_of_identity(&identity.issuer, &identity.subject)
            .await?;
        match owner {
            Some(owner) if owner.id == person.id => return Ok(provider.label),
            Some(_) => return Err(Refusal::SomebodyElses.into()),
            None => {}
        }
        let store = &self.acting(&person.actor()).store;
        match store
            .link_identity(person, &new_identity(&identity), "by hand")
            .await
        {
            Err(store::Error::Taken { .. }) => Err(Refusal::OtherAccount {
                name: person.name.clone(),
            }
            .into()),
            linked => Ok(linked.map(|()| provider.label)?),
        }
    }

    /// Unlinks one's own accounts. Other browsers are signed out.
    ///
    /// # Errors
    /// When the actor is no person, or has no password and would have no way in any more.
    pub async fn unlink_my_identities(&self, actor: &Actor, session: &str) -> Result<u64> {
        let person = self.acting_person(actor, "unlink an account").await?;
        if !person.has_password {
            return Err(Error::input(
                "unlink",
                "You have no password, so this is your only way in. Choose a password first",
            ));
        }
        let keep = digest(session);
        let store = &self.acting(actor).store;
        Ok(store.unlink_identities(&person, Some(&keep)).await?)
    }

    /// The accounts of somebody.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn identities_of(&self, actor: &Actor, id: &str) -> Result<Vec<LinkedIdentity>> {
        require(actor, ActorRole::Owner, "see who signs in how")?;
        Ok(self.store.identities_of(id).await?)
    }

    /// Unlinks the accounts of somebody, and signs them out everywhere.
    ///
    /// # Errors
    /// When the actor is no Owner, or there is no such person.
    pub async fn unlink_identities_of(&self, actor: &Actor, id: &str) -> Result<u64> {
        const DOING: &str = "unlink people's accounts";
        require(actor, ActorRole::Owner, DOING)?;
        require_no_program(actor, DOING)?;
        let person = self.person_of(id).await?;
        Ok(self.acting(actor).store.unlink_identities(&person, None).await?)
    }
}
