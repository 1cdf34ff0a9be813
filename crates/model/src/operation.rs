//! What a plan is made of. An operation holds everything the executor needs: it makes no choices.

use crate::cause::Cause;
use crate::destination::{AssetDraft, AssetTypeDraft, ClientDraft, RecordKind, SiteDraft};
use crate::id::{PlanId, RecordId, SourceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A client that exists, or one that the same plan creates for an organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientTarget {
    /// It exists.
    Existing(RecordId),
    /// The client this organization's link will point to once its operation has run.
    Of(SourceId),
}

/// A site that exists, or one that the same plan creates for a location.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteTarget {
    /// It exists.
    Existing(RecordId),
    /// The site this location's link will point to once its operation has run.
    Of(SourceId),
}

/// An asset type that exists, or one that the same plan creates for a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeTarget {
    /// It exists.
    Existing(RecordId),
    /// The type this role's link will point to once its operation has run.
    Of(SourceId),
}

/// One field: what stands there now and what will.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Key of the field.
    pub field: String,
    /// The value the plan was made against; null when blank. At the moment of writing it must still stand.
    pub before: Value,
    /// The value to write; null empties the field.
    pub after: Value,
}

/// Which source record an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// What it becomes in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source_id: SourceId,
    /// What people call it.
    pub label: String,
}

/// Why an operation is in the plan, in words a technician understands.
pub type Reason = String;

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Create a client for an organization.
    CreateClient(ClientDraft),
    /// Create a site for a location.
    CreateSite(SiteDraft),
    /// Create an asset type for a role.
    CreateAssetType(AssetTypeDraft),
    /// Create an asset for a device.
    CreateAsset(AssetDraft),
    /// Remember that a source record is this destination record; for assets, also write what differs.
    Link {
        /// The destination record.
        record: RecordId,
        /// Fields to write while adopting it.
        changes: Vec<Change>,
        /// What stood before; missing in plans of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<LinkBefore>,
    },
    /// Write fields of a linked asset, and move it when its device changed organization, location or role.
    UpdateAsset {
        /// The asset.
        asset: RecordId,
        /// Fields to write.
        changes: Vec<Change>,
        /// Where it goes, when it does not stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moved: Option<Move>,
    },
    /// Archive the asset of a vanished device.
    ArchiveAsset {
        /// The asset.
        asset: RecordId,
    },
    /// Take an asset out of the archive, and remember that its device is it.
    RestoreAsset {
        /// The asset.
        asset: RecordId,
    },
    /// Forget that a source record is this destination record; for assets, also put back what was written.
    Unlink {
        /// The destination record.
        record: RecordId,
        /// Fields to put back.
        changes: Vec<Change>,
        /// What stands again afterwards; without it no link stands and the stored source id stays as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        back: Option<LinkBefore>,
    },
    /// A person has to decide; nothing is written.
    Review {
        /// Fields in dispute, if it is about fields.
        changes: Vec<Change>,
    },
    /// Nothing is written, and the reason says why.
    Skip,
}

/// Where a linked asset goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Another client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientTarget>,
    /// Another site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteTarget>,
    /// Another asset type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_type: Option<TypeTarget>,
    /// It stands at no site afterwards; only where `site` names none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves_site: bool,
    /// Where it stood when the plan was made; missing in plans of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Place>,
}

/// Where an asset stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its client.
    pub client: RecordId,
    /// Its site.
    pub site: Option<RecordId>,
    /// Its type.
    pub asset_type: Option<RecordId>,
}

/// What a link and its record were before an operation linked them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkBefore {
    /// The destination record the source record was linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
    /// The source id the asset stored; null for none.
    #[serde(default)]
    pub source_id: Option<String>,
}

