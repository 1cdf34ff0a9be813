//! Requests to outside systems: deadlines, retries, adaptive concurrency, size caps, redaction, and the guard
//! against private hosts.
//!
//! One [`Http`] belongs to one connection and is cheap to clone. Reads go through [`Http::get`], which tries
//! again when that can help; writes through [`Http::send_once`], which does not, since no vendor offers
//! idempotency keys. Bodies and tokens are never logged; a span holds method, host, path, status and milliseconds.

mod answer;
mod client;
mod exchange;
mod failure;
mod guard;
mod limit;
mod purse;
mod redact;
mod retry;
mod send;

pub use answer::Answer;
pub use redact::redact;

pub(crate) use client::host_of;
pub(crate) use failure::{is_throttling_page, of_answer, tls_trouble};
pub(crate) use guard::addresses;
pub(crate) use redact::{redact_known, shorten};
pub(crate) use retry::retry_after;
pub(crate) use send::join;

use crate::budget::Quota;
use crate::connector::Outbound;
use crate::error::Error;
use ::http::{HeaderMap, Method};
use async_trait::async_trait;
use bytes::Bytes;
use model::Clock;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How many requests of one connection may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// The limit to begin with.
    pub start: usize,
    /// The limit never passed.
    pub max: usize,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { start: 4, max: 8 }
    }
}

/// How an [`Http`] behaves.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// What paths are joined to; a path of its own is kept as a prefix.
    pub base: Url,
    /// Private hosts, proxy and certificate authorities.
    pub outbound: Outbound,
    /// Requests under way at once.
    pub concurrency: Concurrency,
    /// Longest time for one request, from connecting to the last byte of the body.
    pub deadline: Duration,
    /// Largest body accepted, counted after decompression, in bytes.
    pub max_body: usize,
    /// How often a failed read is tried again.
    pub retries: u32,
    /// Wait before the first retry; it doubles from there, with jitter.
    pub backoff: Duration,
    /// Most requests in a stretch of time, where a vendor names a limit. It holds for all processes together where
    /// [`Outbound::budget`] is shared; requests for tokens are not counted.
    pub quota: Option<Quota>,
    /// Whether a read that is answered with 429 waits and tries again. A vendor whose limit lasts for minutes is better
    /// left alone, and the answer handed over.
    pub waits_out_limits: bool,
}

impl HttpOptions {
    /// The usual behaviour: 60 s, 64 MiB, 5 retries from half a second on, 4 to 8 requests at once, no quota.
    pub fn new(base: Url, outbound: Outbound) -> Self {
        Self {
            base,
            outbound,
            concurrency: Concurrency::default(),
            deadline: Duration::from_secs(60),
            max_body: 64 << 20,
            retries: 5,
            backoff: Duration::from_millis(500),
            quota: None,
            waits_out_limits: true,
        }
    }
}

/// Where the token of a request comes from, and how it is shown.
#[async_trait]
pub trait Bearer: Send + Sync {
    /// The headers that show `token` with a request of this method and path (the whole one, without the query): a
    /// bearer token unless the vendor has ways of its own. Asked anew for every try, so that a signature may hold the
    /// time.
    ///
    /// # Errors
    /// [`crate::Kind::Auth`] when the token cannot be shown.
    fn headers(&self, token: &SecretString, _method: &Method, _path: &str) -> Result<HeaderMap, Error> {
        exchange::bearer(token)
    }

    /// Whether there may be another token when one is answered with 401. Where there is none, the vendor's own answer
    /// is handed over.
    fn is_replaceable(&self) -> bool {
        true
    }

    /// A token that should work now.
    ///
    /// # Errors
    /// [`crate::Kind::Auth`] when a person has to reconnect, otherwise whatever getting one met.
    async fn token(&self) -> Result<SecretString, Error>;

    /// The vendor answered 401 to `token`: another one.
    ///
    /// # Errors
    /// [`crate::Kind::Auth`] when there is none, otherwise whatever getting one met.
    async fn rejected(&self, token: &SecretString) -> Result<SecretString, Error>;
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub enum Payload {
    /// Nothing.
    #[default]
    None,
    /// JSON.
    Json(serde_json::Value),
    /// Bytes of a stated content type, e.g. a multipart body.
    Bytes {
        /// The content type.
        content_type: String,
        /// The bytes.
        bytes: Bytes,
    },
}

/// One request that is not a plain read.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: Method,
    /// The path below the base, beginning with `/`.
    pub path: &'a str,
    /// The query.
    pub query: &'a [(&'a str, String)],
    /// Headers besides authorization and content type.
    pub headers: HeaderMap,
    /// The body.
    pub payload: Payload,
    /// When its turn comes later than this, it is not sent.
    pub send_by: Option<Instant>,
}

