//! Who may sign in, and signing in.
//!
//! The first person is added with a token that only the console shows, once: there is no default password, and while
//! somebody is there no token adds a first one. Tokens are kept as digests. Whoever fails to sign in often waits longer
//! and longer: for the same name from the same address soon, for the same name from anywhere later.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::passwords::{self, SALT};
use connect::SettingProblem;
use jiff::{SignedDuration, Timestamp};
use model::{Actor, ActorRole, Person};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use store::{NewPerson, TokenPurpose};

/// How long a set-up token works.
const SET_UP_WORKS: SignedDuration = SignedDuration::from_hours(24);
/// How long a sign-in link works.
const LINK_WORKS: SignedDuration = SignedDuration::from_hours(1);
/// Failures after which the same name from the same address waits.
pub(crate) const FREE_HERE: u32 = 5;
/// Failures after which the same name waits wherever it is tried.
const FREE_ANYWHERE: u32 = 50;
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Failures that are forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);
/// Most characters of a name.
const LONGEST_NAME: usize = 100;

/// How far a sign-in is.
#[derive(Clone, Debug)]
pub enum Entry {
    /// They are in.
    In(Person),
    /// They have a second factor, and have to show a code of it.
    NeedsCode(Person),
}

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The name as typed.
    pub name: String,
    /// The password as typed.
    pub password: SecretString,
    /// The address it comes from.
    pub from: String,
}

