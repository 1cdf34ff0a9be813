//! Assets of the built-in registry.

mod act;
pub mod list;
pub mod show;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// Their pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/assets", get(list::show).post(act::list))
        .route("/assets/csv", get(act::file))
        .route("/assets/{id}", get(show::show))
        .route("/assets/{id}/exclude", post(act::exclude))
        .route("/assets/{id}/include", post(act::include))
        .route("/assets/{id}/unlink", post(act::unlink))
}
