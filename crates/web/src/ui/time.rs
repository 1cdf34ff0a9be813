//! Times as people say them.

use jiff::{SignedDuration, Timestamp};
use std::fmt::Display;

/// A moment, drawn by `parts::when`: how long ago or ahead, with the exact time behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// For `<time datetime>`.
    pub exact: String,
    /// For the tool tip.
    pub full: String,
    /// As people say it.
    pub said: String,
}

impl When {
    /// `at`, seen from `now`.
    pub fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            full: at.strftime("%-d %b %Y, %H:%M:%S UTC").to_string(),
            said: said(at, now),
        }
    }
}

fn said(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_until(now);
    let past = away >= SignedDuration::ZERO;
    let seconds = away.abs().as_secs();
    let amount = match seconds {
        0..=44 if past => return "just now".to_owned(),
        0..=44 => return "in a moment".to_owned(),
        45..=3_569 => format!("{} min", (seconds + 30) / 60),
        3_570..=84_599 => format!("{} h", (seconds + 1_800) / 3_600),
        84_600..=2_591_999 => match (seconds + 43_200) / 86_400 {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        },
        _ => return at.strftime("%-d %b %Y").to_string(),
    };
    if past {
        format!("{amount} ago")
    } else {
        format!("in {amount}")
    }
}

/// How long something took or takes.
pub fn lasting(time: SignedDuration) -> String {
    let millis = time.as_millis().max(0);
    let seconds = time.as_secs().max(0);
    match seconds {
        0..=9 => format!("{}.{} s", seconds, millis % 1_000 / 100),
        10..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A count with a thin space between thousands.
pub fn count(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A size as people say it.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_as_people_say_them() {
        let now = Timestamp::constant(1_768_467_600, 0);
        let ago = |seconds: i64| said(now - SignedDuration::from_secs(seconds), now);
        assert_eq!(ago(3), "just now");
        assert_eq!(ago(-3), "in a moment");
        assert_eq!(ago(61), "1 min ago");
        assert_eq!(ago(-3_600), "in 1 h");
        assert_eq!(ago(86_400), "1 day ago");
        assert_eq!(ago(3 * 86_400), "3 days ago");
        assert_eq!(ago(60 * 86_400), "16 Nov 2025");
    }

    #[test]
    fn lasting_times_and_counts_are_short() {
        assert_eq!(lasting(SignedDuration::from_millis(1_270)), "1.2 s");
        assert_eq!(lasting(SignedDuration::from_secs(95)), "1 min 35 s");
        assert_eq!(lasting(SignedDuration::from_secs(7_260)), "2 h 01 min");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
    }
}
