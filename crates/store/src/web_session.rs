//! Sessions of browsers, by the digest of what their cookie holds.

use crate::error::Result;
use crate::json::{instant, micros};
use crate::open::Store;
use jiff::Timestamp;

/// A session of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSession {
    /// Who is signed in.
    pub person: Option<String>,
    /// What else it holds, as the web server's own JSON.
    pub data: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, within a minute or so.
    pub seen: Timestamp,
}

impl Store {
    /// The sessions of a person with their digests, the last used first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn web_sessions_of(&self, person: &str) -> Result<Vec<(String, WebSession)>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, Option<String>, String, i64, i64),
            "SELECT digest, person_id, data, created, seen FROM web_session WHERE person_id = $1
             ORDER BY seen DESC, digest",
            person
        )?;
        let session = |(digest, person, data, created, seen)| {
            let session = WebSession {
                person,
                data,
                created: instant(created),
                seen: instant(seen),
            };
            (digest, session)
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// The session of that digest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn web_session(&self, digest: &str) -> Result<Option<WebSession>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<String>, String, i64, i64),
            "SELECT person_id, data, created, seen FROM web_session WHERE digest = $1",
            digest
        )?;
        Ok(row.map(|(person, data, created, seen)| WebSession {
            person,
            data,
            created: instant(created),
            seen: instant(seen),
        }))
    }

    /// Stores a session, or what changed in it; its beginning stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_web_session(&self, digest: &str, person: Option<&str>, data: &str) -> Result<()> {
        let now = micros(self.clock.now());
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO web_session (digest, person_id, data, created, seen) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (digest) DO UPDATE SET person_id = excluded.person_id, data = excluded.data, seen = excluded.seen",
            digest,
            person,
            data,
            now
        )?;
        tx.commit().await
    }

    /// Notes that a session was used just now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_web_session(&self, digest: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "UPDATE web_session SET seen = $1 WHERE digest = $2",
            micros(self.clock.now()),
            digest
        )?;
        tx.commit().await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_web_session(&self, digest: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(tx, "DELETE FROM web_session WHERE digest = $1", digest)?;
        tx.commit().await
    }

    /// Removes sessions that were last used before `idle` or began before `oldest`; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_web_sessions(&self, idle: Timestamp, oldest: Timestamp) -> Result<u64> {
        let mut tx = self.write().await?;
        let removed = execute!(
            tx,
            "DELETE FROM web_session WHERE seen < $1 OR created < $2",
            micros(idle),
            micros(oldest)
        )?;
        tx.commit().await?;
        Ok(removed)
    }
}
