//! The history of reads and applied plans.

mod act;
mod items;
pub mod list;
mod show;

pub use items::{ended, page_of};
pub use show::outcome_in_words;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// Their pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/runs", get(list::show))
        .route("/bridges/{id}/runs", get(list::of_bridge))
        .route("/runs/queue", get(super::jobs::queue::live))
        .route("/runs/{id}", get(show::show))
        .route("/runs/{id}/live", get(show::live))
        .route("/runs/{id}/csv", get(items::csv))
        .route("/runs/{id}/retry", post(act::retry))
        .route("/runs/{id}/ignore", post(act::ignore))
        .route("/runs/{id}/undo", post(act::undo))
        .route("/jobs/{id}", get(super::jobs::show::show))
        .route("/jobs/{id}/live", get(super::jobs::show::live))
        .route("/jobs/{id}/stop", post(super::jobs::stop::stop))
}
