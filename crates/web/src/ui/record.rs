//! How a form names a record of a source: what it is in the destination, and its id, e.g. `asset:1042`; and leaving one
//! alone, which several pages offer.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::Tone;
use crate::ui::words::in_sentence;
use axum::http::StatusCode;
use engine::Error;
use model::{Bridge, RecordKind, SourceId};

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

/// Leaves the record a form named alone from now on, for a reason; what is said of that.
pub async fn leave_alone(
    web: &Web,
    signed_in: &SignedIn,
    bridge: &Bridge,
    named: &str,
    reason: &str,
) -> Result<(Tone, String)> {
    let key = record(named)?;
    let ignored = web
        .engine
        .ignore_records(&signed_in.actor, bridge, &[key], reason)
        .await;
    match ignored {
        Ok(ignored) => {
            let name = ignored
                .first()
                .map_or_else(|| "The record".to_owned(), |i| in_sentence(&i.label));
            let said = format!("{name} is left alone from now on: plans skip it, whatever changes.");
            Ok((Tone::Good, said))
        }
        Err(Error::NoReason { .. }) => {
            let said =
                "Say why the record is left alone, for whoever looks at it later. Nothing was changed.";
            Ok((Tone::Bad, said.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
