//! `expand=`: which references a device carries (not in the published document).

use super::Params;

/// The references asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expand {
    pub asked: bool,
    pub organization: bool,
    pub location: bool,
    pub role_policy: bool,
    pub policy: bool,
    pub role: bool,
    pub backup_usage: bool,
    pub warranty: bool,
    pub assigned_owner: bool,
    pub backup_throttle: bool,
}

impl Expand {
    /// Reads the comma list; unknown names are ignored like unknown parameters.
    pub fn of(params: &Params) -> Self {
        let mut expand = Self::default();
        for name in params.list("expand") {
            expand.asked = true;
            match name {
                "organization" => expand.organization = true,
                "location" => expand.location = true,
                "rolePolicy" => expand.role_policy = true,
                "policy" => expand.policy = true,
                "role" => expand.role = true,
                "backupUsage" => expand.backup_usage = true,
                "warranty" => expand.warranty = true,
                "assignedOwner" => expand.assigned_owner = true,
                "backupBandwidthThrottle" => expand.backup_throttle = true,
                _ => {}
            }
        }
        expand
    }
}
