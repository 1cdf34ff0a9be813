//! Randomness that repeats.

use model::Random;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts its calls and fills with the count: never the same twice, always the same again. The count stands at the
/// end, most significant byte first, so that ids made of it ascend while the clock stands still.
#[derive(Debug, Default)]
pub struct CountingRandom(AtomicU64);

impl CountingRandom {
    /// One whose first count is the next after `count`.
    pub fn counting_from(count: u64) -> Self {
        Self(AtomicU64::new(count))
    }
}

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        bytes.fill(0);
        for (byte, digit) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = digit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FixedClock;
    use model::{Ids, TimeOrderedIds};
    use std::sync::Arc;

    #[test]
    fn two_of_them_say_the_same_and_one_never_the_same_twice() {
        let (a, b) = (CountingRandom::default(), CountingRandom::default());
        let next = |random: &CountingRandom| {
            let mut bytes = [0xff_u8; 24];
            random.fill(&mut bytes);
            bytes
        };
        let first = next(&a);
        assert_eq!(first, next(&b));
        let second = next(&a);
        assert_ne!(first, second);
        assert_eq!(second, next(&b));
    }

    #[test]
    fn ids_ascend_while_the_clock_stands_still() {
        let ids = TimeOrderedIds::new(
            Arc::new(FixedClock::default()),
            Arc::new(CountingRandom::default()),
        );
        let made: Vec<_> = (0..1000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
    }
}
