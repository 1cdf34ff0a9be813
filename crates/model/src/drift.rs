//! Where the two sides of a bridge differ.

use crate::destination::RecordKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose id names a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The source's.
    Source,
    /// The destination's, for a record the source does not have.
    Destination,
}

impl Side {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// What sort of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The source has it, the destination does not.
    OnlySource,
    /// The destination has it, the source does not, or not any more.
    OnlyDestination,
    /// Both have it, and one field differs.
    Differs,
    /// Both may have it, and they are not linked.
    Unlinked,
}

/// Which difference: one record, and one of its fields where it is about a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DifferenceKey {
    /// Whose id `record` is.
    pub side: Side,
    /// What it is in the destination.
    pub kind: RecordKind,
    /// Its id at that side.
    pub record: String,
    /// Key of the field; empty for the whole record.
    pub field: String,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which.
    #[serde(flatten)]
    pub key: DifferenceKey,
    /// Of what sort.
    pub drift: Drift,
    /// What people call the record.
    pub label: String,
    /// The client's name; empty for what belongs to none.
    pub client: String,
    /// What the source has; of a whole record, whether it is there.
    pub source_value: Value,
    /// What the destination has; of a whole record, whether it is there.
    pub destination_value: Value,
    /// Why the planner sees it so.
    pub reason: String,
}

/// A difference that a person accepted. It holds for these two values and no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Which.
    #[serde(flatten)]
    pub key: DifferenceKey,
    /// What the source had.
    pub source_value: Value,
    /// What the destination had.
    pub destination_value: Value,
    /// Why it is fine so.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Accepted {
    /// Whether it holds for this difference: neither side changed since.
    pub fn holds(&self, difference: &Difference) -> bool {
        self.key == difference.key
            && self.source_value == difference.source_value
            && self.destination_value == difference.destination_value
    }
}