/// A token's text as the database knows it.
pub(crate) fn digest(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The name as it is stored and compared.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(crate) fn judge_name(name: &str) -> Option<SettingProblem> {
    let length = name.chars().count();
    let message = if length == 0 {
        "Enter a name to sign in with".to_owned()
    } else if length > LONGEST_NAME {
        format!("At most {LONGEST_NAME} characters")
    } else if name
        .chars()
        .any(|c| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+')))
    {
        "Letters, digits and . - _ @ + only, e.g. ada or ada@example.com".to_owned()
    } else {
        return None;
    };
    Some(SettingProblem {
        key: "name".to_owned(),
        message,
    })
}

/// What failures are counted by: the name from this address, and the name from anywhere. Cut, since what was typed becomes a
/// key.
pub(crate) fn failure_keys(name: &str, from: &str) -> [String; 2] {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    [format!("{name} from {from}"), name]
}

/// How long to wait after so many failures, of which `free` cost nothing.
fn wait(failures: u32, free: u32) -> SignedDuration {
    match failures.checked_sub(free) {
        None => SignedDuration::ZERO,
        Some(beyond) => SignedDuration::from_secs(1_i64 << beyond.min(20)).min(LONGEST_WAIT),
    }
}

impl Engine {
    /// A secret for a link: 256 random bits.
    pub(crate) fn token(&self) -> SecretString {
        let mut bytes = [0_u8; 32];
        self.store.random().fill(&mut bytes);
        let mut hex = String::with_capacity(64);
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        hex.into()
    }

    /// Whether nobody can sign in yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn needs_set_up(&self) -> Result<bool> {
        Ok(self.store.has_no_people().await?)
    }

    /// A token that adds the first Owner, once, within a day; `None` when somebody is there already. Tokens made before
    /// work no more.
    ///
    /// # Errors
    /// When the actor is not the console, or the store fails.
    pub async fn set_up_token(&self, actor: &Actor) -> Result<Option<SecretString>> {
        require(actor, ActorRole::Owner, "set up the web pages")?;
        if !self.store.has_no_people().await? {
            return Ok(None);
        }
        let token = self.token();
        let expires = self.clock().now() + SET_UP_WORKS;
        self.acting(actor)
            .store
            .add_token(&digest(token.expose_secret()), TokenPurpose::SetUp, None, expires)
            .await?;
        Ok(Some(token))
    }

    /// Whether the set-up token works.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_up_token_works(&self, token: &str) -> Result<bool> {
        Ok(self.store.has_no_people().await?
            && self
                .store
                .token_works(&digest(token), TokenPurpose::SetUp)
                .await?)
    }

    /// Adds the first Owner with a set-up token.
    ///
    /// # Errors
    /// When name or password cannot be used, or the token does not work (any more).
    pub async fn set_up(&self, token: &str, name: &str, password: SecretString) -> Result<Person> {
        let name = fold(name);
        let problems: Vec<_> = judge_name(&name)
            .into_iter()
            .chain(passwords::judge(&name, &password))
            .collect();
        if !problems.is_empty() {
            return Err(Error::Input { problems });
        }
        // Asked before a stranger makes this machine hash.
        if !self.set_up_token_works(token).await? {
            return Err(Error::TokenUsed);
        }
        let new = NewPerson {
            password: Some(self.hash(password).await?),
            role: ActorRole::Owner,
            name: name.clone(),
        };
        let actor = Actor::Person {
            name,
            role: ActorRole::Owner,
        };
        self.acting(&actor)
            .store
            .add_first_person(&digest(token), new)
            .await?
            .ok_or(Error::TokenUsed)
    }

    /// Adds a person.
    ///
    /// # Errors
    /// When name or password cannot be used, or somebody has the name.
    pub async fn add_person(
        &self,
        actor: &Actor,
        name: &str,
        role: ActorRole,
        password: Option<SecretString>,
    ) -> Result<Person> {
        require(actor, ActorRole::Owner, "add people")?;
        let name = fold(name);
        let weak = password.as_ref().and_then(|p| passwords::judge(&name, p));
        let problems: Vec<_> = judge_name(&name).into_iter().chain(weak).collect();
        if !problems.is_empty() {
            return Err(Error::Input { problems });
        }
        let password = match password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let new = NewPerson { name, role, password };
        Ok(self.acting(actor).store.add_person(new).await?)
    }

    /// Everybody who may sign in, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people(&self, actor: &Actor) -> Result<Vec<Person>> {
        require(actor, ActorRole::Owner, "see who may sign in")?;
        Ok(self.store.people().await?)
    }

    /// The person of that id who may sign in; `None` when there is none or they were disabled.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        Ok(self.store.person(id).await?.filter(|person| !person.disabled))
    }

    /// Signs a person in by name and password.
    ///
    /// # Errors
    /// [`Error::SignIn`] when they do not fit, [`Error::TooManyFailures`] while somebody has to wait.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<Entry> {
        let name = fold(&attempt.name);
        let keys = failure_keys(&name, &attempt.from);
        self.must_not_wait_for(&keys).await?;
        let found = self.store.person_named(&name).await?;
        let (person, stored) = match found {
            Some((person, stored)) if !person.disabled => (Some(person), stored),
            _ => (None, None),
        };
        let permit = self.hashing.acquire().await.ok();
        let fits = passwords::fits(attempt.password, stored).await?;
        drop(permit);
        match person {
            // Failures are forgotten once the code fits, too: a password alone must not give more tries at codes.
            Some(person) if fits && person.second_factor => Ok(Entry::NeedsCode(person)),
            Some(person) if fits => {
                let store = &self.acting(&person.actor()).store;
                store
                    .signed_in(&person, "password", keys.get(..1).unwrap_or_default())
                    .await?;
                Ok(Entry::In(person))
            }
            _ => {
                tracing::warn!(from = %attempt.from, "A sign-in failed.");
                self.count_failure(&keys).await?;
                Err(Error::SignIn)
            }
        }
    }

    /// The second half of a sign-in: a code of the person's app, or a recovery code. `how` is what the first half was.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::TooManyFailures`] while somebody has to wait, [`Error::SignInOver`] when the person
    /// may not sign in any more.
    pub async fn enter_code(&self, id: &str, how: &str, code: &str, from: &str) -> Result<Person> {
        let person = self.person(id).await?.ok_or(Error::SignInOver)?;
        if !self.take_code(&person, code, from).await? {
            tracing::warn!(from, "The code of a sign-in was wrong.");
            return Err(Error::WrongCode);
        }
        let keys = failure_keys(&person.name, from);
        let store = &self.acting(&person.actor()).store;
        store
            .signed_in(
                &person,
                &format!("{how} and code"),
                keys.get(..1).unwrap_or_default(),
            )
            .await?;
        Ok(person)
    }

    pub(crate) async fn must_not_wait_for(&self, keys: &[String; 2]) -> Result<()> {
        let now = self.clock().now();
        for (key, free) in keys.iter().zip([FREE_HERE, FREE_ANYWHERE]) {
            self.must_not_wait(key, free, now).await?;
        }
        Ok(())
    }

    pub(crate) async fn count_failure(&self, keys: &[String]) -> Result<()> {
        let forget = self.clock().now() - FORGOTTEN;
        Ok(self.store.count_sign_in_failure(keys, forget).await?)
    }

    pub(crate) async fn must_not_wait(&self, key: &str, free: u32, now: Timestamp) -> Result<()> {
        let Some(failures) = self.store.sign_in_failures(key).await? else {
            return Ok(());
        };
        let until = failures.last + wait(failures.count, free);
        if until <= now {
            return Ok(());
        }
        let seconds = now.duration_until(until).as_secs() + 1;
        Err(Error::TooManyFailures { seconds })
    }

    /// A token that signs a person in once, within an hour.
    ///
    /// # Errors
    /// When the actor may not, or there is no such person.
    pub async fn sign_in_token(&self, actor: &Actor, name: &str) -> Result<SecretString> {
        require(actor, ActorRole::Owner, "make sign-in links")?;
        let name = fold(name);
        let Some((person, _)) = self.store.person_named(&name).await? else {
            return Err(Error::Unknown {
                what: "person",
                name,
                known: None,
            });
        };
        let token = self.token();
        let expires = self.clock().now() + LINK_WORKS;
        self.acting(actor)
            .store
            .add_token(
                &digest(token.expose_secret()),
                TokenPurpose::SignIn,
                Some(&person.id),
                expires,
            )
            .await?;
        Ok(token)
    }

    /// Whether a sign-in token works, without using it up.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_in_token_works(&self, token: &str) -> Result<bool> {
        Ok(self
            .store
            .token_works(&digest(token), TokenPurpose::SignIn)
            .await?)
    }

    /// Signs a person in by a token, which works no more afterwards.
    ///
    /// # Errors
    /// [`Error::TokenUsed`] when it does not work (any more).
    pub async fn sign_in_by_token(&self, token: &str) -> Result<Entry> {
        let person = self.store.use_sign_in_token(&digest(token)).await?;
        let person = person.filter(|p| !p.disabled).ok_or(Error::TokenUsed)?;
        self.signed_in_as(person, "link").await
    }

    /// Lets somebody in who showed who they are, or asks for their code.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn signed_in_as(&self, person: Person, how: &str) -> Result<Entry> {
        if person.second_factor {
            return Ok(Entry::NeedsCode(person));
        }
        let store = &self.acting(&person.actor()).store;
        store.signed_in(&person, how, &[]).await?;
        Ok(Entry::In(person))
    }

    pub(crate) async fn hash(&self, password: SecretString) -> Result<String> {
        let mut salt = [0_u8; SALT];
        self.store.random().fill(&mut salt);
        let _permit = self.hashing.acquire().await.ok();
        passwords::hash(password, salt).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_ends_at_a_quarter_of_an_hour() {
        let seconds = |failures| wait(failures, FREE_HERE).as_secs();
        assert_eq!(seconds(4), 0);
        assert_eq!(seconds(5), 1);
        assert_eq!(seconds(8), 8);
        assert_eq!(seconds(200), 900);
    }

    #[test]
    fn names_are_folded_and_hold_nothing_that_could_be_taken_for_markup() {
        assert_eq!(fold("  Ada@Example.COM "), "ada@example.com");
        assert!(judge_name("ada@example.com").is_none());
        for name in ["", "a b", "<b>", "a\u{202e}b", "=1"] {
            assert!(judge_name(name).is_some(), "{name:?}");
        }
    }
}
