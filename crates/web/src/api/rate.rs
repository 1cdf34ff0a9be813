//! How often one caller may ask: so many requests a minute, some of them at once. Counted by each process for itself.

use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Callers that are remembered before those who have not asked for long are forgotten.
const REMEMBERED: usize = 1_000;

/// What each caller has left.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<String, Left>>);

#[derive(Clone, Copy, Debug)]
struct Left {
    requests: f64,
    at: Timestamp,
}

impl Rates {
    /// Requests a minute.
    pub const A_MINUTE: u32 = 600;
    /// Requests at once, after a pause.
    pub const AT_ONCE: u32 = 120;

    /// Takes one request from what `caller` has left.
    ///
    /// # Errors
    /// When nothing is left: the seconds until something is.
    pub fn take(&self, caller: &str, now: Timestamp) -> Result<(), u64> {
        let most = f64::from(Self::AT_ONCE);
        let a_second = f64::from(Self::A_MINUTE) / 60.0;
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |left: &Left| {
            // A clock that was set back gives nothing and takes nothing.
            let passed = now.duration_since(left.at).as_secs_f64().max(0.0);
            (left.requests + passed * a_second).min(most)
        };
        if callers.len() >= REMEMBERED && !callers.contains_key(caller) {
            callers.retain(|_, left| refilled(left) < most);
        }
        let requests = callers.get(caller).map_or(most, refilled);
        if requests < 1.0 {
            return Err(((1.0 - requests) / a_second).ceil().max(1.0) as u64);
        }
        let left = Left {
            requests: requests - 1.0,
            at: now,
        };
        callers.insert(caller.to_owned(), left);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn a_caller_who_asks_too_often_waits_and_others_do_not() {
        let rates = Rates::default();
        let start = Timestamp::UNIX_EPOCH;
        for _ in 0..Rates::AT_ONCE {
            assert_eq!(rates.take("key:a", start), Ok(()));
        }
        assert_eq!(rates.take("key:a", start), Err(1));
        assert_eq!(rates.take("key:b", start), Ok(()));
        let later = start + SignedDuration::from_secs(1);
        for _ in 0..Rates::A_MINUTE / 60 {
            assert_eq!(rates.take("key:a", later), Ok(()));
        }
        assert_eq!(rates.take("key:a", later), Err(1));
        assert_eq!(rates.take("key:a", start), Err(1));
    }

    #[test]
    fn who_has_not_asked_for_long_is_forgotten() {
        let rates = Rates::default();
        for n in 0..REMEMBERED {
            let _ = rates.take(&n.to_string(), Timestamp::UNIX_EPOCH);
        }
        let _ = rates.take("new", Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1));
        assert_eq!(rates.0.lock().unwrap().len(), 1);
    }
}
