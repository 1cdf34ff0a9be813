//! Plans: what would be written, looked through, taken apart and applied.

mod act;
mod file;
mod filter;
mod show;
pub mod words;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// Their pages.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/bridges/{id}/plan", get(show::newest).post(act::make))
        .route("/plans/{id}", get(show::show))
        .route("/plans/{id}/select", post(act::select))
        .route("/plans/{id}/apply", post(act::apply))
        .route("/plans/{id}/csv", get(file::csv))
        .route("/plans/{id}/print", get(file::print))
}
