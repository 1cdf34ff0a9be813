//! One request after the other: token, turn, exchange, and what the answer means for the next.

use super::Payload;
use super::answer::Answer;
use super::client::host_of;
use super::exchange::{Ready, Wire, body_of};
use super::failure;
use super::limit::{Limiter, Permit};
use super::purse::Purse;
use super::retry::{Tries, retry_after};
use super::{Bearer, HttpOptions, Outgoing};
use crate::error::{Error, Kind};
use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderValue, Method};
use model::Clock;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Longest time for an answer of a token endpoint or a sign-in page.
const FORM_DEADLINE: Duration = Duration::from_secs(30);
/// How often a connection that cannot be made is tried again: a wrong host should be told soon.
const CONNECT_RETRIES: u32 = 2;

pub(super) struct Inner {
    options: HttpOptions,
    host: String,
    wire: Wire,
    limiter: Limiter,
    purse: Option<Purse>,
    clock: Arc<dyn Clock>,
}

/// An answer with what must not stand in an error about it.
pub(super) struct Answered {
    pub(super) answer: Answer,
    token: SecretString,
    repeated: u32,
}

impl Inner {
    pub(super) fn new(options: HttpOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        if options.base.cannot_be_a_base() || options.base.host().is_none() {
            let what = format!("{} is not a base URL", super::redact(options.base.as_str()));
            return Err(Error::new(Kind::Configuration, "preparing requests", what)
                .advise("Give one like https://app.example.com"));
        }
        Ok(Self {
            host: host_of(&options.base),
            wire: Wire::new(options.outbound.clone(), options.deadline, options.max_body)?,
            limiter: Limiter::new(options.concurrency),
            purse: Purse::new(options.outbound.budget.clone(), options.quota),
            clock,
            options,
        })
    }

    pub(super) fn limit(&self) -> usize {
        self.limiter.limit()
    }

