//! Which part of a device goes into which field of its asset.

mod form;
mod list;
mod paths;
mod rule;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// Their pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/bridges/{id}/fields", get(list::show))
        .route("/bridges/{id}/fields/copy", post(list::copy))
        .route("/bridges/{id}/fields/remove", post(list::remove))
        .route("/bridges/{id}/fields/rule", get(rule::show).post(rule::send))
}
