//! The legacy API v1 (HMAC): the same estate as API v2, so that ids and names agree.
//!
//! Written from the signing rules, the limits, the error words and the device members that are publicly known. What is
//! not known is a quirk: the status of its errors and of the limit, and what its link to the dashboard is called. It knows
//! four types of device: agents, cloud monitors, network management agents and what those poll. Virtual machine hosts and
//! guests, phones and unmanaged devices are in API v2 alone; alerts are not simulated here.

mod limits;
mod records;
mod signature;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::SignedDuration;
use serde_json::json;

use super::tenant::Tenant;
pub(super) use limits::Limits;
use limits::Sort;

/// How far the `Date` of a request may be from the server's time.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// A key pair of API v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

impl KeyPair {
    /// The pair every simulator starts with.
    pub fn demo() -> Self {
        Self {
            id: "DEMO4V1KEY7EXAMPLE".to_owned(),
            secret: "demo0v1secret0key0of0the0simulated0ninja".to_owned(),
        }
    }
}

/// An error of API v1: `{error, error_description, error_code}`.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
    code: u8,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>, code: u8) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            code,
            retry_after: None,
        }
    }

    fn answer(self, tenant: &Tenant) -> Response {
        let limit = self.error == "rate_limit_exceeded";
        let asked = match limit {
            true => Some(tenant.quirks.v1_limit_status),
            false => tenant.quirks.v1_error_status,
        };
        let status = asked
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(self.status);
        let body = json!({
            "error": self.error, "error_description": self.description, "error_code": self.code,
        });
        let mut response = (status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after.filter(|_| tenant.quirks.v1_retry_after) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) fn router(tenant: &Arc<Tenant>) -> Router {
    Router::new()
        .route("/ping", get(async || StatusCode::NO_CONTENT))
        .route("/customers", get(customers))
        .route("/customers/{id}", get(customer))
        .route("/devices", get(devices))
        .route("/devices/{id}", get(device))
        .layer(middleware::from_fn_with_state(Arc::clone(tenant), gate))
        .with_state(Arc::clone(tenant))
}

/// Signature, clock and limit, in this order; every answer tells the server's time.
async fn gate(State(tenant): State<Arc<Tenant>>, request: Request, next: Next) -> Response {
    let mut response = match admit(&tenant, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.answer(&tenant),
    };
    let now = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&tenant.wall());
    if let Some(value) = now.ok().and_then(|now| HeaderValue::try_from(now).ok()) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

fn admit(tenant: &Tenant, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let bad = |status| move |error, description: &str, code| Refusal::new(status, error, description, code);
    let (malformed, refused) = (bad(StatusCode::BAD_REQUEST), bad(StatusCode::UNAUTHORIZED));
    let authorization = text(headers, header::AUTHORIZATION.as_str())
        .ok_or_else(|| malformed("missing_header", "Missing authorization header", 2))?;
    let date = text(headers, "x-nj-date")
        .or_else(|| text(headers, header::DATE.as_str()))
        .ok_or_else(|| malformed("missing_header", "Missing date header", 2))?;
    let (id, signature) = authorization
        .strip_prefix("NJ ")
        .and_then(|rest| rest.trim().split_once(':'))
        .ok_or_else(|| malformed("invalid_header", "Invalid authorization header", 1))?;
    let sent = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .map_err(|_| malformed("invalid_header", "Invalid date header", 1))?;
    let pair = tenant.key_pairs.iter().find(|pair| pair.id == id);
    let pair = pair.ok_or_else(|| refused("invalid_id", "Unknown access key", 3))?;
    if sent.duration_since(tenant.wall()).abs() > SKEW {
        return Err(refused("skewed_time", "Request time is too skewed", 7));
    }
    // The router has taken the prefix off; the client signed the whole path.
    let signed = signature::Signed {
        verb: request.method().as_str(),
        content_md5: text(headers, "content-md5").unwrap_or_default(),
        content_type: text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default(),
        date,
        resource: &format!("/v1{}", request.uri().path()),
    };
    if signed.signature(&pair.secret) != signature {
        return Err(refused("not_authenticated", "Invalid credentials", 10));
    }
    let sort = match request.uri().path() {
        "/customers" | "/devices" => Sort::List,
        "/ping" => return Ok(()),
        _ => Sort::Entity,
    };
    match tenant.limits.take(&pair.id, sort, tenant.now_ms()) {
        None => Ok(()),
        Some(seconds) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut refusal = Refusal::new(status, "rate_limit_exceeded", "Rate limit exceeded", 9);
            refusal.retry_after = Some(seconds);
            Err(refusal)
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn not_found(tenant: &Tenant) -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "Entity not found", 6).answer(tenant)
}

async fn customers(State(tenant): State<Arc<Tenant>>) -> Response {
    let estate = tenant.estate();
    let list = estate.organizations().iter().map(records::customer);
    axum::Json(list.collect::<Vec<_>>()).into_response()
}

async fn customer(State(tenant): State<Arc<Tenant>>, Path(id): Path<u32>) -> Response {
    match tenant.estate().organization(id) {
        Some(one) => axum::Json(records::customer(one)).into_response(),
        None => not_found(&tenant),
    }
}

async fn devices(State(tenant): State<Arc<Tenant>>) -> Response {
    let estate = tenant.estate();
    let writer = records::Writer {
        tenant: &tenant,
        estate: &estate,
    };
    let list = estate.devices().iter().filter_map(|device| writer.device(device));
    axum::Json(list.collect::<Vec<_>>()).into_response()
}

async fn device(State(tenant): State<Arc<Tenant>>, Path(id): Path<u32>) -> Response {
    let estate = tenant.estate();
    let writer = records::Writer {
        tenant: &tenant,
        estate: &estate,
    };
    match estate.device(id).and_then(|device| writer.device(device)) {
        Some(one) => axum::Json(one).into_response(),
        None => not_found(&tenant),
    }
}
