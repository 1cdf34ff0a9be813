//! Whether this process can answer requests: for service managers and load balancers.

use crate::Web;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use model::Actor;

/// Whether requests can be answered: the database does, with the tables of this program, which are made before anything
/// listens. How many workers are at work is said beside it; pages can be looked at without any.
pub async fn ready(State(web): State<Web>) -> Response {
    let actor = Actor::Schedule {
        name: "readiness".to_owned(),
    };
    let looked = async {
        web.engine.needs_set_up().await?;
        web.engine.workers(&actor).await
    };
    match looked.await {
        Ok(workers) => format!("ready\nworkers: {}\n", workers.len()).into_response(),
        Err(error) => {
            tracing::warn!(error = %error, "Not ready.");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.").document()
        }
    }
}
