//! Watching: how bridges, connections, the audit log and this hub stand, and what is said when that changes.
//!
//! [`change`] is pure. Something is said when a state begins that people are told of, and when it is over; never twice of
//! the same state, however often and by however many workers it is noticed: the row that remembers what was said moves
//! on by compare-and-set, in the transaction that queues the words.

mod audit_log;

pub(crate) use audit_log::broken_log;

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::freshness::BridgeState;
use crate::status::{Calendar, subject_of};
use jiff::Timestamp;
use model::{Actor, ActorRole, ConnectionState, Event, EventKind, Health};
use std::collections::BTreeSet;
use store::ChannelRow;

/// How something stands at a moment.
#[derive(Clone, Debug)]
struct Seen {
    /// What is watched.
    subject: String,
    /// What people call it.
    label: String,
    /// Its state.
    state: String,
    /// Why.
    why: Option<String>,
    /// What people are told of this state.
    tell: Option<EventKind>,
    /// Whether all is well: then what was said before is over.
    well: bool,
}

/// The row as it becomes, and what is said; `None` when nothing changes.
fn change(was: Option<&Health>, seen: &Seen, now: Timestamp) -> Option<(Health, Option<Event>)> {
    let told_before = was.and_then(|was| was.told);
    let (told, say) = match (seen.tell, told_before) {
        (Some(kind), Some(before)) if kind == before => (told_before, None),
        (Some(kind), _) => (Some(kind), Some((kind, false))),
        (None, Some(before)) if seen.well => (None, Some((before, true))),
        (None, before) => (before, None),
    };
    let same = was.filter(|was| was.state == seen.state);
    if same.is_some_and(|was| was.why == seen.why && was.told == told) {
        return None;
    }
    let health = Health {
        subject: seen.subject.clone(),
        state: seen.state.clone(),
        why: seen.why.clone(),
        since: same.map_or(now, |was| was.since),
        watched: was.map_or(now, |was| was.watched),
        told,
        version: was.map_or(0, |was| was.version),
    };
    let event = say.map(|(kind, recovered)| Event {
        kind,
        recovered,
        subject: seen.label.clone(),
        text: match recovered {
            true => format!("It is {} again.", seen.state),
            false => seen.why.clone().unwrap_or_else(|| seen.state.clone()),
        },
        at: now,
    });
    Some((health, event))
}

