//! What happened: the activity log, newest last.

use serde_json::Value;

use super::Estate;
use super::condition::{CONDITIONS, Condition};
use super::device::Device;
use super::population::EPOCH_MS;
use crate::dice::Dice;

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Activity {
    /// `id`, ascending with time.
    pub id: u64,
    /// `activityTime` in milliseconds.
    pub time: i64,
    /// `deviceId`; `None` for entries about the system or a user.
    pub device: Option<u32>,
    /// What it is about.
    pub what: What,
    /// `seriesUid`: shared by the entries of one alert or one job.
    pub series: Option<u128>,
    /// `userId`
    pub user: Option<u32>,
    /// `message`
    pub message: Box<str>,
    /// `subject`
    pub subject: Option<Box<str>>,
    /// `sourceName`
    pub source_name: Option<Box<str>>,
    /// `sourceConfigUid`
    pub source_uid: Option<u128>,
    /// `data`
    pub data: Option<Box<Value>>,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct What {
    /// `activityType`
    pub activity_type: &'static str,
    /// `type`: the same in words.
    pub type_text: &'static str,
    /// `statusCode`
    pub code: &'static str,
    /// `status`: the same in words.
    pub status: &'static str,
    /// `activityResult`
    pub result: Option<&'static str>,
    /// `severity`
    pub severity: Option<&'static str>,
    /// `priority`
    pub priority: Option<&'static str>,
}

impl What {
    /// A kind without result, severity and priority.
    pub const fn new(
        activity_type: &'static str,
        type_text: &'static str,
        code: &'static str,
        status: &'static str,
    ) -> Self {
        Self {
            activity_type,
            type_text,
            code,
            status,
            result: None,
            severity: None,
            priority: None,
        }
    }

    /// A condition's kind.
    pub fn of_condition(condition: &Condition, code: &'static str, status: &'static str) -> Self {
        Self {
            severity: Some(condition.severity),
            priority: Some(condition.priority),
            ..Self::new("CONDITION", "Condition", code, status)
        }
    }
}

/// A device was changed.
pub const NODE_UPDATED: What = What::new("SYSTEM", "System", "NODE_UPDATED", "Device Updated");
/// A device was added.
pub const NODE_CREATED: What = What::new("SYSTEM", "System", "NODE_CREATED", "Device Created");
/// A device was removed.
pub const NODE_DELETED: What = What::new("SYSTEM", "System", "NODE_DELETED", "Device Deleted");
/// An organization was changed.
pub const CLIENT_UPDATED: What = What::new("SYSTEM", "System", "CLIENT_UPDATED", "Organization Updated");
/// A device was restarted.
pub const REBOOTED: What = What::new("SYSTEM", "System", "SYSTEM_REBOOTED", "System Rebooted");
/// A ticket was created.
pub const TICKET_CREATED: What = What::new(
    "NINJA_TICKETING",
    "Ticketing",
    "NINJA_TICKETING_TICKET_CREATED",
    "Ticket Created",
);
/// A Windows service was started.
pub const SERVICE_STARTED: What = What::new(
    "MONITOR",
    "Monitor",
    "WINDOWS_SERVICE_STARTED",
    "Windows Service Started",
);
/// A Windows service was stopped.
pub const SERVICE_STOPPED: What = What::new(
    "MONITOR",
    "Monitor",
    "WINDOWS_SERVICE_STOPPED",
    "Windows Service Stopped",
);

const HISTORY: [(What, &str); 6] = [
    (
        What::new("MONITOR", "Monitor", "USER_LOGGED_IN", "User Logged In"),
        "User logged in",
    ),
    (
        What::new("MONITOR", "Monitor", "USER_LOGGED_OUT", "User Logged Out"),
        "User logged out",
    ),
    (
        What::new("MONITOR", "Monitor", "SOFTWARE_UPDATED", "Software Updated"),
        "Software 'Google Chrome' was updated",
    ),
    (
        What::new("MONITOR", "Monitor", "SOFTWARE_ADDED", "Software Added"),
        "Software '7-Zip' was added",
    ),
    (REBOOTED, "System was rebooted"),
    (
        What {
            result: Some("SUCCESS"),
            ..What::new(
                "PATCH_MANAGEMENT",
                "Patch Management",
                "PATCH_MANAGEMENT_SCAN_COMPLETED",
                "Patch scan completed",
            )
        },
        "OS patch scan completed",
    ),
];

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    entries: Vec<Activity>,
    next: u64,
}

impl Log {
    /// The log an estate starts with: a month of everyday entries.
    pub(super) fn of(seed: u64, devices: &[Device]) -> Self {
        let mut log = Self {
            entries: Vec::new(),
            next: 1000,
        };
        let mut dice = Dice::new(seed, 0x6c6f_6700);
        // Enough to page through, and no more: a large estate needs its memory for devices.
        let count = devices.len().min(50_000) as u64;
        let spacing = 30 * 86_400_000 / (count + 1);
        for place in 0..count {
            let device = &devices[dice.below(devices.len() as u64) as usize];
            let (what, message) = *dice.pick(&HISTORY);
            let time = EPOCH_MS - 30 * 86_400_000 + (place * spacing + dice.below(spacing.max(1))) as i64;
            log.push(time, Some(device.id), what, message.into());
        }
        log
    }

    /// Adds an entry; the caller may fill in more of it.
    pub fn push(&mut self, time: i64, device: Option<u32>, what: What, message: Box<str>) -> &mut Activity {
        // Ids have gaps: other tenants of the instance use the same sequence.
        self.next += 1 + self.next % 3;
        // An entry is never older than the one before it.
        let time = self.entries.last().map_or(time, |last| time.max(last.time));
        let at = self.entries.len();
        self.entries.push(Activity {
            id: self.next,
            time,
            device,
            what,
            series: None,
            user: None,
            message,
            subject: None,
            source_name: None,
            source_uid: None,
            data: None,
        });
        &mut self.entries[at]
    }

    /// Every entry, to be completed.
    pub(super) fn entries_mut(&mut self) -> &mut [Activity] {
        &mut self.entries
    }

    /// Every entry, oldest first.
    pub fn entries(&self) -> &[Activity] {
        &self.entries
    }
}

impl Estate {
    /// The activity log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The activity log, to add to.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The condition with this place, for what refers to one.
    pub fn condition(&self, place: u8) -> &'static Condition {
        &CONDITIONS[usize::from(place) % CONDITIONS.len()]
    }
}
