//! Puts the halves together: routes, the key, the rate limit, and what goes wrong.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::batch::{HalfOnly, batch, failure};
use super::faults::{Mode, Struck};
use super::refusal::Refusal;
use super::schema::Collection;
use super::tenant::Tenant;
use super::{admin, lists, writes};
use crate::listener::{Cut, Lines};

/// Where the API begins.
const PREFIX: &str = "/api/v1";
/// Largest body accepted.
const MAX_BODY: usize = 4 << 20;

pub(super) async fn serve(listener: TcpListener, tenant: Arc<Tenant>) -> io::Result<()> {
    let stop = tenant.stop.clone();
    let service = router(tenant).into_make_service_with_connect_info::<Cut>();
    axum::serve(Lines(listener), service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

fn router(tenant: Arc<Tenant>) -> Router {
    let path = |rest: &str| format!("{PREFIX}{rest}");
    let mut api = Router::new()
        .route(&path("/account"), get(account))
        .route(
            &path("/asset_fields"),
            get(lists::fields).post(writes::create_field),
        )
        .route(&path("/assets/batch"), post(batch))
        .route(&path("/assets/{id}/archive"), post(writes::archive))
        .route(&path("/assets/{id}/restore"), post(writes::restore))
        .route(&path("/assets/{id}"), patch(writes::update));
    for collection in Collection::ALL {
        let list = move |tenant, query: Query<_>| lists::list(tenant, collection, query);
        let create = move |tenant, body: Bytes| writes::create(tenant, collection, body);
        let one = move |State(tenant): State<Arc<Tenant>>, id| lists::one_of(tenant, collection, id);
        let name = collection.name();
        api = api
            .route(&path(&format!("/{name}")), get(list).post(create))
            .route(&path(&format!("/{name}/{{id}}")), get(one));
    }
    let nowhere =
        async || Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such path").into_response();
    api.route_layer(middleware::from_fn_with_state(Arc::clone(&tenant), admit))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&tenant), answer))
        .fallback(nowhere)
        .with_state(Arc::clone(&tenant))
        .merge(admin::router(tenant))
}