impl Engine {
    /// Looks at everything that is watched, remembers how it stands, and queues what there is to say. A worker does so
    /// every minute; it is the worker that is at work, whatever leases say.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn watch(&self, actor: &Actor, calendar: &dyn Calendar) -> Result<()> {
        require(actor, ActorRole::Technician, "watch how everything stands")?;
        let health = self.store.health().await?;
        let connections = self.store.connections().await?;
        let pause = self.store.write_pause().await?;
        let mut seen = Vec::new();
        for bridge in self.store.bridges().await? {
            let subject = subject_of(&bridge.id);
            let was = health.iter().find(|h| h.subject == subject);
            let idle = pause.as_ref().map(ToString::to_string);
            let (_, assessed) = self
                .assess_bridge(&bridge, &connections, calendar, was, idle)
                .await?;
            seen.push(Seen {
                subject,
                label: format!("Bridge {}", bridge.name),
                state: assessed.state.as_str().to_owned(),
                why: assessed.why,
                tell: assessed.tell,
                well: assessed.state == BridgeState::Fresh,
            });
        }
        for connection in connections {
            let why = connection.state.reason().map(str::to_owned);
            seen.push(Seen {
                subject: format!("connection:{}", connection.id),
                label: format!("Connection {}", connection.name),
                state: match (&connection.state, &why) {
                    (ConnectionState::NotEnabled { .. }, _) => "not enabled".to_owned(),
                    (_, Some(_)) => "needs attention".to_owned(),
                    (state, None) => state.to_string().to_lowercase(),
                },
                tell: why.is_some().then_some(EventKind::ConnectionAttention),
                why,
                well: connection.state == ConnectionState::Connected,
            });
        }
        let waits = self.store.instance().await?.waits;
        seen.push(Seen {
            subject: "hub".to_owned(),
            label: "This rmmbridge".to_owned(),
            state: if waits.is_some() { "waiting" } else { "working" }.to_owned(),
            tell: waits.is_some().then_some(EventKind::HubWaits),
            well: waits.is_none(),
            why: waits.map(|why| {
                format!("it waits for an Owner: {why}. To confirm it: rmmbridge instance confirm")
            }),
        });
        seen.extend(self.watch_audit_end(&health).await?);
        self.remember(&health, &seen).await?;
        // What is no longer there is not watched, and not said to be well either.
        let there: BTreeSet<&str> = seen.iter().map(|seen| seen.subject.as_str()).collect();
        for gone in health
            .iter()
            .filter(|h| h.subject != audit_log::SUBJECT && !there.contains(h.subject.as_str()))
        {
            self.store.forget_health(&gone.subject).await?;
        }
        Ok(())
    }

    async fn remember(&self, health: &[Health], seen: &[Seen]) -> Result<()> {
        let now = self.clock().now();
        let mut channels: Option<Vec<ChannelRow>> = None;
        for seen in seen {
            let was = health.iter().find(|h| h.subject == seen.subject);
            let Some((row, event)) = change(was, seen, now) else {
                continue;
            };
            let mut say = Vec::new();
            if let Some(event) = event {
                if channels.is_none() {
                    channels = Some(self.store.channels().await?);
                }
                let wanting = channels
                    .iter()
                    .flatten()
                    .filter(|c| c.events.is_empty() || c.events.contains(&event.kind));
                say.extend(wanting.map(|channel| (channel.id.clone(), event.clone())));
                tracing::info!(subject = %event.subject, kind = %event.kind, recovered = event.recovered, text = %event.text, "A state changed.");
            }
            // Whoever else noticed it has said it.
            self.store.put_health(&row, &say).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(state: &str, tell: Option<EventKind>) -> Seen {
        Seen {
            subject: "bridge:1".to_owned(),
            label: "Bridge assets".to_owned(),
            state: state.to_owned(),
            why: tell.map(|kind| format!("because {kind}")),
            tell,
            well: state == "fresh",
        }
    }

    /// What is said when these states are noticed one after the other.
    fn said(states: &[(&str, Option<EventKind>)]) -> Vec<(&'static str, bool)> {
        let mut row: Option<Health> = None;
        let mut said = Vec::new();
        for (state, tell) in states {
            // Each is noticed twice, as by a second worker or after a restart.
            for _ in 0..2 {
                if let Some((next, event)) = change(row.as_ref(), &seen(state, *tell), Timestamp::UNIX_EPOCH)
                {
                    said.extend(event.map(|event| (event.kind.as_str(), event.recovered)));
                    row = Some(next);
                }
            }
        }
        said
    }

    #[test]
    fn a_state_is_said_once_and_so_is_its_end() {
        let (failing, stale) = (Some(EventKind::BridgeFailing), Some(EventKind::BridgeStale));
        assert_eq!(said(&[("fresh", None)]), []);
        assert_eq!(
            said(&[("failing", failing), ("fresh", None), ("failing", failing)]),
            [
                ("bridge_failing", false),
                ("bridge_failing", true),
                ("bridge_failing", false)
            ]
        );
        // Late is no recovery, and coming back from it no news.
        assert_eq!(
            said(&[
                ("failing", failing),
                ("late", None),
                ("failing", failing),
                ("fresh", None)
            ]),
            [("bridge_failing", false), ("bridge_failing", true)]
        );
        // What becomes worse is said, and its end once.
        assert_eq!(
            said(&[
                ("failing", failing),
                ("stale", stale),
                ("fresh", None),
                ("fresh", None)
            ]),
            [
                ("bridge_failing", false),
                ("bridge_stale", false),
                ("bridge_stale", true)
            ]
        );
    }

    #[test]
    fn another_reason_for_the_same_state_is_remembered_and_not_said() {
        let first = seen("failing", Some(EventKind::BridgeFailing));
        let (row, _) = change(None, &first, Timestamp::UNIX_EPOCH).unwrap();
        let other = Seen {
            why: Some("another".to_owned()),
            ..first
        };
        let later = Timestamp::from_second(60).unwrap();
        let (row, event) = change(Some(&row), &other, later).unwrap();
        assert_eq!(
            (row.why.as_deref(), row.since, event),
            (Some("another"), Timestamp::UNIX_EPOCH, None)
        );
    }
}
