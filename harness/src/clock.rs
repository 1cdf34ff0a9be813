//! A clock that somebody sets.

use crate::chance::Chance;
use jiff::{SignedDuration, Timestamp};
use model::{Clock, Steady};
use std::sync::{Mutex, PoisonError};

/// How far it is put on or back.
const JUMP: SignedDuration = SignedDuration::from_hours(1);
/// One reading of so many is followed by a jump.
const SELDOM: u64 = 40;

/// A clock that is put an hour on or back now and then; never further from `real` than that.
#[derive(Debug)]
pub struct JumpingClock<C> {
    real: C,
    state: Mutex<(Chance, SignedDuration)>,
}

impl<C> JumpingClock<C> {
    /// It jumps as `seed` says.
    pub fn new(real: C, seed: u64) -> Self {
        Self {
            real,
            state: Mutex::new((Chance::new(seed), SignedDuration::ZERO)),
        }
    }
}

impl<C: Clock> Clock for JumpingClock<C> {
    fn now(&self) -> Timestamp {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (chance, off) = &mut *state;
        if chance.below(SELDOM) == 0 {
            *off = [SignedDuration::ZERO, JUMP, -JUMP][chance.below(3) as usize % 3];
        }
        let now = self.real.now();
        now.saturating_add(*off).unwrap_or(now)
    }

    // Nobody sets this one.
    fn steady(&self) -> Option<Steady> {
        self.real.steady()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    #[test]
    fn it_jumps_both_ways_and_no_further_than_an_hour() {
        let clock = JumpingClock::new(Noon, 3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            seen.insert(clock.now().as_second());
        }
        assert_eq!(Vec::from_iter(seen), [-3600, 0, 3600]);
    }
}