impl Action {
    /// Whether it changes the destination or our links.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Review { .. } | Self::Skip)
    }

    /// The fields it writes, or asks about.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Link { changes, .. }
            | Self::UpdateAsset { changes, .. }
            | Self::Unlink { changes, .. }
            | Self::Review { changes } => changes,
            _ => &[],
        }
    }

    /// The stored names of all actions.
    pub const NAMES: [&str; 11] = [
        "create_client",
        "create_site",
        "create_asset_type",
        "create_asset",
        "link",
        "update_asset",
        "archive_asset",
        "restore_asset",
        "unlink",
        "review",
        "skip",
    ];

    /// The stored name of the action; one of [`Action::NAMES`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateClient(_) => "create_client",
            Self::CreateSite(_) => "create_site",
            Self::CreateAssetType(_) => "create_asset_type",
            Self::CreateAsset(_) => "create_asset",
            Self::Link { .. } => "link",
            Self::UpdateAsset { .. } => "update_asset",
            Self::ArchiveAsset { .. } => "archive_asset",
            Self::RestoreAsset { .. } => "restore_asset",
            Self::Unlink { .. } => "unlink",
            Self::Review { .. } => "review",
            Self::Skip => "skip",
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its place in the plan, from 1. Operations run in this order.
    pub number: u32,
    /// The name of the client it belongs to; empty for what belongs to none.
    pub client_label: String,
    /// The source record it is about.
    pub subject: Subject,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Why it writes nothing, for programs; missing where it writes, and in plans of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The match this operation stands on, where it is not linked yet: without it the operation does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_match: Option<MatchNeeded>,
    /// In the plan of an undo: the number of the operation that is taken back, in the plan of the run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u32>,
}

/// A match that another operation of the same plan makes a link of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchNeeded {
    /// The organization.
    pub organization: SourceId,
    /// The client it must be linked to; `None` for one the plan creates.
    pub client: Option<RecordId>,
}

/// How many of each a plan holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanCounts {
    /// Clients to create.
    pub create_clients: u32,
    /// Sites to create.
    pub create_sites: u32,
    /// Asset types to create.
    pub create_asset_types: u32,
    /// Assets to create.
    pub create_assets: u32,
    /// Records to link to existing ones.
    pub links: u32,
    /// Assets to update.
    pub updates: u32,
    /// Assets to archive.
    pub archives: u32,
    /// Assets to take out of the archive.
    pub restores: u32,
    /// Links to take back.
    pub unlinks: u32,
    /// Questions for a person.
    pub reviews: u32,
    /// Records left alone for a reason.
    pub skips: u32,
    /// Assets that are as they should be.
    pub unchanged: u32,
}

impl PlanCounts {
    /// Counts one operation.
    pub fn add(&mut self, action: &Action) {
        let counter = match action {
            Action::CreateClient(_) => &mut self.create_clients,
            Action::CreateSite(_) => &mut self.create_sites,
            Action::CreateAssetType(_) => &mut self.create_asset_types,
            Action::CreateAsset(_) => &mut self.create_assets,
            Action::Link { .. } => &mut self.links,
            Action::UpdateAsset { .. } => &mut self.updates,
            Action::ArchiveAsset { .. } => &mut self.archives,
            Action::RestoreAsset { .. } => &mut self.restores,
            Action::Unlink { .. } => &mut self.unlinks,
            Action::Review { .. } => &mut self.reviews,
            Action::Skip => &mut self.skips,
        };
        *counter += 1;
    }

    /// How many there are of the action of that name; none of a name that is no action's.
    pub fn of(&self, action: &str) -> u32 {
        match action {
            "create_client" => self.create_clients,
            "create_site" => self.create_sites,
            "create_asset_type" => self.create_asset_types,
            "create_asset" => self.create_assets,
            "link" => self.links,
            "update_asset" => self.updates,
            "archive_asset" => self.archives,
            "restore_asset" => self.restores,
            "unlink" => self.unlinks,
            "review" => self.reviews,
            "skip" => self.skips,
            _ => 0,
        }
    }

    /// Operations that write.
    pub fn writes(&self) -> u32 {
        self.create_clients
            + self.create_sites
            + self.create_asset_types
            + self.create_assets
            + self.links
            + self.updates
            + self.archives
            + self.restores
            + self.unlinks
    }
}

/// A plan without its operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Our id.
    pub id: PlanId,
    /// The bridge it is for.
    pub bridge: crate::id::BridgeId,
    /// The source snapshot it was made from.
    pub snapshot: crate::id::SnapshotId,
    /// The bridge's generation it was made from; the plan is refused once that moved on.
    pub generation: i64,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// How many of each.
    pub counts: PlanCounts,
    /// What the brakes say: why a person must look before this is applied.
    pub warnings: Vec<String>,
    /// The run this plan takes back, if it is the plan of an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<crate::id::RunId>,
    /// The part of the bridge it is limited to, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<PlanAbout>,
}

/// The part of a bridge a plan is limited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanAbout {
    /// The organizations of one client.
    Client(RecordId),
    /// One source record, with what has to be there before it.
    Record {
        /// What it becomes in the destination.
        kind: RecordKind,
        /// The source's id of it.
        source: SourceId,
    },
}
