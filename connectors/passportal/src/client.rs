//! The endpoints: lists by page number, single documents, and writes that go out once.

use super::config::Config;
use super::token::Access;
use super::wire::{Details, Document, Id, Page, Refusal};
use connect::http::{Answer, Http, Outgoing, Payload, redact};
use connect::{Error, Kind, WriteError};
use http::{HeaderMap, Method, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What the account must have, as the vendor calls it.
pub const PART: &str = "Documentation Manager";

const DOCUMENTS: &str = "/api/v2/documents";
const CLIENTS: &str = "/api/v2/documents/clients";
/// Records asked for at a time. A server that gives fewer is believed only at an empty page.
const PAGE: usize = 500;
/// The highest page there is.
const LAST_PAGE: usize = 9999;
/// How often a list of several pages is read until two readings agree: pages go by number, so that a record that is
/// deleted meanwhile moves another across the edge of a page.
const READINGS: usize = 4;
/// How often a write that was turned away by a rate limit is handed in again.
const TURNED_AWAY: u32 = 6;
/// How long it waits before that where Passportal does not say; longer each time.
const PAUSE: Duration = Duration::from_millis(500);

/// Speaks to one account.
pub struct Client {
    /// Sends the requests.
    pub http: Http,
    /// Has the token.
    pub access: Access,
    /// The settings.
    pub config: Config,
}

/// A record of a list.
pub trait Listed: DeserializeOwned + PartialEq {
    /// Its id.
    fn id(&self) -> Id;
}

impl Listed for Document {
    fn id(&self) -> Id {
        self.id
    }
}

impl Listed for super::wire::Client {
    fn id(&self) -> Id {
        self.id
    }
}

/// What a body says beside its content, where the answer is a refusal: by its status, or by `success`.
pub fn refusal(answer: &Answer) -> Option<Refusal> {
    let good = (200..300).contains(&answer.status);
    let said = answer.json::<Refusal>("reading an answer");
    match said {
        Ok(said) if good => (said.succeeded() == Some(false)).then_some(said),
        Ok(said) if !said.message.is_empty() => Some(said),
        _ if good => None,
        _ => Some(Refusal {
            message: answer.excerpt(),
            ..Refusal::default()
        }),
    }
}

/// What was answered, in words.
pub fn said(host: &str, status: u16, refused: &Refusal) -> String {
    format!("{host} answered {status}: {}", redact(&refused.message))
}

/// The account lacks Documentation Manager: whoever can enable it is named.
pub fn not_enabled(doing: &str, what: String) -> Error {
    Error::new(Kind::NotEnabled { part: PART }, doing, what).advise(
        "Passportal accepts the keys, and its documents are not open to them: Documentation Manager has to be enabled on \
         the account. Contact your Partner Development Manager at N-able about it, then press Test",
    )
}

/// How long Passportal asks to wait; whole seconds.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds: u64 = answer
        .headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

impl Client {
    fn error(&self, doing: &str, answer: &Answer, refused: &Refusal) -> Error {
        let what = said(self.http.host(), answer.status, refused);
        let tells = refused.message.to_lowercase();
        let tells = tells.contains(&PART.to_lowercase()) || tells.contains("not enabled");
        match answer.status {
            200..=299 if tells => not_enabled(doing, what),
            401 => Error::new(Kind::Auth, doing, what).advise("Check the access key"),
            403 => Error::new(Kind::Forbidden, doing, what),
            404 | 410 => Error::new(Kind::NotFound, doing, what),
            429 => Error::new(
                Kind::RateLimited {
                    retry_after: retry_after(answer),
                },
                doing,
                what,
            ),
            408 | 425 | 500..=599 => Error::new(Kind::Unavailable, doing, what),
            _ => Error::new(Kind::Invalid, doing, what),
        }
    }

    async fn get(&self, doing: &str, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        let answer = self.http.get_answer(doing, path, query, &self.access).await?;
        match refusal(&answer) {
            None => Ok(answer),
            Some(refused) => Err(self.error(doing, &answer, &refused)),
        }
    }

    /// One page of a list. A list is there for whoever may use the API at all: where it is not, the account lacks what the
    /// API belongs to.
    async fn page<T: DeserializeOwned>(
        &self,
        doing: &str,
        path: &str,
        filter: &[(&str, String)],
        (number, size): (usize, usize),
    ) -> Result<Vec<T>, Error> {
        let mut query = filter.to_vec();
        query.push(("resultsPerPage", size.to_string()));
        query.push(("pageNum", number.to_string()));
        let answer = match self.get(doing, path, &query).await {
            Err(error) if matches!(error.kind, Kind::Forbidden | Kind::NotFound) => {
                return Err(not_enabled(doing, error.what));
            }
            answered => answered?,
        };
        Ok(answer.json::<Page<T>>(doing)?.results.unwrap_or_default())
    }

    /// A whole list, read until an empty page.
    async fn reading<T: Listed>(
        &self,
        doing: &str,
        path: &str,
        filter: &[(&str, String)],
    ) -> Result<(Vec<T>, usize), Error> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for number in 1..=LAST_PAGE {
            let page = self.page::<T>(doing, path, filter, (number, PAGE)).await?;
            if page.is_empty() {
                return Ok((all, number - 1));
            }
            let before = seen.len();
            all.extend(page.into_iter().filter(|record| seen.insert(record.id())));
            if seen.len() == before {
                let what = format!("the list goes round in circles: page {number} brought nothing new");
                return Err(Error::new(Kind::Protocol, doing, what));
            }
        }
        let what = format!("the list has more than {LAST_PAGE} pages, and Passportal gives no further ones");
        Err(Error::new(Kind::Protocol, doing, what))
    }

    /// A whole list that did not change while it was read.
    async fn list<T: Listed>(
        &self,
        doing: &str,
        path: &str,
        filter: &[(&str, String)],
    ) -> Result<Vec<T>, Error> {
        let (mut all, pages) = self.reading::<T>(doing, path, filter).await?;
        if pages <= 1 {
            return Ok(all);
        }
        for _ in 1..READINGS {
            let (again, _) = self.reading(doing, path, filter).await?;
            if again == all {
                return Ok(all);
            }
            all = again;
        }
        let what = format!("the list changed during each of {READINGS} readings");
        Err(Error::new(Kind::Unavailable, doing, what)
            .advise("Try again when fewer people work in Passportal"))
    }

    /// All clients.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    pub async fn clients(&self) -> Result<Vec<super::wire::Client>, Error> {
        self.list("reading clients", CLIENTS, &[]).await
    }

    /// The asset documents of a client, or everybody's. Filters are asked for, and not trusted.
    ///
    /// # Errors
    /// Any [`Error`]; never a part of the list.
    pub async fn assets(&self, client: Option<Id>) -> Result<Vec<Document>, Error> {
        let mut filter = vec![
            ("type", "asset".to_owned()),
            ("orderBy", "id".to_owned()),
            ("orderDir", "asc".to_owned()),
        ];
        filter.extend(client.map(|client| ("clientId", client.0.to_string())));
        let mut rows: Vec<Document> = self.list("listing asset documents", DOCUMENTS, &filter).await?;
        rows.retain(|row| {
            row.kind.as_deref().is_none_or(|kind| kind == "asset")
                && client.is_none_or(|client| client == row.client_id)
        });
        Ok(rows)
    }

    /// Asks for one document's place in the list: whether the account may read documents at all.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn glance(&self) -> Result<(), Error> {
        let page = self
            .page::<Value>("reading documents", DOCUMENTS, &[], (1, 1))
            .await;
        page.map(drop)
    }

    /// One document; `None` where there is none. Passportal answers 403 for one that does not exist.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn document(&self, id: Id) -> Result<Option<Details>, Error> {
        let doing = format!("reading document {}", id.0);
        match self.get(&doing, &format!("{DOCUMENTS}/{}", id.0), &[]).await {
            Ok(answer) => answer.json(&doing).map(Some),
            Err(error) if matches!(error.kind, Kind::Forbidden | Kind::NotFound | Kind::Invalid) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates documents.
    ///
    /// # Errors
    /// Why it was not done, or that nobody knows.
    pub async fn create(&self, body: Value, send_by: Instant) -> Result<(), WriteError> {
        self.send(
            "creating an asset document",
            Method::POST,
            DOCUMENTS,
            body,
            send_by,
        )
        .await
    }

    /// Replaces the fields of a document.
    ///
    /// # Errors
    /// As [`Client::create`].
    pub async fn replace(&self, id: Id, body: Value, send_by: Instant) -> Result<(), WriteError> {
        let path = format!("{DOCUMENTS}/{}", id.0);
        self.send("replacing an asset document", Method::PUT, &path, body, send_by)
            .await
    }

    /// Sends a write once. Only what a rate limit turned away, which means that nothing was done, is handed in again.
    async fn send(
        &self,
        doing: &str,
        method: Method,
        path: &str,
        body: Value,
        send_by: Instant,
    ) -> Result<(), WriteError> {
        let mut turned_away = 0;
        loop {
            let request = Outgoing {
                method: method.clone(),
                path,
                query: &[],
                headers: HeaderMap::new(),
                payload: Payload::Json(body.clone()),
                send_by: Some(send_by),
            };
            let answer = self.http.send_once_answer(doing, request, &self.access).await;
            let answer = answer.map_err(WriteError::unanswered)?;
            if answer.status != 429 {
                return self.sort(doing, &answer);
            }
            turned_away += 1;
            let wait = retry_after(&answer).unwrap_or(PAUSE * turned_away);
            if turned_away >= TURNED_AWAY || Instant::now() + wait >= send_by {
                let refused = refusal(&answer).unwrap_or_default();
                return Err(WriteError::Refused(self.error(doing, &answer, &refused)));
            }
            sleep(wait).await;
        }
    }

    /// What the answer to a write means.
    fn sort(&self, doing: &str, answer: &Answer) -> Result<(), WriteError> {
        if let Some(refused) = refusal(answer) {
            let error = self.error(doing, answer, &refused);
            return Err(match error.kind {
                Kind::Unavailable => WriteError::Unknown(error),
                _ => WriteError::Refused(error),
            });
        }
        match answer.json::<Refusal>(doing) {
            Ok(done) if done.succeeded() == Some(true) => Ok(()),
            // Something else answered, or in other words; what is behind it may have got the request.
            _ => {
                let what = format!(
                    "{} answered {} and does not say whether it was done: {}",
                    self.http.host(),
                    answer.status,
                    answer.excerpt()
                );
                Err(WriteError::Unknown(Error::new(Kind::Protocol, doing, what)))
            }
        }
    }
}
