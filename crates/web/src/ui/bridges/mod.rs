//! Bridges: making one, its settings, and the tabs of its pages.

pub mod clients;
pub mod new;
pub mod settings;
pub mod settings_form;
pub mod switches;
pub mod tabs;

use crate::Web;
use axum::Router;
use axum::extract::Path;
use axum::response::Redirect;
use axum::routing::{get, post};
use model::BridgeId;

/// The routes.
pub fn routes() -> Router<Web> {
    Router::new()
        // The overview's cards are the list.
        .route("/bridges", get(|| async { Redirect::to("/") }))
        .route("/bridges/new", get(new::show).post(new::build))
        .route("/bridges/{id}", get(first))
        .route("/bridges/{id}/settings", get(settings::show).post(settings::save))
        .merge(clients::routes())
        .route("/bridges/{id}/schedule", post(settings::schedule))
        .route("/bridges/{id}/pause", post(switches::pause))
        .route("/bridges/{id}/resume", post(switches::resume))
        .route("/bridges/{id}/read", post(switches::read))
}

/// A bridge's first tab.
async fn first(Path(id): Path<BridgeId>) -> Redirect {
    Redirect::to(&tabs::address(&id, tabs::FIRST))
}
