//! A bridge: one source joined to one destination, with its settings.

use crate::id::{BridgeId, ConnectionId};
use crate::mapping::Mapping;
use crate::matching::MatchingRules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One source joined to one destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bridge {
    /// Our id.
    pub id: BridgeId,
    /// What people call it; unique.
    pub name: String,
    /// Where devices are read.
    pub source: ConnectionId,
    /// Where clients and assets are kept.
    pub destination: ConnectionId,
    /// The preset it started from.
    pub preset: String,
    /// How it works.
    pub settings: BridgeSettings,
    /// Counts changes of settings and human decisions. A plan names the generation it was made from.
    pub generation: i64,
    /// Why its schedule is paused, if it is. People may go on by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

/// How a bridge works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeSettings {
    /// Which rules match organizations to clients.
    pub matching: MatchingRules,
    /// What happens to organizations no rule and no person decided.
    #[serde(default)]
    pub new_organizations: NewOrganizations,
    /// Whether devices are imported at all. Off, clients alone are matched and created, and assets stay as they are.
    #[serde(default = "yes")]
    pub devices: bool,
    /// Which devices come at all.
    #[serde(default)]
    pub scope: Scope,
    /// The asset field that recognizes existing assets, besides serial, MAC and name. It must be mapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_match_field: Option<String>,
    /// How locations become sites.
    #[serde(default)]
    pub sites: SiteRule,
    /// How device roles become asset types.
    #[serde(default)]
    pub types: TypeRule,
    /// The field rules.
    pub mapping: Mapping,
    /// When assets of vanished devices are archived; `None` never.
    #[serde(default)]
    pub archive: Option<Archive>,
    /// What makes a plan stop and ask.
    #[serde(default)]
    pub brakes: Brakes,
}

fn yes() -> bool {
    true
}

/// What happens to organizations that nothing decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewOrganizations {
    /// They wait for a person.
    #[default]
    Ask,
    /// A client is created for each that resembles none.
    Create,
}

/// Which devices come. An empty list lets all through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Vendor classes, e.g. `WINDOWS_SERVER`.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Role ids.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Location ids.
    #[serde(default)]
    pub locations: Vec<String>,
    /// Tags; one of them is enough.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Approval states.
    #[serde(default = "approved_only")]
    pub approvals: Vec<String>,
}

fn approved_only() -> Vec<String> {
    vec!["APPROVED".to_owned()]
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            classes: vec![],
            roles: vec![],
            locations: vec![],
            tags: vec![],
            approvals: approved_only(),
        }
    }
}

/// How locations become sites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteRule {
    /// Assets get no site.
    #[default]
    None,
    /// A location is the client's site of the same name, created when missing.
    SameName,
}

/// How device roles become asset types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeRule {
    /// The group new asset types are created under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_group: Option<String>,
    /// Role id → name of the asset type, where it is not the role's own name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_role: BTreeMap<String, String>,
}

/// When the asset of a vanished device is archived. Both limits must be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Complete snapshots without the device.
    pub after_snapshots: u32,
    /// Days without the device.
    pub after_days: u32,
}

/// What makes a plan stop and ask a person: a share or a number that is passed, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brakes {
    /// Largest share of the linked assets one plan may archive, 0 to 1.
    pub archive_share: f64,
    /// Largest share of the linked assets one plan may change, 0 to 1.
    pub change_share: f64,
    /// Below this number of records the shares do not bind.
    pub at_least: u32,
    /// Most assets one plan may archive, however many are linked; `None` for no such limit.
    #[serde(default = "archive_most")]
    pub archive_most: Option<u32>,
    /// Most linked assets one plan may change; `None` for no such limit.
    #[serde(default = "change_most")]
    pub change_most: Option<u32>,
    /// Most assets one plan may create; `None` for no such limit.
    #[serde(default)]
    pub create_most: Option<u32>,
}

/// Also that of bridges made before there was such a limit: a twentieth of 20,000 assets is too many to be archived
/// without anybody looking.
#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn archive_most() -> Option<u32> {
    Some(100)
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn change_most() -> Option<u32> {
    Some(5_000)
}

impl Default for Brakes {
    fn default() -> Self {
        Self {
            archive_share: 0.05,
            change_share: 0.5,
            at_least: 10,
            archive_most: archive_most(),
            change_most: change_most(),
            create_most: None,
        }
    }
}
