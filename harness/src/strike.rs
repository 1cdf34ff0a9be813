//! What happens to a process at one of its crash points.

use crate::chance::Chance;
use engine::crash::Point;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The process ends at once.
    Kill,
    /// The step fails.
    Error,
    /// It is held up for so many milliseconds.
    Delay(u64),
}

/// At which point, the how many-th time, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The name of the point.
    pub at: &'static str,
    /// The first, second, … time it is passed.
    pub time: u64,
    /// What happens.
    pub how: How,
}

impl Strike {
    /// One for `point`, with time and manner by chance.
    pub fn by_chance(point: Point, chance: &mut Chance) -> Self {
        // Points in the loop over records are passed often, the others once.
        let time = 1 + chance.below(8) * chance.below(2);
        let how = match chance.below(4) {
            0 => How::Error,
            // Longer than a write may wait for its sending.
            1 => How::Delay(2 * crate::SEND_WITHIN_MS),
            _ => How::Kill,
        };
        Self {
            at: point.name(),
            time,
            how,
        }
    }

    /// Makes it happen in this process.
    pub fn arm(&self) {
        let before = self.time.saturating_sub(1);
        let armed = match self.how {
            How::Kill => {
                let passed = AtomicU64::new(0);
                fail::cfg_callback(self.at, move || {
                    if passed.fetch_add(1, Ordering::SeqCst) == before {
                        // Nothing is flushed and nobody is told, as with SIGKILL.
                        std::process::abort();
                    }
                })
            }
            How::Error => fail::cfg(self.at, &format!("{before}*off->1*return->off")),
            How::Delay(ms) => fail::cfg(self.at, &format!("{before}*off->1*sleep({ms})->off")),
        };
        if let Err(error) = armed {
            eprintln!("{self} cannot be armed: {error}");
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.at, self.time)?;
        match self.how {
            How::Kill => f.write_str("kill"),
            How::Error => f.write_str("error"),
            How::Delay(ms) => write!(f, "delay={ms}"),
        }
    }
}

impl FromStr for Strike {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not POINT:TIME:kill, :error or :delay=MS");
        let mut parts = text.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let point = Point::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(wrong)?;
        let time = parts.next().and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
        let how = match parts.next() {
            Some("kill") => How::Kill,
            Some("error") => How::Error,
            Some(delay) => {
                let ms = delay.strip_prefix("delay=").and_then(|ms| ms.parse().ok());
                How::Delay(ms.ok_or_else(wrong)?)
            }
            None => return Err(wrong()),
        };
        Ok(Self {
            at: point.name(),
            time,
            how,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strike_is_read_as_it_is_written() {
        let mut chance = Chance::new(7);
        for point in Point::ALL {
            for _ in 0..20 {
                let strike = Strike::by_chance(point, &mut chance);
                assert_eq!(strike.to_string().parse::<Strike>().unwrap(), strike);
            }
        }
        for text in [
            "",
            "answered",
            "answered:x:kill",
            "nowhere:1:kill",
            "answered:1:maim",
        ] {
            assert!(text.parse::<Strike>().is_err(), "{text}");
        }
    }
}
