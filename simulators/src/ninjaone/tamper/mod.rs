//! Carries out [`Effect`]s on NinjaOne's answers.

mod decimals;
mod rows;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use futures::stream;
use serde_json::{Value, json};

use super::api::Refusal;
use super::tenant::Tenant;
use crate::faults::{Effect, Moment};
use crate::listener::Cut;
use rows::{
    absurd, capitals, double, every_nth, is_single, put, rename_cursor, row_id, row_list, rows, swap,
};

/// Where a lone surrogate goes.
const SURROGATE_HERE: &str = "#surrogate#";

/// What has to be remembered from page to page, by path.
#[derive(Default)]
pub(super) struct Memory {
    last_rows: Mutex<HashMap<String, Value>>,
    pages: Mutex<HashMap<String, i64>>,
    /// The first answers, for those that come again.
    answers: Mutex<HashMap<String, Vec<Value>>>,
}

/// Waits, but not longer than the simulator lives.
pub(super) async fn wait(tenant: &Tenant, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = tenant.stop.cancelled() => {}
    }
}

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>NinjaOne – Sign in</title></head>\
    <body><form action=\"/auth/#/login\"><input name=\"email\"></form></body></html>";
const PROXY_PAGE: &str = "<html><head><title>Bad Gateway</title></head>\
    <body><center><h1>Bad Gateway</h1></center><hr><center>nginx</center></body></html>";
const THROTTLE_PAGE: &str = "<!DOCTYPE html><html><head><title>Too Many Requests</title></head>\
    <body><h1>Rate limit exceeded</h1><p>Please slow down and try again later.</p></body></html>";

/// Answers a request that `effects` strike.
pub(super) async fn answer(
    tenant: &Tenant,
    path: &str,
    effects: Vec<Effect>,
    cut: Cut,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Paging::of(request.uri());
    for effect in &effects {
        match effect {
            Effect::Latency { ms } => wait(tenant, Duration::from_millis(*ms)).await,
            Effect::TooManyRequests { retry_after } => return too_many(retry_after.as_deref()),
            Effect::ThrottlePage { status } => return page(*status, THROTTLE_PAGE),
            Effect::LoginPage => return page(200, LOGIN_PAGE),
            Effect::ErrorObject => return error_object(tenant),
            Effect::ProxyPage { status } => return page(*status, PROXY_PAGE),
            Effect::EmptyBody { status } => return status_code(*status).into_response(),
            Effect::Status { status } => return Refusal::failure(*status).into_response(),
            Effect::Reset {
                at: Moment::BeforeHeaders,
            } => {
                cut.cut();
                return StatusCode::OK.into_response();
            }
            Effect::ExpireTokens => {
                tenant.grants.expire_access_tokens();
            }
            Effect::RevokeGrants => {
                tenant.grants.revoke_all();
            }
            Effect::RepeatPage | Effect::StuckCursor | Effect::EndlessPages => {
                rewrite(&mut request, |key, _| !is_position(key));
            }
            Effect::MissingRecords {
                ids,
                short_page: false,
            } => widen(&mut request, &asked, ids.len()),
            _ => {}
        }
    }
    let response = next.run(request).await;
    if !response.status().is_success() {
        return response;
    }
    bend(tenant, path, &effects, &asked, cut, response).await
}

