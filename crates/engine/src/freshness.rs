//! How fresh the data of a bridge is, and what keeps it from being so.
//!
//! [`assess`] is pure: what is known of a bridge at a moment gives its state. Age is measured against the schedule: half
//! an interval overdue is *late*, twice the interval is *stale*, whether or not anything failed. A schedule with gaps
//! (nights, weekends) is measured by its own ticks.

use jiff::{SignedDuration, Timestamp};
use model::EventKind;
use serde::{Deserialize, Serialize};

/// How a bridge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BridgeState {
    /// Its data is as old as its schedule wants it to be, or nothing is scheduled.
    Fresh,
    /// Half an interval overdue.
    Late,
    /// Older than twice the interval.
    Stale,
    /// Reads or runs fail, again and again or for good.
    Failing,
    /// A person has to do something.
    Waiting,
}

impl BridgeState {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Late => "late",
            Self::Stale => "stale",
            Self::Failing => "failing",
            Self::Waiting => "waiting",
        }
    }
}

/// When a bridge works by itself, as its schedule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks {
    /// When the data was in step, or the schedule was set where that was later: its age counts from here.
    pub from: Timestamp,
    /// The first tick after that.
    pub first: Timestamp,
    /// The one after the first.
    pub second: Timestamp,
    /// The last tick at or before `from`.
    pub before: Timestamp,
    /// The next tick from now on; `None` while the schedule is paused.
    pub next: Option<Timestamp>,
    /// Whether it only reads and plans.
    pub plan_only: bool,
}

/// What stands in the way of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A person has to do something.
    Waits {
        /// What.
        why: String,
        /// Whether the brakes stopped a plan.
        brakes: bool,
    },
    /// One of its connections needs a person, which is said of the connection.
    Connection {
        /// Which, and what.
        why: String,
    },
    /// Work fails.
    Fails {
        /// How.
        why: String,
    },
}

/// What is known of a bridge at a moment.
#[derive(Clone, Debug)]
pub struct Known {
    /// When its data was last in step: since then it ages. At first, when it was first watched.
    pub fresh_at: Timestamp,
    /// Whether it ever was in step.
    pub ever: bool,
    /// Its schedule, if it has one.
    pub ticks: Option<Ticks>,
    /// What stands in its way.
    pub trouble: Option<Trouble>,
    /// Why nothing goes on although nothing is wrong: a paused schedule, paused writes, no worker.
    pub idle: Option<String>,
}

/// What a bridge's state is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The state.
    pub state: BridgeState,
    /// Why, where there is something to say.
    pub why: Option<String>,
    /// What people are told of it; `None` for a state nobody is woken for.
    pub tell: Option<EventKind>,
}

/// How a bridge stands at `now`. That its data is too old is said before why it is: whoever waits for a person and
/// nobody comes, or fails and is tried again, is stale in the end.
pub fn assess(known: &Known, now: Timestamp) -> Assessment {
    let trouble = known.trouble.as_ref().map(|trouble| match trouble {
        Trouble::Waits { why, .. } | Trouble::Connection { why } | Trouble::Fails { why } => why.clone(),
    });
    if let Some(ticks) = &known.ticks
        && now > stale_from(ticks)
    {
        let age = match known.ever {
            true => format!(
                "its data is {} old, and was to be renewed at {}",
                words(now.duration_since(known.fresh_at)),
                at(ticks.first)
            ),
            false => format!(
                "it was never in step, although it was to be since {}",
                at(ticks.first)
            ),
        };
        let cause = trouble.or_else(|| known.idle.clone());
        return Assessment {
            state: BridgeState::Stale,
            why: Some(cause.map_or_else(|| age.clone(), |cause| format!("{age}; {cause}"))),
            tell: Some(EventKind::BridgeStale),
        };
    }
    match &known.trouble {
        Some(Trouble::Waits { why, brakes }) => Assessment {
            state: BridgeState::Waiting,
            why: Some(why.clone()),
            tell: Some(match brakes {
                true => EventKind::RunStopped,
                false => EventKind::BridgeWaiting,
            }),
        },
        Some(Trouble::Connection { why }) => Assessment {
            state: BridgeState::Waiting,
            why: Some(why.clone()),
            tell: None,
        },
        Some(Trouble::Fails { why }) => Assessment {
            state: BridgeState::Failing,
            why: Some(why.clone()),
            tell: Some(EventKind::BridgeFailing),
        },
        None => quiet(known, now),
    }
}

fn quiet(known: &Known, now: Timestamp) -> Assessment {
    let (state, why) = match &known.ticks {
        None if !known.ever => (
            BridgeState::Fresh,
            Some("it was never synced, and has no schedule".to_owned()),
        ),
        None => (BridgeState::Fresh, Some("it has no schedule".to_owned())),
        Some(ticks) if now > late_from(ticks) => {
            let overdue = || format!("it was to be renewed at {}", at(ticks.first));
            (
                BridgeState::Late,
                Some(known.idle.clone().unwrap_or_else(overdue)),
            )
        }
        Some(_) => (BridgeState::Fresh, known.idle.clone()),
    };
    Assessment {
        state,
        why,
        tell: None,
    }
}

