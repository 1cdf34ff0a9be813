//! The directory's endpoints: lists by cursor, and writes that go out once.

use super::config::Config;
use super::wire::{Page, Problem, Refused};
use async_trait::async_trait;
use connect::http::{Answer, Bearer, Http, Outgoing, Payload, redact};
use connect::{Error, Kind, WriteError};
use http::{HeaderMap, HeaderValue, Method, header};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;
use std::marker::PhantomData;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where the API begins.
pub(super) const PREFIX: &str = "/api/v1";
/// Records per page.
const PAGE: usize = 200;
/// How often a write that was turned away by a rate limit is handed in again.
const TURNED_AWAY: u32 = 8;
/// How long it waits before that where the directory does not say; longer each time.
const PAUSE: Duration = Duration::from_millis(250);

/// Speaks to one directory.
pub struct Client {
    http: Http,
    key: Key,
    /// The settings.
    pub config: Config,
}

/// The key goes with every request. There is no other when it is refused.
struct Key(SecretString);

#[async_trait]
impl Bearer for Key {
    async fn token(&self) -> Result<SecretString, Error> {
        Ok(self.0.clone())
    }

    async fn rejected(&self, _token: &SecretString) -> Result<SecretString, Error> {
        Err(Error::new(
            Kind::Auth,
            "signing in to the directory",
            "it does not accept the API key",
        )
        .advise("Enter a valid API key for this connection"))
    }
}

/// One write.
pub struct Sending<'a> {
    /// What for, e.g. `creating an asset`.
    pub doing: &'a str,
    /// The method.
    pub method: Method,
    /// The path below the API's.
    pub path: &'a str,
    /// The version the record must have.
    pub version: Option<u64>,
    /// The body.
    pub body: Option<Value>,
    /// When its turn comes later than this, it is not sent.
    pub send_by: Option<Instant>,
}

/// A list that is read page by page until the directory says that it is complete.
pub struct Pages<'a, T> {
    client: &'a Client,
    doing: &'a str,
    path: String,
    filter: Vec<(&'a str, String)>,
    seen: HashSet<String>,
    /// The cursor of the next page, which the first has not; `None` once the list is complete.
    next: Option<Option<String>>,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// [`Kind::Protocol`] when the list goes round in circles or breaks off, and any other [`Error`].
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(cursor) = self.next.take() else {
            return Ok(None);
        };
        let mut query = self.filter.clone();
        query.push(("limit", PAGE.to_string()));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let http = &self.client.http;
        let answer = http.get(self.doing, &self.path, &query, &self.client.key).await?;
        let page: Page<T> = answer.json(self.doing)?;
        if !page.page.complete {
            let broken = |what: &str| Error::new(Kind::Protocol, self.doing, what);
            let next = page.page.next_cursor;
            let next = next.ok_or_else(|| broken("a page is not the last and names no next one"))?;
            if !self.seen.insert(next.clone()) {
                return Err(broken("the list goes round in circles: a cursor came twice"));
            }
            self.next = Some(Some(next));
        }
        Ok(Some(page.data))
    }
}

/// Why a write was not done, or may have been.
#[derive(Debug)]
pub enum NotDone {
    /// It was refused; `code` is the vendor's word, empty without one.
    Refused {
        /// The vendor's word.
        code: String,
        /// The error.
        error: Box<Error>,
    },
    /// The record has another version.
    OtherVersion(String),
    /// The record is not as it was expected to be.
    Changed(String),
    /// It may have been carried out.
    Unknown(Error),
}

