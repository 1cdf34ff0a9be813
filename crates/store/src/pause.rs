//! The switch that stops all writes, and the one of each connection.
//!
//! Both are looked at in the transaction that commits intents (`claim.rs`): once [`Store::pause_writes`] has returned,
//! no further group of writes is begun on SQLite, and on PostgreSQL none but those whose commit was under way.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain};
use crate::open::Store;
use jiff::Timestamp;
use model::{ConnectionId, ConnectionState, WritePause};
use serde_json::json;

type Row = (String, String, i64);

fn pause((reason, by, since): Row) -> WritePause {
    WritePause {
        reason,
        by,
        since: instant(since),
    }
}

const PAUSE: &str = "SELECT reason, paused_by, since FROM write_pause WHERE id = 1";

impl Store {
    /// Why all writes are paused; `None` when they are not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write_pause(&self) -> Result<Option<WritePause>> {
        let mut conn = self.read().await?;
        Ok(fetch_optional!(conn, Row, PAUSE)?.map(pause))
    }

    /// Pauses all writes. Where they are paused already the first pause stands, and is returned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_writes(&self, reason: &str) -> Result<WritePause> {
        let mut tx = self.write().await?;
        let now = self.clock.now();
        let made = execute!(
            tx,
            "INSERT INTO write_pause (id, reason, paused_by, since) VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING",
            plain(reason),
            self.actor.as_ref(),
            micros(now)
        )?;
        if made == 0 {
            let there = fetch_optional!(tx, Row, PAUSE)?;
            return there.map(pause).ok_or_else(|| Error::Moved {
                what: "the switch that pauses all writes".to_owned(),
            });
        }
        let note = Note::new("writes.paused", "all writes").with(json!({ "reason": reason }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(WritePause {
            reason: reason.to_owned(),
            by: self.actor.to_string(),
            since: micros_only(now),
        })
    }

    /// Lets writes go on; the pause that ends, if there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume_writes(&self) -> Result<Option<WritePause>> {
        let mut tx = self.write().await?;
        let ended = fetch_optional!(
            tx,
            Row,
            "DELETE FROM write_pause WHERE id = 1 RETURNING reason, paused_by, since"
        )?;
        let Some(ended) = ended.map(pause) else {
            return Ok(None);
        };
        let note = Note::new("writes.resumed", "all writes").with(json!({ "pause": ended }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Refuses writes to `destination` while they are switched off, as a whole or for this connection.
    ///
    /// # Errors
    /// [`Error::WritesPaused`], [`Error::WritesOff`], or when the database fails.
    pub async fn require_writes(&self, destination: &ConnectionId, despite_pause: bool) -> Result<()> {
        // A transaction, since the statement is shared with the one that commits intents.
        let mut tx = self.write().await?;
        may_write(&mut tx, destination, despite_pause).await
    }
}

/// Microseconds are what is stored.
fn micros_only(at: Timestamp) -> Timestamp {
    instant(micros(at))
}

/// The same within a transaction. `despite_pause` is a person's word that holds for one undo; a connection's own
/// switch has no exception.
pub(crate) async fn may_write(tx: &mut Tx, destination: &ConnectionId, despite_pause: bool) -> Result<()> {
    if !despite_pause && let Some(paused) = fetch_optional!(tx, Row, PAUSE)?.map(pause) {
        return Err(Error::WritesPaused { pause: paused });
    }
    let row = fetch_optional!(
        tx,
        (String, String, bool),
        "SELECT name, state, read_only FROM connection WHERE id = $1",
        destination.as_str()
    )?;
    let (connection, state, read_only) = row.ok_or_else(|| Error::Missing {
        what: "connection",
        name: destination.to_string(),
    })?;
    let paused = parse::<ConnectionState>("state of a connection", &state)? == ConnectionState::Paused;
    if read_only || paused {
        return Err(Error::WritesOff { connection, paused });
    }
    Ok(())
}
