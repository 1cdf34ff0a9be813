//! Pausing a bridge's schedule, letting it go on, and reading its source now.

use super::tabs::{Tab, address};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::Tone;
use crate::ui::frame::back_to;
use crate::ui::jobs;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use model::{BridgeId, JobKind};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Reason {
    #[serde(default)]
    reason: String,
}

/// Pauses its schedule.
pub async fn pause(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(Reason { reason }): Form<Reason>,
) -> Result<Response> {
    let bridge = web.engine.bridge_detail(&signed_in.actor, &id).await?.bridge;
    let by_default = format!("{} paused it", signed_in.person.name);
    let reason = if reason.trim().is_empty() {
        by_default
    } else {
        reason
    };
    let bridge = web
        .engine
        .pause_bridge(&signed_in.actor, &bridge, &reason)
        .await?;
    let sentence = format!(
        "{} is paused: nothing is written by its schedule until you resume it.",
        bridge.name
    );
    signed_in.flash(Tone::Good, sentence).await?;
    Ok(Redirect::to(&address(&id, Tab::Settings)).into_response())
}

/// Lets it go on.
pub async fn resume(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
) -> Result<Response> {
    let bridge = web.engine.bridge_detail(&signed_in.actor, &id).await?.bridge;
    let bridge = web.engine.resume_bridge(&signed_in.actor, &bridge).await?;
    signed_in
        .flash(Tone::Good, format!("{} goes on.", bridge.name))
        .await?;
    Ok(Redirect::to(&address(&id, Tab::Settings)).into_response())
}

#[derive(Debug, Deserialize)]
pub struct Read {
    once: i64,
    #[serde(default)]
    back: String,
}

/// Has the source read, and shows how far that is.
pub async fn read(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    Form(Read { once, back }): Form<Read>,
) -> Result<Response> {
    let detail = web.engine.bridge_detail(&signed_in.actor, &id).await?;
    let kind = JobKind::Read {
        connection: detail.source.id,
    };
    let key = format!("read:{id}:{}:{once}", signed_in.person.id);
    let job = web.jobs.put(&signed_in.actor, &key, &kind).await?;
    Ok(Redirect::to(&jobs::address(&job, back_to(&back))).into_response())
}
