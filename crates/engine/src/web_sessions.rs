//! Sessions of browsers: how long they last. What is in them is the web server's own.

use crate::engine::Engine;
use crate::error::Result;
use crate::people::digest;
use jiff::{SignedDuration, Timestamp};
use store::WebSession;

/// A session that was not used for so long has ended.
pub const IDLE: SignedDuration = SignedDuration::from_hours(8);
/// A session ends after so long, used or not.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How exact the last use is noted: each note is a write.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Whether a session has ended.
pub(crate) fn is_over(session: &WebSession, now: Timestamp) -> bool {
    session.seen + IDLE <= now || session.created + LONGEST <= now
}

impl Engine {
    /// The session whose cookie holds `id`, unless it has ended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn web_session(&self, id: &str) -> Result<Option<WebSession>> {
        let digest = digest(id);
        let Some(session) = self.store.web_session(&digest).await? else {
            return Ok(None);
        };
        let now = self.clock().now();
        if is_over(&session, now) {
            self.store.remove_web_session(&digest).await?;
            return Ok(None);
        }
        if session.seen + NOTED_EVERY <= now {
            self.store.touch_web_session(&digest).await?;
        }
        Ok(Some(session))
    }

    /// Stores a session, or what changed in it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_web_session(&self, id: &str, person: Option<&str>, data: &str) -> Result<()> {
        Ok(self.store.put_web_session(&digest(id), person, data).await?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_web_session(&self, id: &str) -> Result<()> {
        Ok(self.store.remove_web_session(&digest(id)).await?)
    }

    /// Removes sessions that have ended; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_web_sessions(&self) -> Result<u64> {
        let now = self.clock().now();
        Ok(self.store.sweep_web_sessions(now - IDLE, now - LONGEST).await?)
    }
}