    pub(super) fn requests(&self) -> u64 {
        self.wire.sent()
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The answer whatever its status, unless it is a page that asks to slow down.
    pub(super) fn expect_answer(&self, doing: &str, answered: Answered) -> Result<Answer, Error> {
        if failure::is_throttling_page(&answered.answer) {
            return self.expect_success(doing, answered);
        }
        Ok(answered.answer)
    }

    /// The answer when it is a good one.
    pub(super) fn expect_success(&self, doing: &str, answered: Answered) -> Result<Answer, Error> {
        let secrets = [answered.token.expose_secret()];
        match failure::of_answer(doing, &self.host, &answered.answer, self.clock.now(), &secrets) {
            None => Ok(answered.answer),
            Some(error) => Err(after_tries(error, answered.repeated)),
        }
    }

    /// A read: tried again while that can help.
    pub(super) async fn read(
        &self,
        doing: &str,
        path: &str,
        query: &[(&str, String)],
        auth: &dyn Bearer,
    ) -> Result<Answered, Error> {
        let url = self.url(path, query);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut tries = self.tries(self.options.retries);
        let mut token: Option<SecretString> = None;
        let mut renewed = false;
        loop {
            let current = match token.take() {
                Some(token) => token,
                None => match auth.token().await {
                    Ok(token) => token,
                    Err(error) if error.is_transient() && tries.again(asked_by(&error)).await => continue,
                    Err(error) => return Err(error),
                },
            };
            let permit = self.turn(doing).await?;
            let ready = Ready {
                method: Method::GET,
                url: url.clone(),
                headers: headers.clone(),
                body: None,
                auth: auth.headers(&current, &Method::GET, url.path())?,
                deadline: self.options.deadline,
                secret_path: false,
            };
            match self.wire.exchange(doing, ready).await {
                Ok(answer)
                    if failure::is_worth_repeating(&answer)
                        && (answer.status != 429 || self.options.waits_out_limits) =>
                {
                    renewed = false;
                    let asked = self.slow_down(&permit, &answer).await;
                    drop(permit);
                    if !tries.again(asked).await {
                        return Ok(Answered {
                            answer,
                            token: current,
                            repeated: tries.repeated(),
                        });
                    }
                }
                Ok(answer)
                    if answer.status == 401
                        && !renewed
                        && auth.is_replaceable()
                        && !failure::lacks_scope(&answer) =>
                {
                    drop(permit);
                    match auth.rejected(&current).await {
                        Ok(other) => {
                            renewed = true;
                            token = Some(other);
                        }
                        Err(error) if error.is_transient() && tries.again(asked_by(&error)).await => {
                            token = Some(current);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(answer) => {
                    permit.succeeded();
                    return Ok(Answered {
                        answer,
                        token: current,
                        repeated: tries.repeated(),
                    });
                }
                Err(failed) => {
                    if failed.timeout {
                        permit.throttled();
                    }
                    drop(permit);
                    let pointless = !failed.again || (!failed.sent && tries.repeated() >= CONNECT_RETRIES);
                    if pointless || !tries.again(None).await {
                        return Err(after_tries(failed.error, tries.repeated()));
                    }
                }
            }
        }
    }

    /// A write: sent once.
    pub(super) async fn write(
        &self,
        doing: &str,
        request: Outgoing<'_>,
        auth: &dyn Bearer,
    ) -> Result<Answered, Error> {
        let url = self.url(request.path, request.query);
        let (headers, body) = body_of(doing, request.headers, request.payload)?;
        let mut tries = self.tries(CONNECT_RETRIES);
        let mut token = loop {
            match auth.token().await {
                Ok(token) => break token,
                Err(error) if error.is_transient() && tries.again(asked_by(&error)).await => {}
                Err(error) => return Err(error.not_sent()),
            }
        };
        let mut renewed = false;
        loop {
            let permit = self.turn_by(doing, request.send_by).await?;
            let ready = Ready {
                method: request.method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                body: body.clone(),
                auth: auth
                    .headers(&token, &request.method, url.path())
                    .map_err(Error::not_sent)?,
                deadline: self.options.deadline,
                secret_path: false,
            };
            match self.wire.exchange(doing, ready).await {
                Ok(answer)
                    if answer.status == 401
                        && !renewed
                        && auth.is_replaceable()
                        && !failure::lacks_scope(&answer) =>
                {
                    drop(permit);
                    renewed = true;
                    // A 401 says that nothing was done, so without another token it is as if it had never left.
                    token = auth.rejected(&token).await.map_err(Error::not_sent)?;
                }
                Ok(answer) => {
                    let refused = answer.status == 429;
                    let unclear = !refused && failure::is_worth_repeating(&answer);
                    if refused || unclear {
                        self.slow_down(&permit, &answer).await;
                    } else {
                        permit.succeeded();
                    }
                    if unclear {
                        return Err(self.outcome_unknown(doing, &answer, &token));
                    }
                    return Ok(Answered {
                        answer,
                        token,
                        repeated: 0,
                    });
                }
                Err(failed) => {
                    if failed.timeout {
                        permit.throttled();
                    }
                    drop(permit);
                    if failed.sent {
                        let mut error = failed.error;
                        error.kind = Kind::Unavailable;
                        error.next = MAY_BE_DONE.to_owned();
                        return Err(error);
                    }
                    if !failed.again || !tries.again(None).await {
                        return Err(after_tries(failed.error, tries.repeated()));
                    }
                }
            }
        }
    }

    /// A form for a token endpoint: outside the queue of reads and writes, which may be waiting for its token.
    pub(super) async fn form(
        &self,
        doing: &str,
        url: &Url,
        mut headers: HeaderMap,
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let ready = Ready {
            method: Method::POST,
            url: url.clone(),
            headers,
            body: Some(body.into()),
            auth: HeaderMap::new(),
            deadline: self.options.deadline.min(FORM_DEADLINE),
            secret_path: false,
        };
        self.wire
            .exchange(doing, ready)
            .await
            .map_err(|failed| failed.error)
    }

    /// A body for a URL that is a secret itself, without a token.
    pub(super) async fn post(
        &self,
        doing: &str,
        url: &Url,
        headers: HeaderMap,
        payload: Payload,
    ) -> Result<Answer, Error> {
        let (headers, body) = body_of(doing, headers, payload)?;
        let ready = Ready {
            method: Method::POST,
            url: url.clone(),
            headers,
            body,
            auth: HeaderMap::new(),
            deadline: self.options.deadline,
            secret_path: true,
        };
        self.wire
            .exchange(doing, ready)
            .await
            .map_err(|failed| failed.error)
    }

    /// A page read without a token.
    pub(super) async fn page(&self, doing: &str, url: &Url) -> Result<Answer, Error> {
        let ready = Ready {
            method: Method::GET,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: None,
            auth: HeaderMap::new(),
            deadline: self.options.deadline.min(FORM_DEADLINE),
            secret_path: false,
        };
        self.wire
            .exchange(doing, ready)
            .await
            .map_err(|failed| failed.error)
    }

    /// A request that a library made, with whatever it shows of itself.
    pub(super) async fn foreign(
        &self,
        doing: &str,
        request: ::http::Request<Vec<u8>>,
    ) -> Result<Answer, Error> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|error| Error::new(Kind::Configuration, doing, error.to_string()))?;
        let ready = Ready {
            method: parts.method,
            url,
            headers: parts.headers,
            body: (!body.is_empty()).then(|| body.into()),
            auth: HeaderMap::new(),
            deadline: self.options.deadline,
            secret_path: false,
        };
        self.wire
            .exchange(doing, ready)
            .await
            .map_err(|failed| failed.error)
    }

    async fn turn(&self, doing: &str) -> Result<Permit<'_>, Error> {
        let permit = self.limiter.acquire().await;
        if let Some(purse) = &self.purse
            && let Err(error) = purse.spend().await
        {
            let what = format!(
                "how many requests {} still takes cannot be found out: {error}",
                self.host
            );
            return Err(Error::new(Kind::Storage, doing, what)
                .advise("Check the database")
                .not_sent());
        }
        Ok(permit)
    }

    /// A turn that comes in time. Whoever waits longer gets none, and takes no other's place.
    async fn turn_by(&self, doing: &str, by: Option<Instant>) -> Result<Permit<'_>, Error> {
        let Some(by) = by else {
            return self.turn(doing).await;
        };
        match timeout_at(by, self.turn(doing)).await {
            Ok(turn) if Instant::now() <= by => turn,
            _ => Err(too_late(doing, &self.host)),
        }
    }

