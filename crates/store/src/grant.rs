//! The grant of a connection: one newest pair for all tasks and processes, and one refresh at a time.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, text};
use crate::open::Store;
use jiff::{SignedDuration, Timestamp};
use model::ConnectionId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) const SECRET: &str = "grant";

/// A stored token pair. What `connect` calls a grant; the engine joins the two.
#[derive(Clone, Debug)]
pub struct StoredGrant {
    /// Sent with every request.
    pub access_token: SecretString,
    /// Gets the next pair.
    pub refresh_token: Option<SecretString>,
    /// The scopes it was given.
    pub scopes: Vec<String>,
    /// When the access token ends.
    pub expires: Timestamp,
    /// Counts replacements. Ignored when storing.
    pub version: i64,
}

#[derive(Serialize, Deserialize)]
struct Body {
    access_token: String,
    refresh_token: Option<String>,
    scopes: Vec<String>,
    expires: i64,
}

/// Whose turn it is to refresh.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The asker's.
    Ours,
    /// Somebody else's.
    Theirs,
    /// The version asked about was replaced already.
    Done,
}

/// The grants of one connection.
#[derive(Clone, Debug)]
pub struct StoredGrants {
    store: Store,
    connection: ConnectionId,
}

impl Store {
    /// The grants of a connection.
    pub fn grants(&self, connection: &ConnectionId) -> StoredGrants {
        StoredGrants {
            store: self.clone(),
            connection: connection.clone(),
        }
    }
}

impl StoredGrants {
    /// The newest pair.
    ///
    /// # Errors
    /// When the database fails or the pair does not open.
    pub async fn load(&self) -> Result<Option<StoredGrant>> {
        // The version is read before and after the pair: equal versions mean the pair is that version's.
        loop {
            let Some(version) = self.version().await? else {
                return Ok(None);
            };
            let Some(sealed) = self.store.secret(self.connection.as_str(), SECRET).await? else {
                return Ok(None);
            };
            if self.version().await? == Some(version) {
                let body: Body = parse("grant", sealed.expose_secret())?;
                return Ok(Some(StoredGrant {
                    access_token: body.access_token.into(),
                    refresh_token: body.refresh_token.map(SecretString::from),
                    scopes: body.scopes,
                    expires: instant(body.expires),
                    version,
                }));
            }
        }
    }

    /// Takes the turn to replace `version` for `holder`, unless another holder's turn is not over yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_refresh(&self, version: i64, holder: &str, overdue: Duration) -> Result<Turn> {
        self.store.require_confirmed_instance().await?;
        let mut tx = self.store.write().await?;
        let now = self.store.database_time(&mut tx).await?;
        let until = now
            .saturating_add(SignedDuration::try_from(overdue).unwrap_or(SignedDuration::MAX))
            .unwrap_or(now);
        let taken = execute!(
            tx,
            "UPDATE connection_grant SET refresh_holder = $1, refresh_until = $2
             WHERE connection_id = $3 AND version = $4 AND (refresh_holder IS NULL OR refresh_until < $5)",
            holder,
            micros(until),
            self.connection.as_str(),
            version,
            micros(now)
        )?;
        let current = fetch_optional!(
            tx,
            (i64,),
            "SELECT version FROM connection_grant WHERE connection_id = $1",
            self.connection.as_str()
        )?;
        tx.commit().await?;
        Ok(match (taken, current) {
            (1.., _) => Turn::Ours,
            (0, Some((stored,))) if stored == version => Turn::Theirs,
            _ => Turn::Done,
        })
    }

    /// Replaces `version` by `pair`; only the holder of the turn may.
    ///
    /// # Errors
    /// [`Error::Moved`] when the turn was lost, or when the database fails.
    pub async fn commit_refresh(&self, version: i64, holder: &str, pair: &StoredGrant) -> Result<i64> {
        let mut tx = self.store.write().await?;
        let rows = execute!(
            tx,
            "UPDATE connection_grant SET version = version + 1, refresh_holder = NULL, refresh_until = NULL
             WHERE connection_id = $1 AND version = $2 AND refresh_holder = $3",
            self.connection.as_str(),
            version,
            holder
        )?;
        if rows == 0 {
            return Err(Error::Moved {
                what: "the grant".to_owned(),
            });
        }
        let body = body(pair)?;
        self.store
            .put_secret_in(&mut tx, self.connection.as_str(), SECRET, &body)
            .await?;
        let note = Note::new("connection.token_refreshed", self.connection.as_str());
        self.store.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(version + 1)
    }

    /// Who has the turn to refresh, if anybody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_holder(&self) -> Result<Option<String>> {
        let mut conn = self.store.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<String>,),
            "SELECT refresh_holder FROM connection_grant WHERE connection_id = $1",
            self.connection.as_str()
        )?;
        Ok(row.and_then(|(holder,)| holder))
    }

    /// Gives the turn back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn abandon_refresh(&self, holder: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        execute!(
            tx,
            "UPDATE connection_grant SET refresh_holder = NULL, refresh_until = NULL
             WHERE connection_id = $1 AND refresh_holder = $2",
            self.connection.as_str(),
            holder
        )?;
        tx.commit().await
    }

    /// Stores the pair of a new consent, whatever stood there. A refresh under way loses its turn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace(&self, pair: &StoredGrant) -> Result<i64> {
        let mut tx = self.store.write().await?;
        execute!(
            tx,
            "INSERT INTO connection_grant (connection_id, version) VALUES ($1, 1)
             ON CONFLICT (connection_id) DO UPDATE SET version = connection_grant.version + 1,
                 refresh_holder = NULL, refresh_until = NULL",
            self.connection.as_str()
        )?;
        let body = body(pair)?;
        self.store
            .put_secret_in(&mut tx, self.connection.as_str(), SECRET, &body)
            .await?;
        let version = fetch_optional!(
            tx,
            (i64,),
            "SELECT version FROM connection_grant WHERE connection_id = $1",
            self.connection.as_str()
        )?;
        let note = Note::new("connection.authorized", self.connection.as_str())
            .with(serde_json::json!({ "scopes": pair.scopes }));
        self.store.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(version.map_or(1, |(version,)| version))
    }

    async fn version(&self) -> Result<Option<i64>> {
        let mut conn = self.store.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT version FROM connection_grant WHERE connection_id = $1",
            self.connection.as_str()
        )?;
        Ok(row.map(|(version,)| version))
    }
}

fn body(pair: &StoredGrant) -> Result<Zeroizing<String>> {
    let body = Body {
        access_token: pair.access_token.expose_secret().to_owned(),
        refresh_token: pair.refresh_token.as_ref().map(|t| t.expose_secret().to_owned()),
        scopes: pair.scopes.clone(),
        expires: micros(pair.expires),
    };
    text("grant", &body).map(Zeroizing::new)
}
