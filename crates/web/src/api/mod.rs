//! The REST API, version 1: `/api/v1`. Its document is `docs/openapi.json`, its reference page `/api/`.
//!
//! A resource is a file: what it looks like, its operations, and one handler each, which parses, calls the use case the
//! pages call, and answers. `#[utoipa::path]` above a handler is its entry in the document; `routes!` puts both in one
//! place. [`caller`] says who asks and in which scope, [`request`] reads what they send, [`failure`] is what goes wrong.

mod assets;
mod bridges;
mod caller;
mod clients;
mod connections;
mod differences;
mod document;
mod failure;
mod hub;
mod jobs;
mod matches;
mod paging;
mod plans;
mod questions;
mod rate;
mod records;
mod reference;
mod request;
mod runs;
mod settings;

pub use document::text;
pub use failure::Failure;
pub use rate::Rates;

use crate::{Web, auth};
use axum::Router;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::get;
use failure::always_documents;
use utoipa_axum::router::OpenApiRouter;

/// The operations of version 1, each with its entry in the document.
fn operations() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .merge(hub::routes())
        .merge(connections::routes())
        .merge(bridges::routes())
        .merge(matches::routes())
        .merge(plans::routes())
        .merge(runs::routes())
        .merge(records::routes())
        .merge(questions::routes())
        .merge(differences::routes())
        .merge(jobs::routes())
        .merge(clients::routes())
        .merge(assets::routes())
}

/// Everything below `/api`.
pub fn routes(web: &Web) -> Router<Web> {
    let (operations, _) = operations().split_for_parts();
    let operations = operations
        .layer(auth::session_layer(web))
        .layer(auth::csrf_layer(web));
    let below = Router::new()
        .nest("/v1", operations)
        .route("/openapi.json", get(document_file))
        .fallback(no_such_resource)
        .layer(from_fn(always_documents));
    Router::new()
        .nest("/api", below)
        .route("/api/", get(reference::show))
}

async fn document_file() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document::text())
}

async fn no_such_resource(uri: Uri) -> Failure {
    let what = format!("There is nothing at /api{}.", uri.path());
    Failure::new(axum::http::StatusCode::NOT_FOUND, "not_found", what).advise("/api/ shows what there is.")
}
