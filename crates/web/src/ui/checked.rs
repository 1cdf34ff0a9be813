//! What a check found, point by point; `templates/checked.html` shows it.

use super::Tone;
use engine::{CheckPoint, Verdict};

/// What a check found.
pub struct Checked {
    /// Its points.
    pub points: Vec<Point>,
    /// How it is meant.
    pub tone: Tone,
    /// The whole of it in a sentence.
    pub said: String,
}

/// One point of it.
pub struct Point {
    /// What was checked.
    pub point: String,
    /// The icon's name.
    pub icon: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// The verdict in a word.
    pub said: &'static str,
    /// What was answered, and what to do.
    pub detail: String,
}

impl Checked {
    /// A check that could not be made.
    pub fn failed(why: String) -> Self {
        Self {
            points: Vec::new(),
            tone: Tone::Bad,
            said: why,
        }
    }
}

impl From<Vec<CheckPoint>> for Checked {
    fn from(points: Vec<CheckPoint>) -> Self {
        let failed = points.iter().filter(|p| p.verdict == Verdict::Failed).count();
        let (tone, said) = match failed {
            0 => (Tone::Good, "Every point is as it should be.".to_owned()),
            1 => (Tone::Bad, "One point is not as it should be.".to_owned()),
            n => (Tone::Bad, format!("{n} points are not as they should be.")),
        };
        let points = points.into_iter().map(|point| {
            let (icon, tone, said) = match point.verdict {
                Verdict::Passed => ("check", Tone::Good, "Passed"),
                Verdict::Failed => ("cross", Tone::Bad, "Failed"),
                Verdict::NotTried => ("dash", Tone::Plain, "Not tried"),
            };
            Point {
                point: point.point,
                icon,
                tone,
                said,
                detail: point.detail,
            }
        });
        Self {
            points: points.collect(),
            tone,
            said,
        }
    }
}
