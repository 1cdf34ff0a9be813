//! What is counted of requests, and the listener on which whoever watches fetches it.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Makes the text of all figures (Prometheus).
pub type Figures = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync>;

/// The name of the histogram of how long requests take.
pub const SECONDS: &str = "rmmbridge_http_request_seconds";

/// Counts requests, and says in the log what was asked: never the query, which may hold a token.
pub async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // As the route is written: ids would be as many series as there are records.
    let path = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "(none)".to_owned(),
    };
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    tracing::debug!(target: "web::requests", %method, path, status, ms = took.as_secs_f64() * 1000.0, "answered");
    let labels = [
        ("method", method.to_string()),
        ("path", path),
        ("status", status.to_string()),
    ];
    metrics::counter!("rmmbridge_http_requests_total", &labels).increment(1);
    metrics::histogram!(SECONDS).record(took.as_secs_f64());
    response
}

/// Serves the figures at `/metrics`, until `stop` is cancelled. On a listener of its own: they say how many bridges there
/// are and how they fare, to whoever asks.
///
/// # Errors
/// When the listener fails.
pub async fn serve_figures(
    figures: Figures,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let show = move || {
        let figures = figures.clone();
        async move {
            (
                [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
                figures().await,
            )
                .into_response()
        }
    };
    let app = Router::new().route("/metrics", get(show));
    axum::serve(listener, app)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
}
