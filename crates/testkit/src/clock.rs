//! A clock that stands still until a test moves it.

use jiff::{SignedDuration, Timestamp};
use model::Clock;
use std::sync::Mutex;
use std::sync::PoisonError;

/// 15 January 2026, 09:00 UTC, in seconds since 1970: where every [`FixedClock`] starts.
const START: i64 = 1_768_467_600;

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Puts it to `now`, which may be earlier.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Lets `time` pass; the new time.
    pub fn advance(&self, time: SignedDuration) -> Timestamp {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += time;
        *now
    }
}

impl Default for FixedClock {
    /// Stands at 15 January 2026, 09:00 UTC.
    fn default() -> Self {
        Self::at(Timestamp::constant(START, 0))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_it_is_moved() {
        let clock = FixedClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-15T09:00:00Z");
        assert_eq!(clock.now(), clock.now());
        let later = clock.advance(SignedDuration::from_mins(90));
        assert_eq!(later.to_string(), "2026-01-15T10:30:00Z");
        assert_eq!(clock.now(), later);
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
    }
}
