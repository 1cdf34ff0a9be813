//! Notifications: the channels people made, and what is on its way to them.

mod channel;
mod invitations;
mod sending;
mod signing;
mod words;

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use jiff::{SignedDuration, Timestamp};
use model::{Actor, ActorRole, Event, EventKind};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{ChannelRow, Notification};

pub use channel::{ChannelSettings, NewChannel};
pub use connect::mail::MailSecurity;
pub use store::NotificationState;

/// The first pause after a failed attempt; each is twice the one before.
const FIRST: SignedDuration = SignedDuration::from_secs(60);
/// The longest pause.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// A notification that nobody took for so long is given up.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(24);
/// How long an attempt may take before another worker may try.
const ATTEMPT: SignedDuration = SignedDuration::from_mins(3);
/// How many are sent in one round.
const ROUND: usize = 50;
/// How many are shown of each channel.
const SHOWN: usize = 5;

/// A channel, and what was said to it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Our id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it leads, without secrets.
    pub settings: ChannelSettings,
    /// What it is told of; empty for everything.
    pub events: Vec<EventKind>,
    /// When it was made.
    pub created: Timestamp,
    /// What was said to it last, newest first.
    pub last: Vec<Notification>,
}

fn settings(row: &ChannelRow) -> Result<ChannelSettings> {
    serde_json::from_value(row.settings.clone()).map_err(|source| {
        Error::Store(store::Error::Stored {
            what: "settings of a notification channel",
            source,
        })
    })
}

impl Engine {
    /// All channels with what was said to them last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn channels(&self, actor: &Actor) -> Result<Vec<Channel>> {
        require(actor, ActorRole::Viewer, "see notification channels")?;
        let mut channels = Vec::new();
        for row in self.store.channels().await? {
            channels.push(Channel {
                settings: settings(&row)?,
                last: self.store.notifications(&row.id, SHOWN).await?,
                id: row.id,
                name: row.name,
                events: row.events,
                created: row.created,
            });
        }
        Ok(channels)
    }

    /// Makes a channel. Nothing is sent to it by this; the signing key of a webhook is handed over once, here.
    ///
    /// # Errors
    /// When the actor is no Owner, a setting cannot be used, or the name is taken; nothing is stored then.
    pub async fn add_channel(
        &self,
        actor: &Actor,
        new: NewChannel,
    ) -> Result<(Channel, Option<SecretString>)> {
        require(actor, ActorRole::Owner, "make notification channels")?;
        let (name, events, kind) = (new.name.clone(), new.events.clone(), new.settings.kind());
        let (settings, secrets) =
            new.check(self.store.random().as_ref())
                .map_err(|problems| Error::Settings {
                    kind: kind.to_owned(),
                    problems,
                })?;
        let stored = serde_json::to_value(&settings).map_err(|source| store::Error::Stored {
            what: "settings of a notification channel",
            source,
        })?;
        let store = &self.acting(actor).store;
        let row = store.add_channel(&name, &stored, &events, &secrets).await?;
        let channel = Channel {
            id: row.id,
            name: row.name,
            settings,
            events: row.events,
            created: row.created,
            last: Vec::new(),
        };
        Ok((channel, secrets.get(channel::SIGNING_KEY).cloned()))
    }

    /// Removes a channel with its secrets; what was on its way to it is not sent.
    ///
    /// # Errors
    /// When the actor is no Owner, there is none of that name, or the store fails.
    pub async fn remove_channel(&self, actor: &Actor, name: &str) -> Result<()> {
        require(actor, ActorRole::Owner, "remove notification channels")?;
        let row = self.channel_named(name).await?;
        Ok(self.acting(actor).store.remove_channel(&row.id).await?)
    }

    /// Sends a message to a channel now, to try it; what the other side answered.
    ///
    /// # Errors
    /// When it was not taken, with the other side's own words.
    pub async fn test_channel(&self, actor: &Actor, name: &str) -> Result<String> {
        require(actor, ActorRole::Owner, "try notification channels")?;
        self.require_confirmed_instance().await?;
        let row = self.channel_named(name).await?;
        let event = Event {
            kind: EventKind::BridgeStale,
            recovered: true,
            subject: "Test".to_owned(),
            text: format!(
                "This is a test of the channel {name}, asked for by {actor}. Nothing has happened."
            ),
            at: self.clock().now(),
        };
        let id = format!("test-{}", self.store.new_id());
        self.send_to(&row, &id, &event).await
    }

    async fn channel_named(&self, name: &str) -> Result<ChannelRow> {
        let all = self.store.channels().await?;
        let known: Vec<&str> = all.iter().map(|row| row.name.as_str()).collect();
        let known = (!known.is_empty()).then(|| known.join(", "));
        all.iter()
            .find(|row| row.name == name)
            .cloned()
            .ok_or(Error::Unknown {
                what: "notification channel",
                name: name.to_owned(),
                known,
            })
    }

    /// Sends what is due. Of several workers that notice the same notification one sends it; one that dies between the
    /// answer and its word of it makes it be sent again, under the same id.
    ///
    /// # Errors
    /// When the store fails. A channel that does not take it is no error: it is tried again, and given up after a day.
    pub async fn deliver_notifications(&self, actor: &Actor) -> Result<()> {
        require(actor, ActorRole::Technician, "send notifications")?;
        let due = self.store.due_notifications(ROUND).await?;
        if due.is_empty() {
            return Ok(());
        }
        // What a restored or copied hub has in its queue the other one sends. That it waits it may say.
        let waits = self.store.instance().await?.waits.is_some();
        let channels = self.store.channels().await?;
        for notification in due {
            if waits && notification.event.kind != EventKind::HubWaits {
                continue;
            }
            let Some(row) = channels.iter().find(|row| row.id == notification.channel) else {
                continue;
            };
            let now = self.clock().now();
            if self
                .store
                .claim_notification(&notification, now + ATTEMPT)
                .await?
            {
                self.deliver(row, &notification).await?;
            }
        }
        Ok(())
    }

    async fn deliver(&self, row: &ChannelRow, notification: &Notification) -> Result<()> {
        let sent = self.send_to(row, &notification.id, &notification.event).await;
        let now = self.clock().now();
        let (state, due, reason) = match sent {
            Ok(answer) => (NotificationState::Sent, now, answer),
            Err(error) if now.duration_since(notification.created) >= GIVEN_UP => {
                tracing::error!(channel = %row.name, error = %error, "A notification is given up.");
                (
                    NotificationState::GivenUp,
                    now,
                    format!("given up after a day: {error}"),
                )
            }
            Err(error) => {
                tracing::warn!(channel = %row.name, error = %error, "A notification was not taken; it is tried again.");
                (
                    NotificationState::Queued,
                    now + pause(notification.attempt),
                    error.to_string(),
                )
            }
        };
        Ok(self
            .store
            .end_notification(notification, state, due, &reason)
            .await?)
    }
}

/// The pause after so many attempts and one.
fn pause(before: i64) -> SignedDuration {
    let doublings = i32::try_from(before.clamp(0, 10)).unwrap_or(10);
    (FIRST * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let minutes: Vec<i64> = (0..8).map(|before| pause(before).as_mins()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
