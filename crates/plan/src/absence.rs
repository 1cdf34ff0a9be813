//! How long a device has been gone, and when that is long enough to archive its asset.

use jiff::Timestamp;
use model::Archive;

/// The absence of one device, measured by the bridge's rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absence {
    snapshots: u32,
    days: u32,
    rule: Option<Archive>,
}

impl Absence {
    /// Gone since `since`, in `snapshots` complete snapshots in a row. A clock that was set back gives no days.
    pub fn new(since: Timestamp, now: Timestamp, snapshots: u32, rule: Option<Archive>) -> Self {
        let seconds = now.as_second() - since.as_second();
        let days = u32::try_from(seconds.max(0) / 86_400).unwrap_or(u32::MAX);
        Self {
            snapshots,
            days,
            rule,
        }
    }

    /// Whether the asset is to be archived: both limits are passed.
    pub fn is_over(&self) -> bool {
        self.rule
            .is_some_and(|rule| self.snapshots >= rule.after_snapshots && self.days >= rule.after_days)
    }

    /// How far it is.
    pub fn reason(&self) -> String {
        let Self {
            snapshots,
            days,
            rule,
        } = *self;
        match rule {
            None => format!(
                "absent for {} and {}; this bridge archives nothing",
                reads(snapshots),
                in_days(days)
            ),
            Some(rule) if self.is_over() => format!(
                "absent for {} and {}; this bridge archives from {} and {} on",
                reads(snapshots),
                in_days(days),
                reads(rule.after_snapshots),
                in_days(rule.after_days)
            ),
            Some(rule) => {
                format!(
                    "absent in {snapshots} of {} reads, {days} of {} days",
                    rule.after_snapshots, rule.after_days
                )
            }
        }
    }
}

fn reads(n: u32) -> String {
    if n == 1 {
        "1 read".to_owned()
    } else {
        format!("{n} reads")
    }
}

fn in_days(n: u32) -> String {
    if n == 1 {
        "1 day".to_owned()
    } else {
        format!("{n} days")
    }
}
