//! Sessions kept by our store. How long they last is decided in `engine::web_sessions`, by the server's clock; the
//! library's own expiry is not used.

use async_trait::async_trait;
use engine::Engine;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};

/// Key of the signed-in person's id in a session.
pub const PERSON: &str = "person";

/// Sessions in the database.
#[derive(Clone)]
pub struct StoredSessions {
    engine: Engine,
}

impl StoredSessions {
    /// Sessions in the database of `engine`.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    async fn put(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_string(&record.data).map_err(|e| Error::Encode(e.to_string()))?;
        let person = record.data.get(PERSON).and_then(Value::as_str);
        self.engine
            .put_web_session(&record.id.to_string(), person, &data)
            .await
            .map_err(backend)
    }
}

impl fmt::Debug for StoredSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSessions").finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err asks for")]
fn backend(error: engine::Error) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for StoredSessions {
    // An id has 128 random bits: two that are the same do not happen.
    async fn create(&self, record: &mut Record) -> Result<()> {
        self.put(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.put(record).await
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.engine.web_session(&id.to_string()).await.map_err(backend)?;
        let Some(session) = found else { return Ok(None) };
        let data: HashMap<String, Value> =
            serde_json::from_str(&session.data).map_err(|e| Error::Decode(e.to_string()))?;
        // Far away: whether the session has ended was decided above.
        let expiry_date = OffsetDateTime::now_utc() + Duration::days(1);
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.engine
            .end_web_session(&id.to_string())
            .await
            .map_err(backend)
    }
}
