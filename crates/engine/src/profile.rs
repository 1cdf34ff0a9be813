//! What everybody does about their own account: the password, and the browsers that are signed in.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::passwords;
use crate::people::{digest, failure_keys};
use connect::SettingProblem;
use model::{Actor, Person};
use secrecy::SecretString;
use store::WebSession;

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub struct MySession {
    /// What tells it apart: the digest of its cookie.
    pub id: String,
    /// Whether it is the one that asks.
    pub here: bool,
    /// What is known of it.
    pub session: WebSession,
}

impl Engine {
    /// Changes one's own password. All other sessions end, and links that were made before work no more.
    ///
    /// # Errors
    /// When the actor is no person, the old password is not right, or the new one cannot be used; the problem stands at
    /// `old` or `password`.
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: SecretString,
        new: SecretString,
        (session, from): (&str, &str),
    ) -> Result<()> {
        let person = self.acting_person(actor, "have a password").await?;
        if let Some(problem) = passwords::judge(&person.name, &new) {
            return Err(Error::Input {
                problems: vec![problem],
            });
        }
        self.own_password(&person, old, from).await?;
        let hash = self.hash(new).await?;
        let keep = digest(session);
        self.acting(actor)
            .store
            .set_password(&person.id, Some(&hash), Some(&keep))
            .await?;
        Ok(())
    }

    /// One's own signed-in browsers, the last used first.
    ///
    /// # Errors
    /// When the actor is no person, or the store fails.
    pub async fn my_sessions(&self, actor: &Actor, session: &str) -> Result<Vec<MySession>> {
        let person = self.acting_person(actor, "have sessions").await?;
        let here = digest(session);
        let now = self.clock().now();
        let sessions = self.store.web_sessions_of(&person.id).await?.into_iter();
        Ok(sessions
            .filter(|(_, session)| !crate::web_sessions::is_over(session, now))
            .map(|(id, session)| MySession {
                here: id == here,
                id,
                session,
            })
            .collect())
    }

    /// Ends one of one's own sessions, or all but the one that asks; how many.
    ///
    /// # Errors
    /// When the actor is no person, or the store fails.
    pub async fn end_my_sessions(&self, actor: &Actor, one: Option<&str>, session: &str) -> Result<u64> {
        let person = self.acting_person(actor, "have sessions").await?;
        let keep = digest(session);
        let store = &self.acting(actor).store;
        Ok(store.end_sessions_of(&person, one, Some(&keep)).await?)
    }

    /// Refuses whoever does not know the person's password. Somebody without one has none to know.
    pub(crate) async fn own_password(
        &self,
        person: &Person,
        password: SecretString,
        from: &str,
    ) -> Result<()> {
        let stored = match self.store.person_named(&person.name).await? {
            Some((_, Some(stored))) => stored,
            _ => return Ok(()),
        };
        let keys = failure_keys(&person.name, from);
        self.must_not_wait_for(&keys).await?;
        let permit = self.hashing.acquire().await.ok();
        let fits = passwords::fits(password, Some(stored)).await?;
        drop(permit);
        if fits {
            return Ok(());
        }
        self.count_failure(&keys).await?;
        Err(Error::Input {
            problems: vec![SettingProblem {
                key: "old".to_owned(),
                message: "This is not your password".to_owned(),
            }],
        })
    }
}