/// Changes the body of a successful answer.
async fn bend(
    tenant: &Tenant,
    path: &str,
    effects: &[Effect],
    asked: &Paging,
    cut: Cut,
    response: Response,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(mut body) = to_bytes(body, usize::MAX).await else {
        return Refusal::failure(500).into_response();
    };
    for effect in effects {
        if matches!(effect, Effect::EmptyTenant)
            && serde_json::from_slice::<Value>(&body).is_ok_and(|v| is_single(&v))
        {
            return Refusal::not_found().into_response();
        }
        body = bend_body(tenant, path, effect, asked, body);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = effects.iter().find_map(|effect| match effect {
        Effect::ContentType { value } => HeaderValue::from_str(value).ok(),
        _ => None,
    });
    if let Some(kind) = kind {
        parts.headers.insert(header::CONTENT_TYPE, kind);
    }
    if effects.contains(&Effect::GzipLie) {
        let gzip = HeaderValue::from_static("gzip");
        parts.headers.insert(header::CONTENT_ENCODING, gzip);
    }
    if let Some(pause) = effects.iter().find_map(Effect::pause) {
        let endless = effects.contains(&Effect::EndlessBody);
        return Response::from_parts(parts, Body::from_stream(dribble(body, pause, endless)));
    }
    let reset = effects.iter().find_map(|effect| match effect {
        Effect::Reset { at } => Some(*at),
        _ => None,
    });
    match reset {
        None => Response::from_parts(parts, Body::from(body)),
        Some(moment) => {
            let kept = if moment == Moment::MidBody {
                body.slice(..body.len() / 2)
            } else {
                Bytes::new()
            };
            parts
                .headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            Response::from_parts(parts, Body::from_stream(broken(kept, cut)))
        }
    }
}

/// A body in twenty pieces, each after a pause; an endless one goes on with blanks, which JSON allows.
fn dribble(
    body: Bytes,
    pause: Duration,
    endless: bool,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    let piece = body.len().div_ceil(20).max(1);
    stream::unfold(body, move |mut left| async move {
        tokio::time::sleep(pause).await;
        if left.is_empty() {
            return endless.then(|| (Ok(Bytes::from_static(b" ")), left));
        }
        let piece = left.split_to(piece.min(left.len()));
        Some((Ok(piece), left))
    })
}

/// A body that gives `kept`, lets it be sent, and then breaks the connection.
fn broken(kept: Bytes, cut: Cut) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(Some(kept), move |kept| {
        let cut = cut.clone();
        async move {
            match kept {
                Some(kept) if !kept.is_empty() => Some((Ok(kept), Some(Bytes::new()))),
                _ => {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    cut.cut();
                    Some((Err(std::io::ErrorKind::ConnectionReset.into()), None))
                }
            }
        }
    })
}

fn bend_body(tenant: &Tenant, path: &str, effect: &Effect, asked: &Paging, body: Bytes) -> Bytes {
    match effect {
        Effect::TruncatedJson => return body.slice(..body.len() * 2 / 3),
        Effect::InvalidJson => {
            return Bytes::from([b"{'not': json, " as &[u8], &body].concat());
        }
        _ => {}
    }
    let Some(mut value) = decimals::read(&body) else {
        return body;
    };
    match effect {
        Effect::WrongType {
            field,
            value: wrong,
            every,
        } => {
            for row in every_nth(rows(&mut value), *every) {
                put(row, field, Some(wrong));
            }
        }
        Effect::LoneSurrogate { field, every } => {
            for row in every_nth(rows(&mut value), *every) {
                put(row, field, Some(&json!(SURROGATE_HERE)));
            }
            // No text of this language holds one, so it is written into the bytes.
            let text = decimals::write(&value).replace(SURROGATE_HERE, r"half \ud800 of it");
            return Bytes::from(text);
        }
        Effect::DropField { field, every } => {
            for row in every_nth(rows(&mut value), *every) {
                put(row, field, None);
            }
        }
        Effect::AbsurdValues { every } => every_nth(rows(&mut value), *every).into_iter().for_each(absurd),
        Effect::Capitals { field, every } => {
            for row in every_nth(rows(&mut value), *every) {
                capitals(row, field);
            }
        }
        Effect::SwappedRows { field } => swap(rows(&mut value), field),
        Effect::DoubledRows => {
            if let Some(rows) = row_list(&mut value) {
                double(rows);
            }
        }
        Effect::ReversedRows => {
            if let Some(rows) = row_list(&mut value) {
                rows.reverse();
            }
        }
        Effect::RepeatPage => rename_cursor(&mut value, &format!("page-{}", tenant.memory.page(path))),
        Effect::StuckCursor => rename_cursor(&mut value, "stuck"),
        Effect::EndlessPages => endless(tenant, path, asked, &mut value),
        Effect::CursorLoop { length } => go_round(tenant, path, *length, &mut value),
        Effect::DuplicateIds => duplicate(tenant, path, asked, &mut value, None),
        Effect::ChangedDuplicates { field, value: other } => {
            duplicate(tenant, path, asked, &mut value, Some((field, other)));
        }
        Effect::MissingRecords { ids, .. } => {
            if let Some(rows) = row_list(&mut value) {
                rows.retain(|row| !row_id(row).is_some_and(|id| ids.contains(&id)));
                if let Some(size) = asked.size {
                    rows.truncate(size);
                }
            }
        }
        Effect::EmptyTenant => match row_list(&mut value) {
            Some(rows) => rows.clear(),
            None => return body,
        },
        _ => return body,
    }
    Bytes::from(decimals::write(&value))
}

