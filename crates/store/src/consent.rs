//! Consents under way in browsers: each is finished once, by the session that began it.

use crate::error::Result;
use crate::json::micros;
use crate::open::Store;
use jiff::Timestamp;
use model::ConnectionId;
use secrecy::{ExposeSecret as _, SecretString};

const VERIFIER: &str = "verifier";

/// A consent that was begun.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Digest of its state.
    pub state: String,
    /// Digest of the session that began it.
    pub session: String,
    /// The connection it is for.
    pub connection: ConnectionId,
    /// Whose account it was begun with, as the connector tells accounts apart.
    pub account: String,
    /// The redirect URI exactly as sent.
    pub redirect: String,
    /// PKCE verifier.
    pub verifier: SecretString,
}

fn owner(state: &str) -> String {
    format!("consent:{state}")
}

impl Store {
    /// Stores a consent until it expires; those that have expired are removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_consent(&self, consent: &Consent, expires: Timestamp) -> Result<()> {
        let mut tx = self.write().await?;
        let now = micros(self.clock.now());
        let over = fetch_all!(
            tx,
            (String,),
            "DELETE FROM consent WHERE expires <= $1 RETURNING state",
            now
        )?;
        for (state,) in over {
            execute!(tx, "DELETE FROM secret WHERE owner_id = $1", owner(&state))?;
        }
        execute!(
            tx,
            "INSERT INTO consent (state, session, connection_id, account, redirect, expires)
             VALUES ($1, $2, $3, $4, $5, $6)",
            consent.state.as_str(),
            consent.session.as_str(),
            consent.connection.as_str(),
            consent.account.as_str(),
            consent.redirect.as_str(),
            micros(expires)
        )?;
        let verifier = consent.verifier.expose_secret();
        self.put_secret_in(&mut tx, &owner(&consent.state), VERIFIER, verifier)
            .await?;
        tx.commit().await
    }

    /// Takes the consent of that state, if this session began it and it has not expired. It can be taken once; another
    /// session's attempt leaves it where it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_consent(&self, state: &str, session: &str) -> Result<Option<Consent>> {
        let Some(verifier) = self.secret(&owner(state), VERIFIER).await? else {
            return Ok(None);
        };
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (String, String, String),
            "DELETE FROM consent WHERE state = $1 AND session = $2 AND expires > $3
             RETURNING connection_id, account, redirect",
            state,
            session,
            micros(self.clock.now())
        )?;
        let Some((connection, account, redirect)) = row else {
            return Ok(None);
        };
        execute!(tx, "DELETE FROM secret WHERE owner_id = $1", owner(state))?;
        tx.commit().await?;
        Ok(Some(Consent {
            state: state.to_owned(),
            session: session.to_owned(),
            connection: connection.into(),
            account,
            redirect,
            verifier,
        }))
    }
}
