//! How many requests an account may be asked, by all processes together.
//!
//! The budget lies in one place that every process shares ([`RequestBudget`]); a process takes a handful of requests out
//! of it at a time, to be sent within a moment, so that sending one costs no trip to that place. What is taken and not
//! sent in time is lost. [`BudgetBook`] is the arithmetic, pure; where it is kept is somebody else's.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Into how many slots the time of a quota is divided. What is taken in a slot is sent in that slot.
const SLOTS: i64 = 20;
/// For how many slots, its own included, a request counts. One more than [`SLOTS`] cover any stretch of the quota's
/// length; one more again is for the time a request is on its way.
const COUNTED: i64 = SLOTS + 2;

/// So many requests in any stretch of time of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub requests: u32,
    /// The length of time.
    pub per: Duration,
}

impl Quota {
    fn slot(self) -> i64 {
        (i64::try_from(self.per.as_micros()).unwrap_or(i64::MAX) / SLOTS).max(1)
    }
}

/// What a process may do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// So many requests,
    pub requests: u32,
    /// to be sent within this time, counted from before they were asked for.
    pub valid: Duration,
    /// Nothing may be sent for so long; zero when something may.
    pub wait: Duration,
}

/// The shared place could not be reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BudgetError(pub String);

/// The budget of one account, shared by every process that uses it.
#[async_trait]
pub trait RequestBudget: Send + Sync {
    /// Takes up to `wanted` requests, or asks how long to wait. Without a quota nothing is counted, and only pauses are
    /// kept; the same goes for `wanted` of zero.
    ///
    /// # Errors
    /// When the shared place cannot be reached.
    async fn take(&self, quota: Option<Quota>, wanted: u32) -> Result<Allowance, BudgetError>;

    /// The vendor asked not to be asked anything for so long: everybody keeps to it.
    ///
    /// # Errors
    /// When the shared place cannot be reached.
    async fn pause(&self, time: Duration) -> Result<(), BudgetError>;
}

/// What was taken lately, and until when nobody may send. Times are microseconds of one clock, whichever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetBook {
    /// Beginnings of slots, and how many requests were taken in each.
    #[serde(default)]
    taken: Vec<(i64, u32)>,
    /// When a pause was asked for, and when it ends.
    #[serde(default)]
    pause: Option<(i64, i64)>,
}

impl BudgetBook {
    /// Takes up to `wanted` requests at `now`.
    pub fn take(&mut self, now: i64, quota: Option<Quota>, wanted: u32) -> Allowance {
        let paused = self.paused(now);
        let Some(quota) = quota.filter(|_| paused.is_zero() && wanted > 0) else {
            return Allowance {
                wait: paused,
                ..Allowance::default()
            };
        };
        let slot = quota.slot();
        let current = now.div_euclid(slot).saturating_mul(slot);
        let counted = COUNTED.saturating_mul(slot);
        self.taken
            .retain(|(begun, _)| begun.saturating_add(counted) > current);
        for (begun, _) in &mut self.taken {
            // A clock that was set back: they were taken now at the latest.
            *begun = (*begun).min(current);
        }
        let spent: u32 = self.taken.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n));
        let requests = quota.requests.max(1).saturating_sub(spent).min(wanted);
        if requests == 0 {
            let oldest = self
                .taken
                .iter()
                .map(|(begun, _)| *begun)
                .min()
                .unwrap_or(current);
            // At the beginning of the slot in which the oldest no longer counts.
            let wait = oldest.saturating_add(counted).saturating_sub(now);
            return Allowance {
                wait: micros(wait.max(1)),
                ..Allowance::default()
            };
        }
        match self.taken.last_mut().filter(|(begun, _)| *begun == current) {
            Some((_, taken)) => *taken = taken.saturating_add(requests),
            None => self.taken.push((current, requests)),
        }
        Allowance {
            requests,
            valid: micros(current.saturating_add(slot).saturating_sub(now)),
            wait: Duration::ZERO,
        }
    }

    /// Nobody sends for `time` from `now` on; a pause that lasts longer stands.
    pub fn pause(&mut self, now: i64, time: Duration) {
        let until = now.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        let left = self.paused(now);
        if time > left {
            self.pause = Some((now, until));
        }
    }

    /// How long the pause still lasts at `now`.
    fn paused(&mut self, now: i64) -> Duration {
        let Some((asked, until)) = self.pause else {
            return Duration::ZERO;
        };
        if now < asked {
            // A clock that was set back must not make a pause longer than it was.
            self.pause = Some((now, now.saturating_add(until.saturating_sub(asked))));
            return micros(until.saturating_sub(asked));
        }
        if until <= now {
            self.pause = None;
        }
        micros(until.saturating_sub(now))
    }
}

fn micros(number: i64) -> Duration {
    Duration::from_micros(u64::try_from(number).unwrap_or(0))
}

