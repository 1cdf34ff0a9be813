//! What people decided about single records of a bridge, beside which organization is which client.

use crate::destination::RecordKind;
use crate::id::{RecordId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A source record that is left alone, since a person said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// What it would be in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source: SourceId,
    /// What people called it then.
    pub label: String,
    /// Why it is left alone.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Whose value stands where both sides changed a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictVerdict {
    /// The source's is written.
    Take,
    /// The destination's stays.
    Keep,
}

impl ConflictVerdict {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Keep => "keep",
        }
    }
}

/// What a person decided about one field of one device's asset. It holds for these two values and no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConflictDecision {
    /// The device.
    pub device: SourceId,
    /// Key of the field.
    pub field: String,
    /// Whose value stands.
    pub verdict: ConflictVerdict,
    /// What the source had; null when blank.
    pub source_value: Value,
    /// What stood in the destination; null when blank.
    pub destination_value: Value,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// All that people decided about single records of one bridge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordDecisions {
    /// Records that are left alone.
    pub ignored: BTreeMap<(RecordKind, SourceId), Ignored>,
    /// Fields, by device and field.
    pub conflicts: BTreeMap<SourceId, BTreeMap<String, ConflictDecision>>,
}

impl RecordDecisions {
    /// Whether and why a record is left alone.
    pub fn ignored(&self, kind: RecordKind, source: &SourceId) -> Option<&Ignored> {
        // Most bridges have none, and this is asked for every device.
        if self.ignored.is_empty() {
            return None;
        }
        self.ignored.get(&(kind, source.clone()))
    }
}

/// An asset in use that no device of the bridge is linked to and that is none of the client's devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlinkedAsset {
    /// The asset.
    pub asset: RecordId,
    /// Its client.
    pub client: RecordId,
    /// The client's name.
    pub client_label: String,
    /// The asset's name.
    pub label: String,
    /// The device whose id it stores, unless that may be another source's.
    pub device: Option<SourceId>,
}
