//! Conditions, and the alerts they raise. Texts as seen live where any were published.

use serde_json::{Value, json};

use super::Estate;
use super::activity::What;
use super::device::Device;
use super::kind::Kind;
use super::population::EPOCH_MS;
use crate::dice::{Dice, uuid_bits};

/// A condition of a policy.
#[derive(Debug)]
pub struct Condition {
    /// `sourceType`
    pub source: &'static str,
    /// `sourceName`, also the condition's name.
    pub name: &'static str,
    /// `message`
    pub message: &'static str,
    /// `data.message.code`
    pub code: &'static str,
    /// `subject`
    pub subject: &'static str,
    /// NONE, MINOR, MODERATE, MAJOR or CRITICAL.
    pub severity: &'static str,
    /// NONE, LOW, MEDIUM or HIGH.
    pub priority: &'static str,
    /// The kinds of device it watches.
    watches: Watches,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Watches {
    Agents,
    Windows,
    Network,
    Hosts,
}

/// The conditions there are. The custom-field one is raised by a field's value, not by chance.
pub static CONDITIONS: [Condition; 8] = [
    Condition {
        source: "CONDITION_AGENT_MEMORY",
        name: "Memory above 80 %",
        message: "Memory Utilization is greater than or equal to 80% for 5 minutes",
        code: "vmm_cond_memory_usage_ge",
        subject: "Memory",
        severity: "MODERATE",
        priority: "MEDIUM",
        watches: Watches::Agents,
    },
    Condition {
        source: "CONDITION_WINDOWS_EVENT_LOG_TRIGGERED",
        name: "Unexpected shutdown",
        message: "EventId: 41, EventTime: 2026-11-01T22:14:03Z, Source: Microsoft-Windows-Kernel-Power, \
                  Message: The system has rebooted without cleanly shutting down first.",
        code: "agent_cond_eventlog2",
        subject: "41",
        severity: "MAJOR",
        priority: "HIGH",
        watches: Watches::Windows,
    },
    Condition {
        source: "CONDITION_AGENT_DISK_FREE_SPACE",
        name: "Little disk space",
        message: "Disk volume 'C:' free space is less than 10%",
        code: "agent_cond_disk_free_space_lt",
        subject: "C:",
        severity: "MAJOR",
        priority: "MEDIUM",
        watches: Watches::Agents,
    },
    Condition {
        source: "AGENT_OFFLINE",
        name: "Device offline",
        message: "Device has been offline for more than 30 minutes",
        code: "agent_offline",
        subject: "Offline",
        severity: "CRITICAL",
        priority: "HIGH",
        watches: Watches::Agents,
    },
    Condition {
        source: "CONDITION_WINDOWS_SERVICE_STATE_CHANGED",
        name: "Print spooler stopped",
        message: "Windows Service 'Spooler' is stopped",
        code: "agent_cond_win_service_stopped",
        subject: "Spooler",
        severity: "MINOR",
        priority: "LOW",
        watches: Watches::Windows,
    },
    Condition {
        source: "CONDITION_PENDING_REBOOT",
        name: "Reboot pending",
        message: "Device has a pending reboot",
        code: "agent_cond_pending_reboot",
        subject: "Reboot",
        severity: "NONE",
        priority: "NONE",
        watches: Watches::Agents,
    },
    Condition {
        source: "CONDITION_PING",
        name: "No answer to ping",
        message: "Host is not responding to ping",
        code: "nms_cond_ping_down",
        subject: "Ping",
        severity: "CRITICAL",
        priority: "HIGH",
        watches: Watches::Network,
    },
    Condition {
        source: "CONDITION_VM_HOST_DATASTORE",
        name: "Datastore nearly full",
        message: "Datastore 'datastore1' free space is less than 5%",
        code: "vmm_cond_datastore_free_lt",
        subject: "datastore1",
        severity: "MAJOR",
        priority: "HIGH",
        watches: Watches::Hosts,
    },
];

impl Condition {
    /// `sourceConfigUid`
    pub fn uid(&self) -> u128 {
        let letters = self
            .code
            .bytes()
            .fold(0, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte));
        uuid_bits(letters, 0x636f_6e64)
    }

