//! The REST API. Its version 1 comes under `/api/v1`; what is not there is a problem document.

use crate::Web;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

/// The API's routes.
pub fn routes() -> Router<Web> {
    Router::new().fallback(no_such_resource)
}

async fn no_such_resource(uri: Uri) -> Response {
    Problem::missing(format!("There is nothing at /api{}.", uri.path())).document()
}

/// Whether requests can be answered: the database answers.
pub async fn ready(State(web): State<Web>) -> Response {
    match web.engine.needs_set_up().await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(error = %error, "Not ready.");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.").document()
        }
    }
}