/// A budget of this process alone.
#[derive(Debug)]
pub struct MemoryBudget {
    book: Mutex<BudgetBook>,
    begun: Instant,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self {
            book: Mutex::default(),
            begun: Instant::now(),
        }
    }
}

impl MemoryBudget {
    fn now(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

#[async_trait]
impl RequestBudget for MemoryBudget {
    async fn take(&self, quota: Option<Quota>, wanted: u32) -> Result<Allowance, BudgetError> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(book.take(self.now(), quota, wanted))
    }

    async fn pause(&self, time: Duration) -> Result<(), BudgetError> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.pause(self.now(), time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn quota(requests: u32, seconds: u64) -> Option<Quota> {
        Some(Quota {
            requests,
            per: Duration::from_secs(seconds),
        })
    }

    /// Splitmix64, so that each run meets the same moments.
    fn draw(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn no_stretch_of_time_holds_more_than_the_quota() {
        for seed in 0..300_u64 {
            let mut chance = seed;
            let limit = 1 + u32::try_from(draw(&mut chance) % 40).unwrap();
            let per = SECOND * (1 + i64::try_from(draw(&mut chance) % 10).unwrap());
            let quota = Some(Quota {
                requests: limit,
                per: micros(per),
            });
            let mut book = BudgetBook::default();
            let (mut now, mut sent, mut asked) = (i64::try_from(seed).unwrap() * 777, Vec::new(), 0_u64);
            for _ in 0..600 {
                let wanted = 1 + u32::try_from(draw(&mut chance) % 9).unwrap();
                let given = book.take(now, quota, wanted);
                asked += 1;
                for _ in 0..given.requests {
                    // Somewhere within the time it is valid, and some time on the way.
                    let later = draw(&mut chance) % u64::try_from(given.valid.as_micros()).unwrap().max(1);
                    let way = draw(&mut chance) % u64::try_from(per / SLOTS).unwrap();
                    sent.push(now + i64::try_from(later + way).unwrap());
                }
                now += i64::try_from(draw(&mut chance) % u64::try_from(per / 15).unwrap()).unwrap();
            }
            sent.sort_unstable();
            let fullest = sent.iter().enumerate().map(|(at, first)| {
                sent[at..]
                    .iter()
                    .take_while(|other| **other - first < per)
                    .count()
            });
            assert!(
                fullest.max().unwrap() <= usize::try_from(limit).unwrap(),
                "seed {seed}"
            );
            // And most of it can be used.
            let stretches = f64::from(u32::try_from((now / per).max(1)).unwrap());
            let used = f64::from(u32::try_from(sent.len()).unwrap());
            let possible = (stretches * f64::from(limit)).min(f64::from(u32::try_from(asked).unwrap()));
            assert!(
                used >= 0.7 * possible - f64::from(limit),
                "seed {seed}: {used} of {possible}"
            );
        }
    }

    #[test]
    fn who_waits_as_long_as_told_gets_something() {
        let mut book = BudgetBook::default();
        let mut now = 12_345;
        for _ in 0..50 {
            let given = book.take(now, quota(3, 2), 5);
            if given.requests == 0 {
                assert!(!given.wait.is_zero());
                now += i64::try_from(given.wait.as_micros()).unwrap();
                assert!(book.take(now, quota(3, 2), 1).requests > 0);
            }
        }
    }

    #[test]
    fn a_pause_is_for_everybody_and_the_longer_one_stands() {
        let mut book = BudgetBook::default();
        book.pause(0, Duration::from_secs(30));
        book.pause(5 * SECOND, Duration::from_secs(10));
        for quota in [None, quota(100, 1)] {
            let given = book.take(10 * SECOND, quota, 4);
            assert_eq!((given.requests, given.wait), (0, Duration::from_secs(20)));
        }
        assert_eq!(book.take(30 * SECOND, None, 1).wait, Duration::ZERO);
        assert_eq!(book.take(30 * SECOND, quota(100, 1), 4).requests, 4);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let hour = 3600 * SECOND;
        let mut book = BudgetBook::default();
        book.pause(2 * hour, Duration::from_secs(30));
        assert_eq!(book.take(hour, None, 1).wait, Duration::from_secs(30));
        assert_eq!(book.take(hour + 31 * SECOND, None, 1).wait, Duration::ZERO);

        assert_eq!(book.take(2 * hour, quota(5, 10), 5).requests, 5);
        let wait = book.take(hour, quota(5, 10), 1).wait;
        assert!(wait <= Duration::from_secs(11), "{wait:?}");
        let later = hour + i64::try_from(wait.as_micros()).unwrap();
        assert_eq!(book.take(later, quota(5, 10), 1).requests, 1);
    }

    #[test]
    fn it_stays_small() {
        let mut book = BudgetBook::default();
        for second in 0..10_000 {
            book.take(second * SECOND, quota(1000, 60), 1);
        }
        assert!(serde_json::to_string(&book).unwrap().len() < 600);
    }
}
