//! What Owners do about people: invite, change the role, switch off, remove; and what the console does for whoever lost
//! their password.
//!
//! Nobody changes their own rights, so that nobody locks themselves out by a slip; the last Owner who has signed in stays
//! one whoever asks.

use crate::api_keys::require_no_program;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::passwords;
use crate::people::digest;
use jiff::SignedDuration;
use model::{Actor, ActorRole, Person};
use secrecy::{ExposeSecret as _, SecretString};
use store::TokenPurpose;

/// How long an invitation works.
pub const INVITATION_WORKS: SignedDuration = SignedDuration::from_hours(72);

impl Engine {
    /// Adds a person and makes their invitation: a token with which they choose a password, once, within three days.
    ///
    /// # Errors
    /// When the actor is no Owner, the name cannot be used, or somebody has it.
    pub async fn invite(&self, actor: &Actor, name: &str, role: ActorRole) -> Result<(Person, SecretString)> {
        require_no_program(actor, "invite people")?;
        let person = match self.add_person(actor, name, role, None).await {
            Err(Error::Store(store::Error::Taken { .. })) => {
                return Err(Error::input("name", "Somebody has this name already"));
            }
            other => other?,
        };
        let token = self.invitation(actor, &person).await?;
        Ok((person, token))
    }

    /// A new invitation for somebody who has not used theirs, or who has to choose a password anew. Those made before work
    /// no more; the password they have works until they choose another.
    ///
    /// # Errors
    /// When the actor is no Owner, there is no such person, or they are switched off.
    pub async fn invite_again(&self, actor: &Actor, id: &str) -> Result<(Person, SecretString)> {
        require(actor, ActorRole::Owner, "invite people")?;
        require_no_program(actor, "invite people")?;
        let person = self.person_of(id).await?;
        if person.disabled {
            return Err(Error::SwitchedOff { name: person.name });
        }
        let token = self.invitation(actor, &person).await?;
        Ok((person, token))
    }

    async fn invitation(&self, actor: &Actor, person: &Person) -> Result<SecretString> {
        let token = self.token();
        let expires = self.clock().now() + INVITATION_WORKS;
        self.acting(actor)
            .store
            .add_token(
                &digest(token.expose_secret()),
                TokenPurpose::Invitation,
                Some(&person.id),
                expires,
            )
            .await?;
        Ok(token)
    }

    /// Who an invitation is for, without using it up; `None` when it does not work (any more).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn invited(&self, token: &str) -> Result<Option<Person>> {
        Ok(self.store.invited(&digest(token)).await?)
    }

    /// Chooses a password with an invitation, which works no more afterwards. All sessions of the person end.
    ///
    /// # Errors
    /// When the password cannot be used, or [`Error::TokenUsed`] when the invitation does not work (any more).
    pub async fn accept_invitation(&self, token: &str, password: SecretString) -> Result<Person> {
        // Asked before a stranger makes this machine hash.
        let person = self.invited(token).await?.ok_or(Error::TokenUsed)?;
        if let Some(problem) = passwords::judge(&person.name, &password) {
            return Err(Error::Input {
                problems: vec![problem],
            });
        }
        let hash = self.hash(password).await?;
        let store = &self.acting(&person.actor()).store;
        store
            .accept_invitation(&digest(token), &hash)
            .await?
            .ok_or(Error::TokenUsed)
    }

    /// Gives a person another role. Their sessions end.
    ///
    /// # Errors
    /// When the actor is no Owner, it is themselves, there is no such person, or it would leave no Owner.
    pub async fn change_role(&self, actor: &Actor, id: &str, role: ActorRole) -> Result<Person> {
        self.other(actor, id, "change roles").await?;
        Ok(self.acting(actor).store.set_person_role(id, role).await?)
    }

    /// Lets a person sign in no more, or again. Their sessions, links and keys stop working at once.
    ///
    /// # Errors
    /// When the actor is no Owner, it is themselves, there is no such person, or it would leave no Owner.
    pub async fn switch_person(&self, actor: &Actor, id: &str, off: bool) -> Result<Person> {
        self.other(actor, id, "switch people off").await?;
        Ok(self.acting(actor).store.set_person_disabled(id, off).await?)
    }

    /// Removes a person with their sessions, links, keys and second factor. What they did stays in the audit log.
    ///
    /// # Errors
    /// When the actor is no Owner, it is themselves, there is no such person, or it would leave no Owner.
    pub async fn remove_person(&self, actor: &Actor, id: &str) -> Result<Person> {
        let person = self.other(actor, id, "remove people").await?;
        self.acting(actor).store.remove_person(id).await?;
        Ok(person)
    }

    /// Takes a person's password away, ends their sessions, and makes an invitation to choose another.
    ///
    /// # Errors
    /// When the actor is no Owner, or there is no such person, or they are switched off.
    pub async fn reset_password(&self, actor: &Actor, id: &str) -> Result<SecretString> {
        require(actor, ActorRole::Owner, "take passwords away")?;
        require_no_program(actor, "take passwords away")?;
        let person = self.person_of(id).await?;
        if person.disabled {
            return Err(Error::SwitchedOff { name: person.name });
        }
        self.acting(actor).store.set_password(id, None, None).await?;
        self.invitation(actor, &person).await
    }

    /// The person of that name.
    ///
    /// # Errors
    /// When the actor is no Owner, or there is none.
    pub async fn person_called(&self, actor: &Actor, name: &str) -> Result<Person> {
        require(actor, ActorRole::Owner, "see who may sign in")?;
        let name = crate::people::fold(name);
        match self.store.person_named(&name).await? {
            Some((person, _)) => Ok(person),
            None => Err(Error::Unknown {
                what: "person",
                name,
                known: None,
            }),
        }
    }

    /// The person of that id, whether they may sign in or not.
    pub(crate) async fn person_of(&self, id: &str) -> Result<Person> {
        let found = self.store.person(id).await?;
        found.ok_or_else(|| {
            Error::Store(store::Error::Missing {
                what: "person",
                name: id.to_owned(),
            })
        })
    }

    /// Somebody else than the actor, whom an Owner may do something about.
    async fn other(&self, actor: &Actor, id: &str, doing: &'static str) -> Result<Person> {
        require(actor, ActorRole::Owner, doing)?;
        require_no_program(actor, doing)?;
        let person = self.person_of(id).await?;
        match actor {
            Actor::Person { name, .. } if *name == person.name => Err(Error::OwnAccount { doing }),
            _ => Ok(person),
        }
    }
}