    /// Draws the consequences of an answer that asks for patience, and says how much of it.
    async fn slow_down(&self, permit: &Permit<'_>, answer: &Answer) -> Option<Duration> {
        let asked = retry_after(&answer.headers, self.clock.now());
        if matches!(answer.status, 429 | 503) || failure::is_throttling_page(answer) {
            permit.throttled();
            if let Some(asked) = asked {
                self.limiter.hold(Instant::now() + asked);
                if let Some(purse) = &self.purse {
                    purse.pause(asked).await;
                }
            }
        }
        asked
    }

    fn outcome_unknown(&self, doing: &str, answer: &Answer, token: &SecretString) -> Error {
        let secrets = [token.expose_secret()];
        let said = failure::of_answer(doing, &self.host, answer, self.clock.now(), &secrets);
        let what = said.map_or_else(
            || format!("{} answered {}", self.host, answer.status),
            |error| error.what,
        );
        Error::new(Kind::Unavailable, doing, what).advise(MAY_BE_DONE)
    }

    fn tries(&self, retries: u32) -> Tries {
        let now = self.clock.now().as_nanosecond();
        // The low bits are what differs between requests and processes.
        let seed = (now as u64) ^ self.requests().rotate_left(32);
        Tries::new(retries, self.options.backoff, seed)
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Url {
        join(&self.options.base, path, query)
    }
}

/// `path` and `query` below `base`.
pub(crate) fn join(base: &Url, path: &str, query: &[(&str, String)]) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}{path}"));
    url.set_fragment(None);
    url.set_query(None);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

const MAY_BE_DONE: &str = "It may have been carried out all the same";

fn too_late(doing: &str, host: &str) -> Error {
    let what = format!("its turn at {host} came too late, and nothing was sent");
    Error::new(Kind::RateLimited { retry_after: None }, doing, what)
        .advise("Try again later")
        .not_sent()
}

fn asked_by(error: &Error) -> Option<Duration> {
    match error.kind {
        Kind::RateLimited { retry_after } => retry_after,
        _ => None,
    }
}

fn after_tries(mut error: Error, repeated: u32) -> Error {
    if repeated > 0 {
        error.what = format!("{} (tried {} times)", error.what, repeated + 1);
    }
    error
}