/// From when on the data is twice the interval old.
fn stale_from(ticks: &Ticks) -> Timestamp {
    later(ticks.from, ticks.second.duration_since(ticks.before))
}

/// From when on it is half an interval overdue.
fn late_from(ticks: &Ticks) -> Timestamp {
    let interval = ticks.first.duration_since(ticks.before);
    later(ticks.from, interval + interval / 2)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A length of time for people, in its two largest units.
pub fn words(length: SignedDuration) -> String {
    let minutes = length.as_mins().max(0);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Every two hours from midnight; the data is of 10:05.
    fn every_two_hours() -> Known {
        Known {
            fresh_at: time("2026-03-02T10:05:00Z"),
            ever: true,
            ticks: Some(Ticks {
                from: time("2026-03-02T10:05:00Z"),
                before: time("2026-03-02T10:00:00Z"),
                first: time("2026-03-02T12:00:00Z"),
                second: time("2026-03-02T14:00:00Z"),
                next: Some(time("2026-03-02T12:00:00Z")),
                plan_only: false,
            }),
            trouble: None,
            idle: None,
        }
    }

    fn state(known: &Known, now: &str) -> (&'static str, Option<EventKind>) {
        let assessed = assess(known, time(now));
        (assessed.state.as_str(), assessed.tell)
    }

    #[test]
    fn twice_the_interval_is_stale_even_when_nothing_failed() {
        let known = every_two_hours();
        assert_eq!(state(&known, "2026-03-02T12:04:00Z"), ("fresh", None));
        assert_eq!(state(&known, "2026-03-02T13:05:00Z"), ("fresh", None));
        assert_eq!(state(&known, "2026-03-02T13:06:00Z"), ("late", None));
        assert_eq!(state(&known, "2026-03-02T14:05:00Z"), ("late", None));
        let stale = ("stale", Some(EventKind::BridgeStale));
        assert_eq!(state(&known, "2026-03-02T14:06:00Z"), stale);
        let nobody = Known {
            idle: Some("no worker is at work. Start one: rmmbridge worker".to_owned()),
            ..known.clone()
        };
        let why = assess(&nobody, time("2026-03-02T15:00:00Z")).why.unwrap();
        assert!(
            why.contains("4 h 55 min old") && why.contains("rmmbridge worker"),
            "{why}"
        );
        // A clock that was put back makes nothing stale.
        assert_eq!(state(&known, "2026-03-01T00:00:00Z"), ("fresh", None));
    }

    #[test]
    fn a_paused_schedule_is_stale_too_and_says_so() {
        let mut known = every_two_hours();
        known.idle = Some("its schedule is paused: holiday".to_owned());
        assert_eq!(state(&known, "2026-03-02T11:00:00Z"), ("fresh", None));
        let stale = assess(&known, time("2026-03-02T15:00:00Z"));
        assert!(stale.state == BridgeState::Stale && stale.why.unwrap().contains("paused: holiday"));
    }

    #[test]
    fn a_weekend_is_no_alarm() {
        // Working days at nine: Friday's data is fresh until Monday, and stale on Tuesday.
        let mut known = every_two_hours();
        known.fresh_at = time("2026-03-06T09:10:00Z");
        if let Some(ticks) = &mut known.ticks {
            ticks.from = known.fresh_at;
            ticks.before = time("2026-03-06T09:00:00Z");
            ticks.first = time("2026-03-09T09:00:00Z");
            ticks.second = time("2026-03-10T09:00:00Z");
        }
        assert_eq!(state(&known, "2026-03-08T23:00:00Z"), ("fresh", None));
        assert_eq!(
            state(&known, "2026-03-10T09:11:00Z"),
            ("stale", Some(EventKind::BridgeStale))
        );
    }

    #[test]
    fn trouble_is_said_first_and_age_in_the_end() {
        let mut known = every_two_hours();
        known.trouble = Some(Trouble::Waits {
            why: "60 assets would be archived".to_owned(),
            brakes: true,
        });
        assert_eq!(
            state(&known, "2026-03-02T12:10:00Z"),
            ("waiting", Some(EventKind::RunStopped))
        );
        let stale = assess(&known, time("2026-03-02T18:00:00Z"));
        assert_eq!(stale.tell, Some(EventKind::BridgeStale));
        assert!(stale.why.unwrap().contains("60 assets"));
        known.trouble = Some(Trouble::Fails {
            why: "503".to_owned(),
        });
        assert_eq!(
            state(&known, "2026-03-02T12:10:00Z"),
            ("failing", Some(EventKind::BridgeFailing))
        );
    }

    #[test]
    fn without_a_schedule_nothing_is_late() {
        let known = Known {
            ticks: None,
            ..every_two_hours()
        };
        assert_eq!(state(&known, "2036-03-02T12:10:00Z"), ("fresh", None));
    }

    #[test]
    fn lengths_of_time_have_two_units() {
        for (seconds, expected) in [
            (59, "0 min"),
            (3_660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
            (-5, "0 min"),
        ] {
            assert_eq!(words(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