    /// `data`
    pub fn data(&self) -> Value {
        json!({ "message": { "code": self.code, "params": {} } })
    }

    fn suits(&self, device: &Device) -> bool {
        match self.watches {
            Watches::Agents => device.kind.is_agent(),
            Watches::Windows => device.kind.is_windows(),
            Watches::Network => device.kind.is_network_target() || device.kind == Kind::CloudPing,
            Watches::Hosts => device.kind == Kind::VmwareHost,
        }
    }
}

/// A condition that is met on a device: an alert, until it is reset.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `uid`, also the `seriesUid` of its activities.
    pub uid: u128,
    /// `deviceId`
    pub device: u32,
    /// Its condition's place in [`CONDITIONS`].
    pub condition: u8,
    /// `createTime` in milliseconds.
    pub created: i64,
}

impl Estate {
    /// The alerts an estate starts with: on about one device in fifteen, offline ones have theirs.
    pub(super) fn raise_first_alerts(&mut self) {
        let mut dice = Dice::new(self.seed, 0x616c_6572);
        let mut due: Vec<(i64, u32, u8)> = Vec::new();
        for device in &self.devices {
            if !dice.chance(65) {
                continue;
            }
            let suiting: Vec<u8> = (0..CONDITIONS.len() as u8)
                .filter(|&place| {
                    let condition = &CONDITIONS[usize::from(place)];
                    condition.suits(device) && (condition.source != "AGENT_OFFLINE" || device.offline)
                })
                .collect();
            if !suiting.is_empty() {
                let time = EPOCH_MS - dice.below(5 * 86_400_000) as i64;
                due.push((time, device.id, *dice.pick(&suiting)));
            }
        }
        due.sort_unstable();
        for (time, device, condition) in due {
            self.raise_alert(device, condition, time);
        }
    }

    /// Lets a condition be met on a device: an alert and its activity. `time` is in milliseconds. Returns the alert's
    /// `uid`.
    pub fn raise_alert(&mut self, device: u32, condition: u8, time: i64) -> u128 {
        self.raised += 1;
        let uid = uuid_bits(self.seed, 0x616c_0000_0000 + self.raised);
        self.alerts.push(Alert {
            uid,
            device,
            condition,
            created: time,
        });
        self.note_alert(uid, device, condition, time, "TRIGGERED", "Triggered", None);
        uid
    }

    /// Ends an alert and notes who did it; the alert, if there was one of this `uid`.
    pub fn reset_alert(
        &mut self,
        uid: u128,
        user: Option<u32>,
        time: i64,
        data: Option<Value>,
    ) -> Option<Alert> {
        let place = self.alerts.iter().position(|alert| alert.uid == uid)?;
        let alert = self.alerts.remove(place);
        let at = self.log().entries().len();
        self.note_alert(uid, alert.device, alert.condition, time, "RESET", "Reset", data);
        if let Some(entry) = self.log.entries_mut().get_mut(at) {
            entry.user = user;
        }
        Some(alert)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one log entry")]
    fn note_alert(
        &mut self,
        uid: u128,
        device: u32,
        condition: u8,
        time: i64,
        code: &'static str,
        status: &'static str,
        data: Option<Value>,
    ) {
        let condition = self.condition(condition);
        let entry = self.log.push(
            time,
            Some(device),
            What::of_condition(condition, code, status),
            condition.message.into(),
        );
        entry.series = Some(uid);
        entry.subject = Some(condition.subject.into());
        entry.source_name = Some(condition.name.into());
        entry.source_uid = Some(condition.uid());
        entry.data = Some(Box::new(data.unwrap_or_else(|| condition.data())));
    }

    /// The alerts that are not reset, oldest first.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// The alerts of one device.
    pub fn alerts_of(&self, device: u32) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(move |alert| alert.device == device)
    }
}
