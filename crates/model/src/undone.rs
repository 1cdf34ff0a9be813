//! Marks of what an undo took back.

use crate::destination::RecordKind;
use crate::id::{RecordId, RunId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A source record whose writes were undone. Plans leave it alone until a person releases it: the next sync would do
/// the same again otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// What it is in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source: SourceId,
    /// The destination record it is or was linked to.
    pub record: RecordId,
    /// The run that undid it.
    pub run: RunId,
    /// Who asked for that.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When a person let it be written again.
    pub released: Option<Timestamp>,
}

impl Undone {
    /// Whether plans leave the record alone.
    pub fn holds(&self) -> bool {
        self.released.is_none()
    }
}
