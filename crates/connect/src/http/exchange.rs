//! One exchange: a request goes out, its answer is read to the end within deadline and size, and a span tells of it.

use super::Payload;
use super::answer::Answer;
use super::client::{Clients, connect_deadline, host_of};
use super::failure::NoAnswer;
use crate::connector::Outbound;
use crate::error::{Error, Kind};
use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderValue, Method};
use bytes::{Bytes, BytesMut};
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;
use url::Url;

/// One request, ready to go.
pub(super) struct Ready {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// What shows who asks.
    pub(super) auth: HeaderMap,
    pub(super) deadline: Duration,
    /// Whether whoever knows the path may use it: then no log does.
    pub(super) secret_path: bool,
}

/// Where requests go out.
pub(super) struct Wire {
    clients: Clients,
    connect: Duration,
    max_body: usize,
    sent: AtomicU64,
}

impl Wire {
    pub(super) fn new(outbound: Outbound, deadline: Duration, max_body: usize) -> Result<Self, Error> {
        Ok(Self {
            clients: Clients::new(outbound, deadline)?,
            connect: connect_deadline(deadline),
            max_body,
            sent: AtomicU64::new(0),
        })
    }

    /// How many requests went out.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn exchange(&self, doing: &str, ready: Ready) -> Result<Answer, NoAnswer> {
        let client = self
            .clients
            .for_url(doing, &ready.url)
            .await
            .map_err(NoAnswer::before_sending)?;
        let span = tracing::debug_span!(
            "http request",
            http.method = %ready.method,
            http.host = %host_of(&ready.url),
            http.path = %if ready.secret_path { "(secret)" } else { ready.url.path() },
            http.status = tracing::field::Empty,
            http.ms = tracing::field::Empty,
        );
        let start = Instant::now();
        let url = ready.url.clone();
        let deadline = ready.deadline;
        let mut request = client
            .request(ready.method, ready.url)
            .headers(ready.headers)
            .headers(ready.auth)
            .timeout(deadline);
        if let Some(body) = ready.body {
            request = request.body(body);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let result = async {
            let failed = |error: reqwest::Error| NoAnswer::of(doing, &url, deadline, self.connect, &error);
            let mut response = request.send().await.map_err(failed)?;
            let status = response.status().as_u16();
            let headers = std::mem::take(response.headers_mut());
            let mut body = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > self.max_body {
                    let what = format!(
                        "the answer of {} is larger than {} bytes; the rest was not read",
                        host_of(&url),
                        self.max_body
                    );
                    return Err(NoAnswer::body(Error::new(Kind::Protocol, doing, what)));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer {
                status,
                headers,
                body: body.freeze(),
            })
        }
        .instrument(span.clone())
        .await;
        span.record(
            "http.ms",
            u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        let status = match &result {
            Ok(answer) => answer.status.to_string(),
            Err(failed) if failed.sent => "none".to_owned(),
            Err(_) => "not_sent".to_owned(),
        };
        metrics::counter!("rmmbridge_vendor_requests_total", "host" => host_of(&url), "status" => status)
            .increment(1);
        match &result {
            Ok(answer) => {
                span.record("http.status", answer.status);
                tracing::debug!(parent: &span, "answered");
            }
            Err(failed) => tracing::debug!(parent: &span, error = %failed.error.what, "no answer"),
        }
        result
    }
}

/// A token in the way of RFC 6750.
pub(super) fn bearer(token: &SecretString) -> Result<HeaderMap, Error> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
        let what = "the stored token holds characters no header may hold";
        Error::new(Kind::Auth, "showing the token", what).advise("Reconnect this connection")
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// A write's headers and body.
pub(super) fn body_of(
    doing: &str,
    mut headers: HeaderMap,
    payload: Payload,
) -> Result<(HeaderMap, Option<Bytes>), Error> {
    let cannot = |what: String| Error::new(Kind::Invalid, doing, what);
    headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json"));
    let (content_type, body) = match payload {
        Payload::None => return Ok((headers, None)),
        Payload::Json(value) => {
            let body =
                serde_json::to_vec(&value).map_err(|e| cannot(format!("the body cannot be written: {e}")))?;
            (HeaderValue::from_static("application/json"), Bytes::from(body))
        }
        Payload::Bytes { content_type, bytes } => {
            let value = HeaderValue::try_from(&content_type)
                .map_err(|_| cannot(format!("{content_type:?} is not a content type")))?;
            (value, bytes)
        }
    };
    headers.insert(CONTENT_TYPE, content_type);
    Ok((headers, Some(body)))
}