fn key(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

/// Looks at the key.
async fn admit(State(tenant): State<Arc<Tenant>>, request: Request, next: Next) -> Response {
    let writes = request.method() != Method::GET;
    match tenant.admit(key(request.headers()), writes) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn account(State(tenant): State<Arc<Tenant>>, headers: HeaderMap) -> Json<Value> {
    Json(json!({
        "name": "Reference Directory",
        "permissions": tenant.permissions(key(&headers)),
        "limits": {
            "batch": tenant.behaviour().batch_limit, "page": lists::MAX_LIMIT, "ids": lists::MAX_IDS,
            "requests_per_second": tenant.behaviour().requests_per_second
        }
    }))
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
    let under_way = tenant.begin(&route);
    let answered = |status: u16| {
        tenant.count(|effects| {
            *effects
                .answered
                .entry(route.clone())
                .or_default()
                .entry(status)
                .or_default() += 1;
        });
    };
    let response = match tenant.turned_away() {
        Some(seconds) => Outcome::answer(too_many(Some(&seconds.to_string()))),
        None => strike(&tenant, &route, request, next).await,
    };
    match response {
        Outcome::Answer(response, false) => {
            answered(response.status().as_u16());
            drop(under_way);
            response
        }
        Outcome::Answer(response, true) => {
            answered(0);
            half(response, cut).await
        }
        Outcome::Nothing => {
            answered(0);
            cut.cut();
            StatusCode::OK.into_response()
        }
    }
}

/// How a request ends.
enum Outcome {
    /// With this answer; if true, with half of it.
    Answer(Response, bool),
    /// The connection is reset.
    Nothing,
}

impl Outcome {
    fn answer(response: Response) -> Self {
        Self::Answer(response, false)
    }
}

/// Waits, but not longer than the simulator lives.
async fn wait(tenant: &Tenant, time: Duration) {
    if time.is_zero() {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = tenant.stop.cancelled() => {}
    }
}

fn too_many(retry_after: Option<&str>) -> Response {
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit", "too many requests");
    let mut response = refusal.into_response();
    if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn error(code: u16) -> Outcome {
    Outcome::answer((status(code), Json(failure())).into_response())
}

async fn strike(tenant: &Arc<Tenant>, route: &str, request: Request, next: Next) -> Outcome {
    let writes = request.method() != Method::GET;
    let (parts, body) = request.into_parts();
    // Read whole, so that its sender may go away and the write happens all the same, as at any real server.
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        let refusal = Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is too large",
        );
        return Outcome::answer(refusal.into_response());
    };
    let mut time = Duration::from_millis(tenant.behaviour().latency_ms);
    let mut mode = None;
    for mut struck in tenant.faults.strike(route) {
        match struck.mode {
            Mode::Latency { ms, spread_ms } => time += struck.time(ms, spread_ms),
            _ => mode = Some(struck),
        }
    }
    if let Some(Struck {
        mode: Mode::TooManyRequests { retry_after },
        ..
    }) = &mode
    {
        return Outcome::answer(too_many(retry_after.as_deref()));
    }
    if writes {
        tenant.count(|effects| effects.count_writes(parts.uri.path(), &body));
    }
    let mut request = Request::from_parts(parts, Body::from(body));
    if let Some(Struck {
        mode: Mode::ErrorHalf { status: code },
        ..
    }) = &mode
    {
        if route != "POST /assets/batch" {
            return error(*code);
        }
        request.extensions_mut().insert(HalfOnly(status(*code)));
    }
    let carry_out = Carry {
        tenant: Arc::clone(tenant),
        before: time / 2,
        after: time - time / 2,
        request,
        next,
        writes,
    };
    let Some(mut struck) = mode else {
        return Outcome::answer(carry_out.run().await);
    };
    match struck.mode.clone() {
        Mode::ErrorBefore { status } => {
            wait(tenant, time).await;
            error(status)
        }
        Mode::HtmlPage {
            status: code,
            carried_out,
        } => {
            match carried_out {
                true => drop(carry_out.run().await),
                false => wait(tenant, time).await,
            }
            Outcome::answer((status(code), Html(PAGE)).into_response())
        }
        Mode::ErrorAfter { status } => {
            carry_out.run().await;
            error(status)
        }
        Mode::LostAnswer => {
            carry_out.run().await;
            Outcome::Nothing
        }
        Mode::HalfBody => Outcome::Answer(carry_out.run().await, true),
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
            Outcome::Nothing
        }
        Mode::Latency { .. } | Mode::TooManyRequests { .. } | Mode::ErrorHalf { .. } => {
            Outcome::answer(carry_out.run().await)
        }
    }
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head>\
    <body><h1>Sign in to continue</h1><form><input name=\"email\"></form></body></html>";

/// A request that is going to be carried out.
struct Carry {
    tenant: Arc<Tenant>,
    before: Duration,
    after: Duration,
    request: Request,
    next: Next,
    writes: bool,
}

impl Carry {
    /// Carries it out now. A write goes on when its sender goes away meanwhile.
    async fn run(self) -> Response {
        let Self {
            tenant,
            before,
            after,
            request,
            next,
            writes,
        } = self;
        let writing = writes.then(|| tenant.writing());
        let carried = async move {
            wait(&tenant, before).await;
            let response = next.run(request).await;
            drop(writing);
            wait(&tenant, after).await;
            response
        };
        if !writes {
            return carried.await;
        }
        match tokio::spawn(carried).await {
            Ok(response) => response,
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(failure())).into_response(),
        }
    }

    /// Carries it out `after` that time, whoever still waits for it.
    fn late(self, after: Duration) {
        let Self {
            tenant,
            request,
            next,
            ..
        } = self;
        let writing = tenant.writing();
        tenant.count(|effects| effects.late_pending += 1);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            drop(next.run(request).await);
            tenant.count(|effects| {
                effects.late_pending = effects.late_pending.saturating_sub(1);
                effects.late += 1;
            });
            drop(writing);
        });
    }
}

/// Half of an answer's body, with the length of the whole, and then a reset.
async fn half(response: Response, cut: Cut) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let kept = body.slice(..body.len() / 2);
    let broken = stream::unfold(Some(kept), move |kept| {
        let cut = cut.clone();
        async move {
            match kept {
                Some(kept) if !kept.is_empty() => Some((Ok(kept), Some(Bytes::new()))),
                _ => {
                    // Let what was given be sent first.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    cut.cut();
                    Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
                }
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(broken))
}
