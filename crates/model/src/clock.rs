//! Time and randomness as parameters, so that a test can repeat both.

use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// The same on a clock that nobody sets, where the machine has one that outlives a process.
    fn steady(&self) -> Option<Steady> {
        None
    }
}

/// A reading of a clock that nobody sets: how long the machine has been up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steady {
    /// Which start of which machine it counts from.
    pub boot: String,
    /// How long ago that was.
    pub up: Duration,
}

/// A moment as both clocks saw it. Waits that must not be cut short are measured between two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time of day, which somebody may set.
    pub at: Timestamp,
    /// The steady clock's reading, where there is one.
    pub steady: Option<Steady>,
}

impl Moment {
    /// How long after `earlier` this is, at least: by the steady clock where both were read from the same one, else by
    /// the time of day, and nothing where that was put back.
    pub fn since(&self, earlier: &Self) -> Duration {
        if let (Some(now), Some(then)) = (&self.steady, &earlier.steady)
            && now.boot == then.boot
            && let Some(passed) = now.up.checked_sub(then.up)
        {
            return passed;
        }
        Duration::try_from(self.at.duration_since(earlier.at)).unwrap_or(Duration::ZERO)
    }
}

/// Where randomness comes from. Implementations used for secrets must be cryptographically strong.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where our own record ids come from.
pub trait Ids: Send + Sync {
    /// A new id, never given before.
    fn next(&self) -> Uuid;
}

/// UUID version 7 (RFC 9562 §5.7) out of a clock and a source of randomness: ids sort by time of creation.
pub struct TimeOrderedIds {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl TimeOrderedIds {
    /// Ids stamped by `clock`, made unique by `random`.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random }
    }
}

impl Ids for TimeOrderedIds {
    fn next(&self) -> Uuid {
        let mut bytes = [0_u8; 10];
        self.random.fill(&mut bytes);
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64, up: Option<(&str, u64)>) -> Moment {
        Moment {
            at: Timestamp::constant(second, 0),
            steady: up.map(|(boot, up)| Steady {
                boot: boot.to_owned(),
                up: Duration::from_secs(up),
            }),
        }
    }

    #[test]
    fn a_clock_that_was_set_shortens_no_wait() {
        let sent = moment(1_000, Some(("a", 50)));
        let an_hour_on = moment(4_603, Some(("a", 53)));
        assert_eq!(an_hour_on.since(&sent), Duration::from_secs(3));
        let an_hour_back = moment(-2_597, Some(("a", 53)));
        assert_eq!(an_hour_back.since(&sent), Duration::from_secs(3));
    }

    #[test]
    fn without_a_steady_clock_in_common_the_time_of_day_counts_and_never_backwards() {
        let sent = moment(1_000, Some(("a", 50)));
        for later in [
            moment(1_007, None),
            moment(1_007, Some(("b", 1))),
            moment(1_007, Some(("a", 2))),
        ] {
            assert_eq!(later.since(&sent), Duration::from_secs(7), "{later:?}");
        }
        assert_eq!(moment(900, None).since(&sent), Duration::ZERO);
    }
}
