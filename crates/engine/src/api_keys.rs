//! API keys: how programs use the hub.
//!
//! A key is `rmb_<prefix>_<secret>`. The prefix may be shown and finds the key; the secret has 256 random bits, is shown
//! once, and is kept as a digest, which is enough for a secret nobody can guess. What a key may do is looked up with each
//! request: revoking it, and whatever happens to the person whose it is, holds from the next one on.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::label;
use crate::people::digest;
use connect::SettingProblem;
use jiff::SignedDuration;
use model::{Actor, ActorRole, ApiKey, KeyScope, Person};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt::Write as _;
use store::{NewApiKey, StoredApiKey};
use subtle::ConstantTimeEq as _;

/// How every key begins, so that scanners for leaked secrets can find one.
const MARK: &str = "rmb_";
/// The longest a key may last.
pub const MOST_DAYS: u32 = 730;
/// Random bytes of a prefix.
const PREFIX: usize = 6;
/// How exact the last use is noted: each note is a write.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people will call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// For how many days it works.
    pub days: u32,
    /// Whether it is the hub's own and outlives the person who makes it; their own otherwise.
    pub for_hub: bool,
}

impl Engine {
    /// Makes a key; its text is handed over here and never again.
    ///
    /// An Owner makes keys for the hub and for themselves, a Technician for themselves with at most their own rights.
    ///
    /// # Errors
    /// When the actor may not, what was given cannot be used, or somebody has the name.
    pub async fn make_api_key(&self, actor: &Actor, new: NewKey) -> Result<(ApiKey, SecretString)> {
        let role = match new.for_hub {
            true => ActorRole::Owner,
            false => ActorRole::Technician,
        };
        require(
            actor,
            role,
            if new.for_hub {
                "make keys for the hub"
            } else {
                "make API keys"
            },
        )?;
        let person = match new.for_hub {
            true => {
                require_no_program(actor, "make API keys")?;
                None
            }
            false => Some(self.acting_person(actor, "make API keys of one's own").await?),
        };
        let NewKey {
            name, scopes, days, ..
        } = new;
        let (name, scopes) = judge(&name, scopes, days, actor)?;
        let mut bytes = [0_u8; PREFIX];
        self.store.random().fill(&mut bytes);
        let mut prefix = MARK.to_owned();
        for byte in bytes {
            let _ = write!(prefix, "{byte:02x}");
        }
        let secret = SecretString::from(format!("{prefix}_{}", self.token().expose_secret()));
        let new = NewApiKey {
            name,
            prefix,
            digest: digest(secret.expose_secret()),
            person: person.map(|person| person.id),
            scopes,
            expires: self.clock().now() + SignedDuration::from_hours(24 * i64::from(days)),
        };
        match self.acting(actor).store.add_api_key(new).await {
            Ok(key) => Ok((key, secret)),
            Err(store::Error::Taken { .. }) => Err(Error::Input {
                problems: vec![SettingProblem {
                    key: "name".to_owned(),
                    message: "Another key has this name".to_owned(),
                }],
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys this actor may see, by name: all for an Owner, otherwise their own.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    pub async fn api_keys(&self, actor: &Actor) -> Result<Vec<ApiKey>> {
        require(actor, ActorRole::Technician, "see API keys")?;
        let person = self.whose_keys(actor).await?;
        Ok(self.store.api_keys(person.as_deref()).await?)
    }

    /// Revokes a key: an Owner any, others their own. It works no more from here on.
    ///
    /// # Errors
    /// When the actor may not, or there is no such key.
    pub async fn revoke_api_key(&self, actor: &Actor, id: &str) -> Result<()> {
        require(actor, ActorRole::Technician, "revoke API keys")?;
        require_no_program(actor, "revoke API keys")?;
        let person = self.whose_keys(actor).await?;
        Ok(self
            .acting(actor)
            .store
            .remove_api_key(id, person.as_deref())
            .await?)
    }

    /// Who acts when a program shows `key` and asks for something in `scope`.
    ///
    /// # Errors
    /// [`Error::KeyRefused`] when the key is not known, has expired or was revoked; [`Error::OutOfScope`] when it is not
    /// good for this.
    pub async fn key_actor(&self, key: &str, scope: KeyScope) -> Result<Actor> {
        let stored = self.api_key_shown(key).await?.ok_or(Error::KeyRefused)?;
        let now = self.clock().now();
        let (Some(role), true) = (stored.role, now < stored.key.expires) else {
            return Err(Error::KeyRefused);
        };
        // A person who lost rights takes them from their keys, too.
        if !stored.key.scopes.contains(&scope) || role < scope.role() {
            return Err(Error::OutOfScope {
                key: stored.key.name,
                scope,
            });
        }
        if stored.key.used.is_none_or(|used| used + NOTED_EVERY <= now) {
            self.store.touch_api_key(&stored.key.id).await?;
        }
        Ok(Actor::Key {
            name: stored.key.name,
            scope,
            role: scope.role(),
        })
    }

    async fn api_key_shown(&self, key: &str) -> Result<Option<StoredApiKey>> {
        let Some(prefix) = prefix_of(key) else {
            return Ok(None);
        };
        let stored = self.store.api_key_of(prefix).await?;
        let shown = digest(key);
        Ok(stored.filter(|stored| bool::from(stored.digest.as_bytes().ct_eq(shown.as_bytes()))))
    }

    /// The id of the person whose keys this actor may see; `None` for everybody's.
    async fn whose_keys(&self, actor: &Actor) -> Result<Option<String>> {
        if actor.may(ActorRole::Owner) {
            return Ok(None);
        }
        Ok(Some(self.acting_person(actor, "see API keys").await?.id))
    }

    /// The person who acts; programs, schedules and the console are none.
    pub(crate) async fn acting_person(&self, actor: &Actor, doing: &'static str) -> Result<Person> {
        if let Actor::Person { name, .. } = actor
            && let Some((person, _)) = self.store.person_named(name).await?
            && !person.disabled
        {
            return Ok(person);
        }
        Err(Error::NotAPerson {
            actor: actor.to_string(),
            doing,
        })
    }
}

/// Refuses keys and schedules: a key that could make keys would outlive its revocation.
pub(crate) fn require_no_program(actor: &Actor, doing: &'static str) -> Result<()> {
    match actor {
        Actor::Console { .. } | Actor::Person { .. } => Ok(()),
        Actor::Schedule { .. } | Actor::Key { .. } => Err(Error::NotAPerson {
            actor: actor.to_string(),
            doing,
        }),
    }
}

/// Refuses a program whose request is not made in this scope.
pub(crate) fn require_scope(actor: &Actor, wanted: KeyScope) -> Result<()> {
    match actor {
        Actor::Key { name, scope, .. } if *scope != wanted => Err(Error::OutOfScope {
            key: name.clone(),
            scope: wanted,
        }),
        _ => Ok(()),
    }
}

/// The part of a key that finds it; `None` when it does not look like one of ours.
fn prefix_of(key: &str) -> Option<&str> {
    let (prefix, secret) = key.rsplit_once('_')?;
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let named = prefix.strip_prefix(MARK)?;
    (named.len() == 2 * PREFIX && hex(named) && secret.len() == 64 && hex(secret)).then_some(prefix)
}

fn judge(name: &str, mut scopes: Vec<KeyScope>, days: u32, actor: &Actor) -> Result<(String, Vec<KeyScope>)> {
    let mut problems = Vec::new();
    let mut problem = |key: &str, message: String| {
        problems.push(SettingProblem {
            key: key.to_owned(),
            message,
        });
    };
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        problem("scopes", "Choose at least one".to_owned());
    }
    if let Some(scope) = scopes.iter().find(|scope| !actor.may(scope.role())) {
        let role = scope.role();
        problem(
            "scopes",
            format!("{scope} takes the role {role:?}, which you do not have"),
        );
    }
    if !(1..=MOST_DAYS).contains(&days) {
        problem("days", format!("1 to {MOST_DAYS} days"));
    }
    let name = match label::judge(
        "name",
        name,
        "Give it a name, e.g. of the program that will use it",
    ) {
        Ok(name) => name,
        Err(wrong) => {
            problems.push(wrong);
            String::new()
        }
    };
    match problems.is_empty() {
        true => Ok((name, scopes)),
        false => Err(Error::Input { problems }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_key_is_looked_up() {
        let secret = "0".repeat(64);
        assert_eq!(
            prefix_of(&format!("rmb_0123456789ab_{secret}")),
            Some("rmb_0123456789ab")
        );
        for other in [
            String::new(),
            "rmb_".to_owned(),
            format!("rmb_0123456789ab{secret}"),
            format!("rmb_0123456789AB_{secret}"),
            format!("rmb_0123456789ab_{secret}0"),
            format!("rmb_'; DROP --ab_{secret}"),
            format!("xyz_0123456789ab_{secret}"),
        ] {
            assert_eq!(prefix_of(&other), None, "{other}");
        }
    }
}
