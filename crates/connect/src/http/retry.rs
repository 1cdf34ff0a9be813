//! When to try again: exponential backoff with jitter, and `Retry-After` where the vendor sends one.

use ::http::HeaderMap;
use ::http::header::RETRY_AFTER;
use jiff::Timestamp;
use std::time::Duration;

/// The longest single wait, whatever a vendor asks for.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest all waits of one request may take together.
const TOTAL: Duration = Duration::from_secs(600);

/// The tries of one request.
pub(super) struct Tries {
    base: Duration,
    left: u32,
    made: u32,
    waited: Duration,
    seed: u64,
}

impl Tries {
    /// Up to `retries` more tries after the first; `seed` spreads the waits of different requests.
    pub(super) fn new(retries: u32, base: Duration, seed: u64) -> Self {
        Self {
            base,
            left: retries,
            made: 0,
            waited: Duration::ZERO,
            seed,
        }
    }

    /// How many tries were repeated so far.
    pub(super) fn repeated(&self) -> u32 {
        self.made
    }

    /// How long to wait before the next try, at least as long as `asked`; `None` when there is none.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let full = self.base.saturating_mul(1 << self.made.min(20)).min(LONGEST);
        let jitter = self.jitter();
        let wait = match asked {
            // Never earlier than asked; a little later, so that those throttled together do not return together.
            Some(asked) => {
                asked.min(LONGEST).max(full / 2) + full.min(Duration::from_secs(1)).mul_f64(jitter / 2.0)
            }
            None => full / 2 + (full / 2).mul_f64(jitter),
        };
        self.made += 1;
        self.waited += wait;
        (self.waited <= TOTAL).then_some(wait)
    }

    /// Waits for the next try; false when there is none.
    pub(super) async fn again(&mut self, asked: Option<Duration>) -> bool {
        match self.next(asked) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }

    /// The next number in [0, 1) of a splitmix64 sequence: spread, not secrecy.
    fn jitter(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// How long the vendor asks to wait, at most five minutes: seconds or an HTTP date (RFC 9110 §10.2.3). Negative,
/// past and unreadable values count as absent.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let until = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .ok()?;
            until.duration_since(now).as_secs_f64()
        }
    };
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, "2026-10-21T07:28:00Z".parse().unwrap())
    }

    #[test]
    fn retry_after_is_read_and_capped() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(
            asked("Wed, 21 Oct 2026 07:28:10 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(asked("Wed, 21 Oct 2099 07:28:10 GMT"), Some(LONGEST));
        for absurd in ["99999999999999999999", "1e308", "inf"] {
            assert_eq!(asked(absurd), Some(LONGEST), "{absurd}");
        }
        for nothing in [
            "-5",
            "0",
            "NaN",
            "-inf",
            "soon",
            "",
            "Wed, 21 Oct 2020 07:28:10 GMT",
        ] {
            assert_eq!(asked(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn waits_double_within_their_jitter_and_end() {
        let mut tries = Tries::new(5, Duration::from_millis(500), 7);
        for full in [500, 1000, 2000, 4000, 8000] {
            let wait = tries.next(None).unwrap();
            assert!(
                (full / 2..=full).contains(&wait.as_millis()),
                "{wait:?} of {full}"
            );
        }
        assert_eq!(tries.next(None), None);
    }

    #[test]
    fn all_waits_together_stay_within_ten_minutes() {
        let mut tries = Tries::new(100, Duration::from_millis(500), 7);
        let mut total = Duration::ZERO;
        while let Some(wait) = tries.next(Some(Duration::from_secs(3600))) {
            assert!(wait >= LONGEST);
            total += wait;
        }
        assert!(total <= TOTAL && total >= LONGEST, "{total:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_as_long_as_asked() {
        let start = tokio::time::Instant::now();
        assert!(
            Tries::new(1, Duration::from_millis(500), 1)
                .again(Some(Duration::from_secs(90)))
                .await
        );
        assert!((90..=91).contains(&start.elapsed().as_secs()));
    }
}
