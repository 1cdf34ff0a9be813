//! Puts the halves together: routes, faults, counters, headers.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::api::{self, Refusal};
use super::tenant::Tenant;
use super::{admin, legacy, oauth, tamper};
use crate::listener::{Cut, Lines};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-nj-request-id");

pub(super) async fn serve(
    listener: TcpListener,
    tenant: Arc<Tenant>,
    stop: CancellationToken,
) -> io::Result<()> {
    let service = router(tenant).into_make_service_with_connect_info::<Cut>();
    axum::serve(Lines(listener), service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn router(tenant: Arc<Tenant>) -> Router {
    let api = api::router(&tenant);
    Router::new()
        .nest("/v2", api.clone())
        .nest("/api/v2", api.clone())
        .nest("/ws/api/v2", api)
        .nest("/v1", legacy::router(&tenant))
        .merge(oauth::router(Arc::clone(&tenant.grants)))
        .fallback(async || Refusal::unknown_path())
        .layer(middleware::from_fn_with_state(Arc::clone(&tenant), answer))
        .merge(admin::router(tenant))
}

/// The path with every API prefix written as `/v2`.
fn plain_path(uri: &Uri) -> String {
    let path = uri.path();
    ["/ws/api/v2", "/api/v2"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .map_or_else(|| path.to_owned(), |rest| format!("/v2{rest}"))
}

/// What happens to every request but those to `/simulator`.
async fn answer(
    State(tenant): State<Arc<Tenant>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
    next: Next,
) -> Response {
    let path = plain_path(request.uri());
    let method = request.method().as_str().to_owned();
    let under_way = tenant
        .requests
        .begin(&method, &path, request.uri().query().unwrap_or_default());
    if !tenant.latency.is_zero() {
        tamper::wait(&tenant, tenant.latency).await;
    }
    let effects = tenant.faults.strike(&method, &path);
    let missing = tenant.quirks.missing_paths.iter().any(|prefix| {
        path.strip_prefix(prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let mut response = match (effects.is_empty(), missing) {
        (_, true) => Refusal::unknown_path().into_response(),
        (true, false) => next.run(request).await,
        (false, false) => tamper::answer(&tenant, &path, effects, cut, request, next).await,
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        *response.body_mut() = Body::from(refusal.body(&tenant.incident_id()));
    }
    if path.starts_with("/v2") {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&tenant.request_id()) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(header::SERVER, HeaderValue::from_static("Grizzly"));
        if tenant.quirks.no_content_type && response.status().is_success() {
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
    }
    under_way.answered(response.status().as_u16());
    response
}
