//! How what is watched stands. A change of state and what is to be said about it are one transaction, and of several
//! workers that notice the same change one makes it.

use crate::error::Result;
use crate::json::{instant, micros, plain, text};
use crate::open::Store;
use model::{Event, EventKind, Health};

type Row = (String, String, Option<String>, i64, i64, Option<String>, i64);

fn health((subject, state, why, since, watched, told, version): Row) -> Health {
    Health {
        subject,
        state,
        why,
        since: instant(since),
        watched: instant(watched),
        told: told.as_deref().and_then(EventKind::named),
        version,
    }
}

impl Store {
    /// How everything that is watched stood when it was last looked at, by subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn health(&self) -> Result<Vec<Health>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT subject, state, why, since, watched, told, version FROM health ORDER BY subject"
        )?;
        Ok(rows.into_iter().map(health).collect())
    }

    /// How one thing that is watched stood when it was last looked at; `None` when nobody has looked yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn health_of(&self, subject: &str) -> Result<Option<Health>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            "SELECT subject, state, why, since, watched, told, version FROM health WHERE subject = $1",
            subject
        )?;
        Ok(row.map(health))
    }

    /// Stores how something stands now, unless somebody else did since `now.version` was read (0 where there was no
    /// row), and queues what is to be said to each of these channels. Whether it did so.
    ///
    /// # Errors
    /// When the database fails; then nothing of it stands.
    pub async fn put_health(&self, now: &Health, say: &[(String, Event)]) -> Result<bool> {
        let mut tx = self.write().await?;
        let told = now.told.map(EventKind::as_str);
        let why = now.why.as_deref().map(plain);
        let changed = match now.version {
            0 => execute!(
                tx,
                "INSERT INTO health (subject, state, why, since, watched, told, version)
                 VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (subject) DO NOTHING",
                now.subject.as_str(),
                now.state.as_str(),
                why,
                micros(now.since),
                micros(now.watched),
                told
            )?,
            version => execute!(
                tx,
                "UPDATE health SET state = $1, why = $2, since = $3, told = $4, version = version + 1
                 WHERE subject = $5 AND version = $6",
                now.state.as_str(),
                why,
                micros(now.since),
                told,
                now.subject.as_str(),
                version
            )?,
        };
        if changed == 0 {
            return Ok(false);
        }
        let created = micros(self.clock.now());
        for (channel, event) in say {
            // A channel that was removed meanwhile is told nothing.
            execute!(
                tx,
                "INSERT INTO notification (id, channel_id, event, state, attempt, due, created)
                 SELECT $1, id, $2, 'queued', 0, $3, $4 FROM notify_channel WHERE id = $5",
                self.new_id().to_string(),
                text("event", event)?,
                created,
                created,
                channel.as_str()
            )?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets what is no longer there to be watched.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_health(&self, subject: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(tx, "DELETE FROM health WHERE subject = $1", subject)?;
        tx.commit().await
    }
}
