//! One device, as little of it as must be remembered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kind::Kind;

/// Whether a technician let the device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Waiting; hidden from lists unless the filter asks for it.
    Pending,
    /// Let in.
    Approved,
    /// Taken out of service, kept for its history.
    Decommissioned,
}

impl Approval {
    /// The `approvalStatus`.
    pub fn name(self) -> &'static str {
        match self {
            Approval::Pending => "PENDING",
            Approval::Approved => "APPROVED",
            Approval::Decommissioned => "DECOMMISSIONED",
        }
    }
}

/// The parts an agent's document may lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// `system`
    pub system: bool,
    /// `os`
    pub os: bool,
    /// `memory` and `processors`
    pub processors: bool,
    /// `volumes`
    pub volumes: bool,
}

/// Warranty dates in epoch seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warranty {
    /// First day.
    pub start_date: Option<f64>,
    /// Last day.
    pub end_date: Option<f64>,
    /// When the manufacturer shipped it.
    pub manufacturer_fulfillment_date: Option<f64>,
}

/// A maintenance window.
#[derive(Clone, Debug, PartialEq)]
pub struct Maintenance {
    /// Milliseconds since the epoch.
    pub start: i64,
    /// Milliseconds since the epoch; `None` until it is ended by hand.
    pub end: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// What is switched off: ALERTS, PATCHING, AVSCANS, TASKS.
    pub disabled: Vec<String>,
}

/// A device. Everything not here is derived from `seed` whenever a document is written, so that 200,000 of them fit
/// into little memory.
#[derive(Clone, Debug)]
pub struct Device {
    /// `id`
    pub id: u32,
    /// Where the derived values come from.
    pub seed: u64,
    /// Where the serial numbers come from: another device's seed for a duplicate.
    pub serial_seed: u64,
    /// What it is.
    pub kind: Kind,
    /// `approvalStatus`
    pub approval: Approval,
    /// `offline`
    pub offline: bool,
    /// Missing parts.
    pub lacks: Lacks,
    /// `organizationId`
    pub organization: u32,
    /// `locationId`
    pub location: u32,
    /// `nodeRoleId`
    pub role: u32,
    /// `policyId`: an override of the role's policy.
    pub policy: Option<u32>,
    /// `parentDeviceId`: a guest's host.
    pub parent: Option<u32>,
    /// The end user it was assigned to, by id.
    pub owner: Option<u32>,
    /// `created`, in milliseconds since the epoch, like the next two.
    pub created: i64,
    /// `lastContact`
    pub last_contact: i64,
    /// `lastUpdate`
    pub last_update: i64,
    /// The host name.
    pub system_name: Box<str>,
    /// The name a technician gave it.
    pub display_name: Option<Box<str>>,
    /// Memory in GiB.
    pub memory_gib: u16,
    /// How many operating-system updates it is ahead of its image.
    pub os_updates: u8,
    /// `references.warranty`
    pub warranty: Option<Warranty>,
    /// Tag ids.
    pub tags: Vec<u32>,
    /// `userData`
    pub user_data: Option<Box<Map<String, Value>>>,
    /// `maintenance`
    pub maintenance: Option<Box<Maintenance>>,
}

impl Device {
    /// What a technician sees: the given name, else the host name.
    pub fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.system_name)
    }

    /// `uid`
    pub fn uid(&self) -> u128 {
        crate::dice::uuid_bits(self.seed, 0x0075_6964)
    }
}
