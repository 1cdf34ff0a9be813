//! Connections: a card for each, its settings, its consent, its check.

pub mod consent;
mod form;
pub mod list;
pub mod save;
pub mod show;

use crate::Web;
use axum::Router;
use axum::routing::{get, post};

/// The paths a consent comes back to, besides the one that is sent to vendors.
const OTHER_CALLBACKS: [&str; 2] = ["/ninja/oauth/resp", "/dashboard/integrations/ninjaone-callback"];

/// The routes.
pub fn routes(web: &Web) -> Router<Web> {
    let mut router = Router::new()
        .route("/connections", get(list::show))
        // HumanizeIT's address of the same screen.
        .route("/mycompany/integrations", get(list::show))
        .route("/connections/new", get(save::show_new).post(save::add))
        .route("/connections/{id}", get(show::show).post(save::change))
        .route("/connections/{id}/authorize", post(consent::begin))
        .route("/connections/{id}/check", post(show::check))
        .route("/connections/{id}/pause", post(show::pause))
        .route("/connections/{id}/resume", post(show::resume))
        .route("/connections/{id}/read-only", post(show::read_only))
        .route(&web.site.callback_path, get(consent::finish));
    for path in OTHER_CALLBACKS {
        if path != web.site.callback_path {
            router = router.route(path, get(consent::finish));
        }
    }
    router
}
