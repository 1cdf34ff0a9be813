//! How often a key may ask: lists 10 times in 10 minutes, single records 10 times in a minute.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

const TIMES: usize = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    List,
    Entity,
}

impl Sort {
    fn window_ms(self) -> i64 {
        match self {
            Self::List => 600_000,
            Self::Entity => 60_000,
        }
    }
}

/// When each key asked, as far back as it matters.
#[derive(Debug, Default)]
pub(in crate::ninjaone) struct Limits {
    asked: Mutex<HashMap<(String, Sort), VecDeque<i64>>>,
}

impl Limits {
    /// Counts a request; the seconds until it would be allowed where it is not. A refused one does not count.
    pub(super) fn take(&self, key: &str, sort: Sort, now: i64) -> Option<u64> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry((key.to_owned(), sort)).or_default();
        while times.front().is_some_and(|at| now - at >= sort.window_ms()) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= TIMES => {
                let left = first + sort.window_ms() - now;
                Some(u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1))
            }
            _ => {
                times.push_back(now);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_waits_until_the_first_is_ten_minutes_old() {
        let limits = Limits::default();
        for n in 0..10 {
            assert_eq!(limits.take("a", Sort::List, n * 1000), None);
        }
        assert_eq!(limits.take("a", Sort::List, 10_000), Some(590));
        assert_eq!(limits.take("b", Sort::List, 10_000), None);
        assert_eq!(limits.take("a", Sort::Entity, 10_000), None);
        assert_eq!(limits.take("a", Sort::List, 599_999), Some(1));
        assert_eq!(limits.take("a", Sort::List, 600_000), None);
        assert_eq!(limits.take("a", Sort::List, 600_000), Some(1));
    }
}
