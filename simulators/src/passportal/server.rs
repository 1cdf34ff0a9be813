//! Puts the halves together: routes, tokens, limits, and what goes wrong.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use super::auth::refusal;
use super::tenant::Tenant;
use super::{admin, auth, documents, writes};
use crate::directory::{Mode, Struck};
use crate::listener::{Cut, Lines};

/// Where the API begins.
const PREFIX: &str = "/api/v2";
/// Largest body accepted.
const MAX_BODY: usize = 4 << 20;

/// Every route of the API.
pub(super) const ROUTES: [&str; 8] = [
    "POST /auth/client_token",
    "GET /documents",
    "POST /documents",
    "PUT /documents",
    "GET /documents/all",
    "GET /documents/clients",
    "GET /documents/{id}",
    "PUT /documents/{id}",
];

pub(super) async fn serve(listener: TcpListener, tenant: Arc<Tenant>) -> io::Result<()> {
    let stop = tenant.stop.clone();
    let service = router(tenant).into_make_service_with_connect_info::<Cut>();
    axum::serve(Lines(listener), service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn router(tenant: Arc<Tenant>) -> Router {
    let path = |rest: &str| format!("{PREFIX}{rest}");
    let wrong_method = async || refusal(StatusCode::METHOD_NOT_ALLOWED, 3000, "Method not allowed");
    let list = get(documents::documents);
    let documents = Router::new()
        .route(
            &path("/documents"),
            list.clone().post(writes::create).put(writes::update_batch),
        )
        .route(&path("/documents/all"), list)
        .route(&path("/documents/clients"), get(documents::clients))
        .route(
            &path("/documents/{id}"),
            get(documents::one).merge(put(writes::update)),
        )
        .method_not_allowed_fallback(wrong_method)
        .route_layer(middleware::from_fn_with_state(Arc::clone(&tenant), auth::admit));
    documents
        .route(&path("/auth/client_token"), post(auth::client_token))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&tenant), answer))
        .fallback(async || refusal(StatusCode::NOT_FOUND, 0, "not found."))
        .with_state(Arc::clone(&tenant))
        .merge(admin::router(tenant))
}

/// Waits, but not longer than the simulator lives.
async fn wait(tenant: &Tenant, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = tenant.stop.cancelled() => {}
    }
}

fn too_many(retry_after: Option<&str>) -> Response {
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, 0, "Too many requests");
    if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn failure(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "success": "false", "message": "Unexpected error", "code": 0, "status": code });
    (status, Json(body)).into_response()
}

/// What happens to every API request.
async fn answer(
    State(tenant): State<Arc<Tenant>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    matched: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let path = matched.as_str();
    let route = format!(
        "{} {}",
        request.method(),
        path.strip_prefix(PREFIX).unwrap_or(path)
    );
    tenant.count(&route);
    if tenant.is_too_many() {
        return too_many(Some("1"));
    }
    let writes = request.method() != Method::GET && !path.ends_with("/client_token");
    let (parts, body) = request.into_parts();
    // Read whole, so that its sender may go away and the write happens all the same, as at any real server.
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, 0, "the body is too large");
    };
    let carry_out = Carry {
        tenant: Arc::clone(&tenant),
        request: Request::from_parts(parts, Body::from(body)),
        next,
        writes,
    };
    let mut mode = None;
    for mut struck in tenant.faults.strike(&route) {
        match struck.mode {
            Mode::Latency { ms, spread_ms } => wait(&tenant, struck.time(ms, spread_ms)).await,
            _ => mode = Some(struck),
        }
    }
    match mode {
        None => carry_out.run().await,
        Some(struck) => strike(&tenant, struck, carry_out, cut).await,
    }
}

async fn strike(tenant: &Arc<Tenant>, mut struck: Struck, carry_out: Carry, cut: Cut) -> Response {
    match struck.mode.clone() {
        Mode::TooManyRequests { retry_after } => too_many(retry_after.as_deref()),
        // A batch of one has no half.
        Mode::ErrorBefore { status } | Mode::ErrorHalf { status } => failure(status),
        Mode::ErrorAfter { status } => {
            carry_out.run().await;
            failure(status)
        }
        Mode::LostAnswer | Mode::HalfBody => {
            carry_out.run().await;
            cut.cut();
            StatusCode::OK.into_response()
        }
        Mode::HtmlPage { status, carried_out } => {
            if carried_out {
                carry_out.run().await;
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            (status, Html(PAGE)).into_response()
        }
        Mode::LateCommit {
            commit_ms,
            spread_ms,
            close_ms,
        } => {
            carry_out.late(struck.time(commit_ms, spread_ms));
            match close_ms {
                Some(ms) => wait(tenant, Duration::from_millis(ms)).await,
                // Its sender closes the connection, and this is dropped.
                None => tenant.stop.cancelled().await,
            }
            cut.cut();
            StatusCode::OK.into_response()
        }
        Mode::Latency { .. } => carry_out.run().await,
    }
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>Passportal</title></head>\
    <body><h1>Sign in to continue</h1></body></html>";

/// A request that is going to be carried out.
struct Carry {
    tenant: Arc<Tenant>,
    request: Request,
    next: Next,
    writes: bool,
}

impl Carry {
    /// Carries it out now. A write goes on when its sender goes away meanwhile.
    async fn run(self) -> Response {
        if !self.writes {
            return self.next.run(self.request).await;
        }
        let writing = self.tenant.writing();
        let carried = async move {
            let response = self.next.run(self.request).await;
            drop(writing);
            response
        };
        match tokio::spawn(carried).await {
            Ok(response) => response,
            Err(_) => failure(500),
        }
    }

    /// Carries it out `after` that time, whoever still waits for it.
    fn late(self, after: Duration) {
        let writing = self.tenant.writing();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            drop(self.next.run(self.request).await);
            drop(writing);
        });
    }
}
