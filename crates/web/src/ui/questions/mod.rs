//! What of a bridge waits for a person: values both sides changed, records there are several of, what could not be
//! written, what was undone, and what the plan asks besides.

mod act;
mod show;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// The page and its buttons.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/bridges/{id}/questions", get(show::show))
        .route("/bridges/{id}/questions/values", post(act::values))
        .route("/bridges/{id}/questions/link", post(act::link))
        .route("/bridges/{id}/questions/retry", post(act::retry))
        .route("/bridges/{id}/questions/ignore", post(act::ignore))
        .route("/bridges/{id}/questions/plan-again", post(act::plan_again))
        .route("/bridges/{id}/questions/release", post(act::release))
}
