//! Stopping a job.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::Tone;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::pending::JobState;

/// Asks it to stop.
pub async fn stop(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let stood = web.engine.stop_job(&signed_in.actor, &id).await?;
    let (tone, said) = match stood {
        JobState::Running => (
            Tone::Warn,
            "It stops at its next safe point. What was written by then stands, and can be undone.",
        ),
        JobState::Queued | JobState::Waiting => {
            (Tone::Good, "It was taken out of the queue. Nothing was written.")
        }
        JobState::Done | JobState::Failed => (Tone::Plain, "It was over already."),
    };
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to(&format!("/jobs/{id}")).into_response())
}
