//! Why a plan leaves a record alone, for programs. People read the reason that stands beside it.

use crate::id::RecordId;
use serde::{Deserialize, Serialize};

/// Why an operation writes nothing. Every operation that writes nothing has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The organization is excluded.
    Excluded,
    /// Nobody decided which client the organization is.
    Undecided,
    /// Devices are in the organization, and the source's list of organizations lacks it.
    Unlisted,
    /// A person said to leave the record alone.
    Ignored,
    /// Its writes were undone, and nobody released it since.
    Undone,
    /// The bridge's scope does not let it through.
    OutOfScope,
    /// The device is gone, and not for so long that its asset is archived.
    Absent,
    /// The device is gone, and so is its asset.
    BothGone,
    /// It was linked to a record that no longer exists.
    RecordGone,
    /// The device is back, and its asset is archived.
    Archived,
    /// Several devices are linked to one asset.
    SharedAsset,
    /// A person changed fields in the destination that the bridge asks about.
    Conflict,
    /// It cannot be told which of these assets the device is, or which device one of them is.
    Ambiguous {
        /// The assets.
        assets: Vec<RecordId>,
    },
    /// It looks like a device that is gone, whose asset this is.
    Replaces {
        /// The asset.
        asset: RecordId,
    },
    /// Several sites or asset types have the name.
    SeveralNamed,
    /// An undo archived its asset, and the destination cannot take it out of the archive.
    RestoreByHand,
    /// The device is gone for good, and the destination's API cannot archive its asset.
    ArchiveByHand,
    /// Its asset differs, and the destination's API cannot change assets.
    ChangeByHand,
    /// An undo leaves it as it is.
    StaysAfterUndo,
}

impl Cause {
    /// One of each, for tests that must not forget any.
    pub fn all() -> Vec<Self> {
        let all = vec![
            Self::Excluded,
            Self::Undecided,
            Self::Unlisted,
            Self::Ignored,
            Self::Undone,
            Self::OutOfScope,
            Self::Absent,
            Self::BothGone,
            Self::RecordGone,
            Self::Archived,
            Self::SharedAsset,
            Self::Conflict,
            Self::Ambiguous { assets: vec![] },
            Self::Replaces { asset: "".into() },
            Self::SeveralNamed,
            Self::RestoreByHand,
            Self::ArchiveByHand,
            Self::ChangeByHand,
            Self::StaysAfterUndo,
        ];
        // Whoever adds a cause is sent here by the compiler.
        match all.first() {
            None
            | Some(
                Self::Excluded
                | Self::Undecided
                | Self::Unlisted
                | Self::Ignored
                | Self::Undone
                | Self::OutOfScope
                | Self::Absent
                | Self::BothGone
                | Self::RecordGone
                | Self::Archived
                | Self::SharedAsset
                | Self::Conflict
                | Self::Ambiguous { .. }
                | Self::Replaces { .. }
                | Self::SeveralNamed
                | Self::RestoreByHand
                | Self::ArchiveByHand
                | Self::ChangeByHand
                | Self::StaysAfterUndo,
            ) => all,
        }
    }
}
