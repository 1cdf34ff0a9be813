//! Accepting differences for a reason, and taking that back.

use super::picked;
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::Tone;
use crate::ui::bridges::tabs::{Tab, address};
use crate::ui::form::Sent;
use crate::ui::table::Ask;
use crate::ui::words::so_many;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Error;
use model::{BridgeId, DifferenceKey};

/// What the buttons below the list do with what is ticked; back to the list as it was.
pub async fn act(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let back = Ask::parse(&address(&id, Tab::Differences), sent.get("ask")).address();
    let (tone, text) = answer(&web, &signed_in, &id, &sent).await?;
    signed_in.flash(tone, text).await?;
    Ok(Redirect::to(&back).into_response())
}

async fn answer(web: &Web, signed_in: &SignedIn, id: &BridgeId, sent: &Sent) -> Result<(Tone, String)> {
    let keys: Vec<DifferenceKey> = sent.all("difference").filter_map(picked).collect();
    if keys.is_empty() {
        return Ok((
            Tone::Warn,
            "Nothing was ticked, so nothing was changed.".to_owned(),
        ));
    }
    let bridge = web.engine.bridge_detail(&signed_in.actor, id).await?.bridge;
    let done = match sent.get("do") {
        "accept" => web
            .engine
            .accept_differences(&signed_in.actor, &bridge, &keys, sent.get("reason"))
            .await
            .map(|accepted| {
                let number = accepted.len() as u64;
                format!(
                    "{} accepted until either side changes.",
                    so_many(number, "One difference is", "differences are")
                )
            }),
        "unaccept" => web
            .engine
            .unaccept_differences(&signed_in.actor, &bridge, &keys)
            .await
            .map(|number| {
                format!(
                    "{} counted as open again.",
                    so_many(number, "One difference is", "differences are")
                )
            }),
        _ => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "It was not said what to do.",
            ));
        }
    };
    match done {
        Ok(text) => Ok((Tone::Good, text)),
        Err(Error::NoReason { .. }) => Ok((
            Tone::Bad,
            "Say why they are fine as they are, for whoever looks at it later. Nothing was changed.".to_owned(),
        )),
        Err(Error::Unknown { .. }) => Ok((
            Tone::Warn,
            "What differs has changed since you looked, so nothing was changed. The list below is as it is now."
                .to_owned(),
        )),
        Err(error) => Err(error.into()),
    }
}
