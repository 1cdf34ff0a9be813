//! Work that goes on in the queue: how far it is, followed live, and the way on once it is over.

pub mod live;
pub mod show;

use crate::Web;
use axum::Router;
use axum::routing::get;

/// The routes.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/jobs/{id}", get(show::show))
        .route("/jobs/{id}/live", get(live::follow))
}

/// The address of a job's page, which leads on to `then`, a page of ours, when it is done.
pub fn address(job: &str, then: &str) -> String {
    with_then(&format!("/jobs/{job}"), then)
}

fn with_then(path: &str, then: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("then", then);
    format!("{path}?{}", query.finish())
}
