//! Where notifications go, and those that are on their way.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use jiff::Timestamp;
use model::{Event, EventKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where notifications go; its secrets are in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// Our id.
    pub id: String,
    /// What people call it; unique.
    pub name: String,
    /// Of what sort it is and where it leads, without secrets.
    pub settings: Value,
    /// What it is told of; empty for everything.
    pub events: Vec<EventKind>,
    /// When it was made.
    pub created: Timestamp,
}

/// How a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// It is sent when it is due.
    Queued,
    /// It was taken.
    Sent,
    /// Nobody took it for so long that it is given up.
    GivenUp,
}

impl NotificationState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::GivenUp => "given_up",
        }
    }

    fn named(word: &str) -> Self {
        match word {
            "queued" => Self::Queued,
            "sent" => Self::Sent,
            _ => Self::GivenUp,
        }
    }
}

/// Something that is said to one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Our id: the same for each attempt to send it.
    pub id: String,
    /// The channel.
    pub channel: String,
    /// What is said.
    pub event: Event,
    /// How it stands.
    pub state: NotificationState,
    /// How often it was tried.
    pub attempt: i64,
    /// Not tried again before this.
    pub due: Timestamp,
    /// When it was queued.
    pub created: Timestamp,
    /// What came of the last attempt.
    pub reason: Option<String>,
}

type ChannelTuple = (String, String, String, String, i64);
type Row = (String, String, String, String, i64, i64, i64, Option<String>);

fn channel((id, name, settings, events, created): ChannelTuple) -> Result<ChannelRow> {
    Ok(ChannelRow {
        id,
        name,
        settings: parse("settings of a notification channel", &settings)?,
        events: parse("events of a notification channel", &events)?,
        created: instant(created),
    })
}

fn notification((id, channel, event, state, attempt, due, created, reason): Row) -> Result<Notification> {
    Ok(Notification {
        id,
        channel,
        event: parse("event", &event)?,
        state: NotificationState::named(&state),
        attempt,
        due: instant(due),
        created: instant(created),
        reason,
    })
}

const COLUMNS: &str = "SELECT id, channel_id, event, state, attempt, due, created, reason FROM notification";

impl Store {
    /// All channels, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn channels(&self) -> Result<Vec<ChannelRow>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            ChannelTuple,
            "SELECT id, name, settings, events, created FROM notify_channel ORDER BY name"
        )?;
        rows.into_iter().map(channel).collect()
    }

    /// Stores a new channel with its secrets, together or not at all.
    ///
    /// # Errors
    /// [`Error::Taken`], or when the database fails.
    pub async fn add_channel(
        &self,
        name: &str,
        settings: &Value,
        events: &[EventKind],
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<ChannelRow> {
        let row = ChannelRow {
            id: self.new_id().to_string(),
            name: name.to_owned(),
            settings: settings.clone(),
            events: events.to_vec(),
            created: instant(micros(self.clock.now())),
        };
        let mut tx = self.write().await?;
        let added = execute!(
            tx,
            "INSERT INTO notify_channel (id, name, settings, events, created) VALUES ($1, $2, $3, $4, $5)",
            row.id.as_str(),
            name,
            text("settings of a notification channel", settings)?,
            text("events of a notification channel", &row.events)?,
            micros(row.created)
        );
        match added {
            Err(error) if error.is_unique_violation() => {
                return Err(Error::Taken {
                    what: "notification channel",
                    name: name.to_owned(),
                });
            }
            other => other?,
        };
        for (secret, value) in secrets {
            self.put_secret_in(&mut tx, &row.id, secret, value.expose_secret())
                .await?;
        }
        let detail = json!({
            "id": row.id, "settings": settings, "events": events,
            "secrets_given": secrets.keys().collect::<Vec<_>>(),
        });
        self.note(&mut tx, &[Note::new("notify.added", name).with(detail)])
            .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Removes a channel with its secrets and what was on its way to it.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn remove_channel(&self, id: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(tx, "DELETE FROM secret WHERE owner_id = $1", id)?;
        let row = fetch_optional!(
            tx,
            (String,),
            "DELETE FROM notify_channel WHERE id = $1 RETURNING name",
            id
        )?;
        let (name,) = row.ok_or_else(|| Error::Missing {
            what: "notification channel",
            name: id.to_owned(),
        })?;
        self.note(&mut tx, &[Note::new("notify.removed", name)]).await?;
        tx.commit().await
    }

    /// A channel's secrets.
    ///
    /// # Errors
    /// When the database fails or a value does not open.
    pub async fn channel_secret(&self, channel: &str, name: &str) -> Result<Option<SecretString>> {
        self.secret(channel, name).await
    }

    /// Notifications that are due, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_notifications(&self, limit: usize) -> Result<Vec<Notification>> {
        let mut conn = self.read().await?;
        let sql = format!("{COLUMNS} WHERE state = 'queued' AND due <= $1 ORDER BY due, id LIMIT $2");
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(sql),
            micros(self.clock.now()),
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(notification).collect()
    }

    /// The newest notifications of a channel.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notifications(&self, channel: &str, limit: usize) -> Result<Vec<Notification>> {
        let mut conn = self.read().await?;
        let sql = format!("{COLUMNS} WHERE channel_id = $1 ORDER BY created DESC, id DESC LIMIT $2");
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(sql),
            channel,
            i64::try_from(limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(notification).collect()
    }

    /// Takes a notification to send it, unless another worker did; until `until` nobody else takes it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_notification(&self, of: &Notification, until: Timestamp) -> Result<bool> {
        let mut tx = self.write().await?;
        let claimed = execute!(
            tx,
            "UPDATE notification SET attempt = attempt + 1, due = $1
             WHERE id = $2 AND attempt = $3 AND state = 'queued'",
            micros(until),
            of.id.as_str(),
            of.attempt
        )?;
        tx.commit().await?;
        Ok(claimed > 0)
    }

    /// Writes down what came of the attempt `of.attempt + 1`: it was sent, is due again, or is given up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_notification(
        &self,
        of: &Notification,
        state: NotificationState,
        due: Timestamp,
        reason: &str,
    ) -> Result<()> {
        let now = micros(self.clock.now());
        let mut tx = self.write().await?;
        let ended = execute!(
            tx,
            "UPDATE notification SET state = $1, due = $2, reason = $3, finished = $4
             WHERE id = $5 AND attempt = $6 AND state = 'queued'",
            state.as_str(),
            micros(due),
            plain(reason),
            (state != NotificationState::Queued).then_some(now),
            of.id.as_str(),
            of.attempt + 1
        )?;
        if ended > 0 && state != NotificationState::Queued {
            let detail =
                json!({ "channel": of.channel, "event": of.event, "state": state, "reason": reason });
            self.note(&mut tx, &[Note::new("notify.ended", &of.id).with(detail)])
                .await?;
        }
        tx.commit().await
    }
}