impl From<NotDone> for WriteError {
    fn from(not: NotDone) -> Self {
        match not {
            NotDone::Refused { error, .. } => Self::Refused(*error),
            NotDone::OtherVersion(what) | NotDone::Changed(what) => Self::Changed(what),
            NotDone::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl Client {
    /// Speaks through `http`.
    pub fn new(http: Http, config: Config) -> Self {
        Self {
            key: Key(config.api_key.clone()),
            http,
            config,
        }
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn read<T: DeserializeOwned>(&self, doing: &str, path: &str) -> Result<T, Error> {
        let path = format!("{PREFIX}{path}");
        self.http.get(doing, &path, &[], &self.key).await?.json(doing)
    }

    /// A list, to be read page by page.
    pub fn pages<'a, T>(
        &'a self,
        doing: &'a str,
        path: &str,
        filter: Vec<(&'a str, String)>,
    ) -> Pages<'a, T> {
        Pages {
            client: self,
            doing,
            path: format!("{PREFIX}{path}"),
            filter,
            seen: HashSet::new(),
            next: Some(None),
            of: PhantomData,
        }
    }

    /// A whole list.
    ///
    /// # Errors
    /// As [`Pages::next`]; never a part of the list.
    pub async fn list<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &str,
        filter: Vec<(&str, String)>,
    ) -> Result<Vec<T>, Error> {
        let mut pages = self.pages(doing, path, filter);
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            all.extend::<Vec<T>>(page);
        }
        Ok(all)
    }

    /// Sends a write once. Only what a rate limit turned away, which means that nothing was done, is handed in again.
    ///
    /// # Errors
    /// [`NotDone`]; the answer is a 2xx otherwise.
    pub async fn send(&self, sending: Sending<'_>) -> Result<Answer, NotDone> {
        let doing = sending.doing;
        let path = format!("{PREFIX}{}", sending.path);
        let mut headers = HeaderMap::new();
        if let Some(version) = sending.version
            && let Ok(value) = HeaderValue::try_from(format!("\"{version}\""))
        {
            headers.insert(header::IF_MATCH, value);
        }
        let mut turned_away = 0;
        loop {
            let request = Outgoing {
                method: sending.method.clone(),
                path: &path,
                query: &[],
                headers: headers.clone(),
                payload: sending.body.clone().map_or(Payload::None, Payload::Json),
                send_by: sending.send_by,
            };
            let answered = self.http.send_once_answer(doing, request, &self.key).await;
            let answer = answered.map_err(unanswered)?;
            if answer.status != 429 {
                return self.sort(doing, answer);
            }
            turned_away += 1;
            let asked = retry_after(&answer);
            let wait = asked.unwrap_or(PAUSE * turned_away);
            let in_time = sending.send_by.is_none_or(|by| Instant::now() + wait < by);
            if turned_away >= TURNED_AWAY || !in_time {
                let mut error = self.error(doing, &answer, &problem_of(&answer));
                error.kind = Kind::RateLimited { retry_after: asked };
                return Err(refused("rate_limit", error));
            }
            sleep(wait).await;
        }
    }

    /// What an answer means.
    fn sort(&self, doing: &str, answer: Answer) -> Result<Answer, NotDone> {
        match answer.status {
            200..=299 if !answer.is_html() => Ok(answer),
            // Something that is not the directory answered; what is behind it may have got the request.
            200..=299 => Err(NotDone::Unknown(self.error(doing, &answer, &Problem::default()))),
            _ => {
                let problem = problem_of(&answer);
                let error = self.error(doing, &answer, &problem);
                Err(not_done(answer.status, &problem, error))
            }
        }
    }

    fn error(&self, doing: &str, answer: &Answer, problem: &Problem) -> Error {
        let said = match problem.message.is_empty() {
            true => answer.excerpt(),
            false => said(problem),
        };
        let what = format!("{} answered {}: {said}", self.http.host(), answer.status);
        Error::new(kind(answer.status), doing, what)
    }

    /// What the answer to one operation of a batch means that was not carried out.
    pub fn sort_item(&self, doing: &str, status: u16, problem: &Problem) -> NotDone {
        let what = format!("{} answered {status}: {}", self.http.host(), said(problem));
        not_done(status, problem, Error::new(kind(status), doing, what))
    }
}

/// The answer to a write as `T`; one that cannot be read leaves open what was done.
///
/// # Errors
/// [`NotDone::Unknown`].
pub fn parse<T: DeserializeOwned>(doing: &str, answer: &Answer) -> Result<T, NotDone> {
    answer.json(doing).map_err(NotDone::Unknown)
}

fn refused(code: &str, error: Error) -> NotDone {
    NotDone::Refused {
        code: code.to_owned(),
        error: Box::new(error),
    }
}

/// A write without an answer.
fn unanswered(error: Error) -> NotDone {
    match WriteError::unanswered(error) {
        WriteError::Unknown(error) => NotDone::Unknown(error),
        WriteError::Refused(error) => refused("", error),
        WriteError::Changed(what) => NotDone::Changed(what),
    }
}

fn problem_of(answer: &Answer) -> Problem {
    let refused = answer.json::<Refused>("reading a refusal");
    refused.map_or_else(|_| Problem::default(), |refused| refused.error)
}

fn said(problem: &Problem) -> String {
    let path = problem
        .path
        .as_ref()
        .map_or_else(String::new, |path| format!(" (at {path})"));
    redact(&format!("{}{path}", problem.message))
}

fn not_done(status: u16, problem: &Problem, error: Error) -> NotDone {
    match (status, problem.code.as_str()) {
        (412, _) => NotDone::OtherVersion(error.what),
        (409, "archived") => NotDone::Changed(error.what),
        (500.., _) => NotDone::Unknown(error),
        (_, code) => refused(code, error),
    }
}

fn kind(status: u16) -> Kind {
    match status {
        401 => Kind::Auth,
        403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        409 | 412 => Kind::Conflict,
        429 => Kind::RateLimited { retry_after: None },
        400..=499 => Kind::Invalid,
        500.. => Kind::Unavailable,
        _ => Kind::Protocol,
    }
}

/// How long the directory asks to wait; it names seconds.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds: f64 = answer
        .headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(3600.0)))
}