/// Sends requests for one connection.
#[derive(Clone)]
pub struct Http {
    inner: Arc<send::Inner>,
}

impl Http {
    /// Prepares requests below `options.base`.
    ///
    /// # Errors
    /// [`crate::Kind::Configuration`] when the base URL, the proxy or the certificates cannot be used.
    pub fn new(options: HttpOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(send::Inner::new(options, clock)?),
        })
    }

    /// Reads, and tries again when that can help: 429 (waiting as long as it says), 5xx, reset, time-out, a page
    /// that asks to slow down. `doing` says what for, e.g. `reading devices after id 4000`.
    ///
    /// # Errors
    /// Any [`Error`]; an answer outside 2xx is one, with its kind by status.
    pub async fn get(
        &self,
        doing: &str,
        path: &str,
        query: &[(&str, String)],
        auth: &dyn Bearer,
    ) -> Result<Answer, Error> {
        let answered = self.inner.read(doing, path, query, auth).await?;
        self.inner.expect_success(doing, answered)
    }

    /// Like [`Http::get`], but hands over the last answer whatever its status once retries are used up, so that a
    /// connector can read the vendor's own words. HTML pages that ask to slow down are still errors.
    ///
    /// # Errors
    /// Any [`Error`] when no answer came.
    pub async fn get_answer(
        &self,
        doing: &str,
        path: &str,
        query: &[(&str, String)],
        auth: &dyn Bearer,
    ) -> Result<Answer, Error> {
        let answered = self.inner.read(doing, path, query, auth).await?;
        self.inner.expect_answer(doing, answered)
    }

    /// Sends once. It is tried again only while nothing was sent (the connection could not be made), or after a
    /// 401 with another token.
    ///
    /// # Errors
    /// Any [`Error`]; [`crate::Kind::Unavailable`] means that it may have been carried out, unless
    /// [`Error::is_unsent`] says that the host was not reached. Where its turn came too late it was not sent, and the
    /// kind is [`crate::Kind::RateLimited`].
    pub async fn send_once(
        &self,
        doing: &str,
        request: Outgoing<'_>,
        auth: &dyn Bearer,
    ) -> Result<Answer, Error> {
        let answered = self.inner.write(doing, request, auth).await?;
        self.inner.expect_success(doing, answered)
    }

    /// Like [`Http::send_once`], but hands over the answer whatever its status, unless the status leaves open
    /// whether the request was carried out (5xx).
    ///
    /// # Errors
    /// Any [`Error`] when no answer came or the outcome is unknown.
    pub async fn send_once_answer(
        &self,
        doing: &str,
        request: Outgoing<'_>,
        auth: &dyn Bearer,
    ) -> Result<Answer, Error> {
        Ok(self.inner.write(doing, request, auth).await?.answer)
    }

    /// Posts a form to a token endpoint, once, and hands over the answer whatever its status. Neither form nor
    /// answer is ever logged.
    ///
    /// # Errors
    /// Any [`Error`] when no answer came.
    pub async fn form(
        &self,
        doing: &str,
        url: &Url,
        headers: HeaderMap,
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        self.inner.form(doing, url, headers, form).await
    }

    /// Posts to a URL that is a secret itself (a webhook), once and without a token, and hands over the answer whatever
    /// its status. Neither path nor query of it is logged.
    ///
    /// # Errors
    /// Any [`Error`] when no answer came.
    pub async fn post_to_secret_url(
        &self,
        doing: &str,
        url: &Url,
        headers: HeaderMap,
        payload: Payload,
    ) -> Result<Answer, Error> {
        self.inner.post(doing, url, headers, payload).await
    }

    /// Reads a page outside the base without a token, once, and hands over the answer whatever its status.
    ///
    /// # Errors
    /// Any [`Error`] when no answer came.
    pub async fn get_page(&self, doing: &str, url: &Url) -> Result<Answer, Error> {
        self.inner.page(doing, url).await
    }

    /// Sends a request that a library made, once, and hands over the answer whatever its status. Of its address the path
    /// alone is logged.
    ///
    /// # Errors
    /// Any [`Error`] when no answer came.
    pub(crate) async fn exchange(
        &self,
        doing: &str,
        request: ::http::Request<Vec<u8>>,
    ) -> Result<Answer, Error> {
        self.inner.foreign(doing, request).await
    }

    /// How many requests may be under way at once at present.
    pub fn limit(&self) -> usize {
        self.inner.limit()
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.inner.requests()
    }

    /// The host and port requests go to, for messages.
    pub fn host(&self) -> &str {
        self.inner.host()
    }
}