impl Memory {
    fn page(&self, path: &str) -> i64 {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.entry(path.to_owned()).or_default();
        *page += 1;
        *page
    }
}

fn too_many(retry_after: Option<&str>) -> Response {
    let mut response = Refusal::failure(429).into_response();
    if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// What an application server says that lost its status on the way.
fn error_object(tenant: &Tenant) -> Response {
    let incident = tenant.incident_id();
    Json(json!({ "resultCode": "FAILURE", "errorMessage": "The service is not available", "incidentId": incident }))
        .into_response()
}

fn page(status: u16, text: &'static str) -> Response {
    (status_code(status), Html(text)).into_response()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}

/// What a request says about the page it wants.
struct Paging {
    first: bool,
    after: Option<i64>,
    size: Option<usize>,
}

impl Paging {
    fn of(uri: &Uri) -> Self {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let value = |key: &str| {
            pairs
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let after = value("after").and_then(|text| text.parse().ok());
        Self {
            first: after.unwrap_or(0) == 0
                && !pairs.iter().any(|(key, _)| key != "after" && is_position(key)),
            after,
            size: value("pageSize").and_then(|text| text.parse().ok()),
        }
    }
}

fn is_position(key: &str) -> bool {
    matches!(
        key,
        "after" | "cursor" | "cursorName" | "olderThan" | "newerThan" | "anchorId" | "anchorNaturalId"
    )
}

/// Keeps the query's pairs that `keep` wants.
fn rewrite(request: &mut Request, keep: impl Fn(&str, &str) -> bool) {
    let query = request.uri().query().unwrap_or_default();
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, value)| keep(key, value));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .finish();
    set_query(request, &query);
}

fn set_query(request: &mut Request, query: &str) {
    if let Ok(uri) = format!("{}?{query}", request.uri().path()).parse() {
        *request.uri_mut() = uri;
    }
}

/// Gives one of the first `length` answers again, once they were given.
fn go_round(tenant: &Tenant, path: &str, length: usize, value: &mut Value) {
    let mut remembered = tenant
        .memory
        .answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let answers = remembered.entry(path.to_owned()).or_default();
    if answers.len() < length.max(1) {
        answers.push(value.clone());
        return;
    }
    answers.rotate_left(1);
    if let Some(again) = answers.last() {
        *value = again.clone();
    }
}

/// Asks for a page with room for `more` further rows.
fn widen(request: &mut Request, asked: &Paging, more: usize) {
    let Some(size) = asked.size else { return };
    rewrite(request, |key, _| key != "pageSize");
    let query = format!(
        "{}&pageSize={}",
        request.uri().query().unwrap_or_default(),
        size + more
    );
    set_query(request, query.trim_start_matches('&'));
}

/// Gives the first page's rows ids beyond everything seen before.
fn endless(tenant: &Tenant, path: &str, asked: &Paging, value: &mut Value) {
    let page = tenant.memory.page(path);
    rename_cursor(value, &format!("page-{page}"));
    let start = asked.after.unwrap_or(page * 1_000_000);
    for (row, number) in rows(value).into_iter().zip(1..) {
        let key = if row.get("id").is_some() { "id" } else { "deviceId" };
        put(row, key, Some(&json!(start.saturating_add(number))));
        if row.get("uid").is_some() {
            let uid = crate::dice::uuid_bits(start.unsigned_abs(), number as u64);
            put(row, "uid", Some(&json!(uuid::Uuid::from_u128(uid).to_string())));
        }
    }
}

/// Puts the last row of the page before in front, without making the page longer.
fn duplicate(
    tenant: &Tenant,
    path: &str,
    asked: &Paging,
    value: &mut Value,
    change: Option<(&String, &Value)>,
) {
    let Some(rows) = row_list(value) else { return };
    let size = asked.size.unwrap_or(usize::MAX);
    let mut remembered = tenant
        .memory
        .last_rows
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let previous = if asked.first {
        None
    } else {
        remembered.remove(path)
    };
    if let Some(mut previous) = previous.filter(|_| !rows.is_empty()) {
        if let Some((field, other)) = change {
            put(&mut previous, field, Some(other));
        }
        rows.insert(0, previous);
        // Otherwise the rows pushed out would only be lost to a reader that goes on from the last id it saw.
        rows.truncate(size.max(2));
    }
    if let Some(last) = rows.last() {
        remembered.insert(path.to_owned(), last.clone());
    }
}
