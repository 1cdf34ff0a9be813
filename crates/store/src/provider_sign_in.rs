//! Sign-ins on their way through a provider: each is finished once, by the session that began it.

use crate::db::Tx;
use crate::error::Result;
use crate::json::micros;
use crate::open::Store;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

const NONCE: &str = "nonce";
const VERIFIER: &str = "verifier";
/// Most that wait at once. Whoever begins more makes the oldest end: strangers may begin them, and must not fill the disk.
const MOST: i64 = 1000;

/// A sign-in that was begun.
#[derive(Clone, Debug)]
pub struct ProviderSignIn {
    /// Digest of its state.
    pub state: String,
    /// Digest of the session that began it.
    pub session: String,
    /// The provider it was begun with.
    pub issuer: String,
    /// The redirect URI exactly as sent.
    pub redirect: String,
    /// Whose account is to be linked; nobody's where somebody signs in.
    pub person: Option<String>,
    /// What has to stand in the ID token.
    pub nonce: SecretString,
    /// PKCE verifier.
    pub verifier: SecretString,
}

fn owner(state: &str) -> String {
    format!("provider_sign_in:{state}")
}

impl Store {
    /// Stores a sign-in until it expires; those that have expired are removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_provider_sign_in(&self, begun: &ProviderSignIn, expires: Timestamp) -> Result<()> {
        let mut tx = self.write().await?;
        let over = fetch_all!(
            tx,
            (String,),
            "DELETE FROM provider_sign_in WHERE expires <= $1 OR state IN
             (SELECT state FROM provider_sign_in ORDER BY expires DESC, state LIMIT 1000000 OFFSET $2)
             RETURNING state",
            micros(self.clock.now()),
            MOST - 1
        )?;
        for (state,) in over {
            execute!(tx, "DELETE FROM secret WHERE owner_id = $1", owner(&state))?;
        }
        execute!(
            tx,
            "INSERT INTO provider_sign_in (state, session, issuer, redirect, person_id, expires)
             VALUES ($1, $2, $3, $4, $5, $6)",
            begun.state.as_str(),
            begun.session.as_str(),
            begun.issuer.as_str(),
            begun.redirect.as_str(),
            begun.person.as_deref(),
            micros(expires)
        )?;
        let owner = owner(&begun.state);
        for (name, secret) in [(NONCE, &begun.nonce), (VERIFIER, &begun.verifier)] {
            self.put_secret_in(&mut tx, &owner, name, secret.expose_secret())
                .await?;
        }
        tx.commit().await
    }

    /// Takes the sign-in of that state, if this session began it and it has not expired. It can be taken once; another
    /// session's attempt leaves it where it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_provider_sign_in(&self, state: &str, session: &str) -> Result<Option<ProviderSignIn>> {
        let owner = owner(state);
        let nonce = self.secret(&owner, NONCE).await?;
        let (Some(nonce), Some(verifier)) = (nonce, self.secret(&owner, VERIFIER).await?) else {
            return Ok(None);
        };
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (String, String, Option<String>),
            "DELETE FROM provider_sign_in WHERE state = $1 AND session = $2 AND expires > $3
             RETURNING issuer, redirect, person_id",
            state,
            session,
            micros(self.clock.now())
        )?;
        let Some((issuer, redirect, person)) = row else {
            return Ok(None);
        };
        execute!(tx, "DELETE FROM secret WHERE owner_id = $1", owner.as_str())?;
        tx.commit().await?;
        Ok(Some(ProviderSignIn {
            state: state.to_owned(),
            session: session.to_owned(),
            issuer,
            redirect,
            person,
            nonce,
            verifier,
        }))
    }

    /// Ends all that are on their way.
    pub(crate) async fn end_provider_sign_ins(&self, tx: &mut Tx) -> Result<()> {
        let over = fetch_all!(tx, (String,), "DELETE FROM provider_sign_in RETURNING state")?;
        for (state,) in over {
            execute!(tx, "DELETE FROM secret WHERE owner_id = $1", owner(&state))?;
        }
        Ok(())
    }
}
