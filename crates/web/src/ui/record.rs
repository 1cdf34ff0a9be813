//! How a form names a record of a source: what it is in the destination, and its id, e.g. `asset:1042`.

use crate::problem::{Problem, Result};
use axum::http::StatusCode;
use model::{RecordKind, SourceId};

/// The record as a form names it.
pub fn named(kind: RecordKind, source: &SourceId) -> String {
    format!("{}:{source}", kind.as_str())
}

/// The record a form named.
pub fn record(text: &str) -> Result<(RecordKind, SourceId)> {
    let parts = text.split_once(':');
    parts
        .and_then(|(kind, source)| Some((RecordKind::named(kind)?, SourceId::from(source))))
        .ok_or_else(|| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "No record was named."))
}
