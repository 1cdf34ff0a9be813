//! What happens to a process at one of its crash points.

use crate::chance::Chance;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::crash::Point;

/// How a crash point is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// The process ends at once.
    Kill,
    /// The step fails.
    Error,
    /// It is held up, longer than a write may wait for its sending.
    Delay,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Error, Self::Delay];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Error => "error",
            Self::Delay => "delay",
        }
    }
}

/// At which point, the how many-th time it is passed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The point.
    pub at: Point,
    /// The first, second, … time it is passed.
    pub time: u64,
    /// What happens.
    pub how: Manner,
}

/// What a process says when it is struck; [`store::crash::point`] says it of errors.
fn tell(at: Point, how: Manner) {
    eprintln!("struck {}:{}", at.name(), how.name());
}

/// The strikes a process told of, in what it said.
pub fn told(words: &str) -> Vec<(Point, Manner)> {
    let told = words.lines().filter_map(|line| {
        let (name, how) = line.strip_prefix("struck ")?.split_once(':')?;
        let at = Point::ALL.iter().find(|point| point.name() == name)?;
        let how = Manner::ALL.iter().find(|manner| manner.name() == how)?;
        Some((*at, *how))
    });
    told.collect()
}

impl Strike {
    /// At `at` in this manner; points in the loop over records are passed often, so which time is left to chance when
    /// `often`.
    pub fn at(at: Point, how: Manner, often: bool, chance: &mut Chance) -> Self {
        let time = match often {
            true => 1 + chance.below(8),
            false => 1,
        };
        Self { at, time, how }
    }

    /// Makes it happen in this process.
    pub fn arm(self) {
        let Self { at, time, how } = self;
        let before = time.saturating_sub(1);
        let passed = AtomicU64::new(0);
        let armed = match how {
            Manner::Error => fail::cfg(at.name(), &format!("{before}*off->1*return->off")),
            Manner::Kill | Manner::Delay => fail::cfg_callback(at.name(), move || {
                if passed.fetch_add(1, Ordering::SeqCst) != before {
                    return;
                }
                tell(at, how);
                match how {
                    // Nothing is flushed and nobody is told, as with SIGKILL.
                    Manner::Kill => std::process::abort(),
                    _ => std::thread::sleep(Duration::from_millis(2 * crate::SEND_WITHIN_MS)),
                }
            }),
        };
        if let Err(error) = armed {
            eprintln!("{self} cannot be armed: {error}");
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.at.name(), self.time, self.how.name())
    }
}

impl FromStr for Strike {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not POINT:TIME:kill, :error or :delay");
        let mut parts = text.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let at = Point::ALL
            .iter()
            .find(|point| point.name() == name)
            .ok_or_else(wrong)?;
        let time = parts.next().and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
        let how = parts.next().unwrap_or_default();
        let how = Manner::ALL
            .iter()
            .find(|manner| manner.name() == how)
            .ok_or_else(wrong)?;
        Ok(Self {
            at: *at,
            time,
            how: *how,
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
            for how in Manner::ALL {
                let strike = Strike::at(*point, how, true, &mut chance);
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

    #[test]
    fn what_a_process_told_is_found_among_what_it_said() {
        let said = "warning: a lease\nstruck answered:kill\nstruck nowhere:kill\nstruck audited:error\n";
        assert_eq!(
            told(said),
            [(Point::Answered, Manner::Kill), (Point::Audited, Manner::Error)]
        );
    }
}
