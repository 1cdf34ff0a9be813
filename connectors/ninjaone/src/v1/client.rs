//! Asking API v1, and what its refusals mean.
//!
//! Clients of others read the word in the body alone, and which status comes with which word is not known: so do we.

use super::config::Config;
use super::signature::Keys;
use crate::client::TRANSFERS;
use connect::http::{Answer, Http};
use connect::{Error, Kind};
use http::header::{DATE, RETRY_AFTER};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use model::Clock;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long the limit on lists may last, where the answer does not say.
const LIST_WINDOW: Duration = Duration::from_secs(600);

/// Speaks to one account.
pub struct Client {
    /// The settings.
    pub config: Config,
    /// Sends the requests.
    pub http: Http,
    /// Signs them.
    pub keys: Keys,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Client {
    /// Reads `path`.
    ///
    /// # Errors
    /// Any [`Error`], with NinjaRMM's word explained.
    pub async fn get(&self, doing: &str, path: &str) -> Result<Answer, Error> {
        let answer = self.http.get_answer(doing, path, &[], &self.keys).await?;
        match self.refusal(doing, &answer) {
            None => Ok(answer),
            Some(error) => Err(error),
        }
    }

    /// Reads a list. One that comes broken is asked for again: a broken transfer must not be taken for the list.
    ///
    /// # Errors
    /// [`Kind::Protocol`] with what `parse` says, and any other [`Error`].
    pub async fn list<T>(
        &self,
        doing: &str,
        path: &str,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let mut transfer = 1;
        loop {
            let answer = self.get(doing, path).await?;
            match parse(&answer.body) {
                Ok(parsed) => return Ok(parsed),
                // Every try counts against the limit.
                Err(problem) if transfer + 1 >= TRANSFERS => {
                    let what = format!("{problem}; it begins: {}", answer.excerpt());
                    return Err(Error::new(Kind::Protocol, doing, what).advise(
                        "Try again later; if it stays so, check what stands between this machine and NinjaRMM",
                    ));
                }
                Err(problem) => tracing::debug!(doing, problem, "a list came broken and is asked for again"),
            }
            transfer += 1;
        }
    }

    fn refusal(&self, doing: &str, answer: &Answer) -> Option<Error> {
        let host = self.http.host();
        let said = format!("{host} answered {}: {}", answer.status, answer.excerpt());
        let error = |kind, what: String, next: &str| Some(Error::new(kind, doing, what).advise(next));
        let word = word(answer);
        match word.as_deref() {
            Some("invalid_id") => error(
                Kind::Auth,
                said,
                "NinjaRMM does not know this access key id here. Check it, and the region; keys are made in NinjaRMM \
                 under Configuration → Integrations → API",
            ),
            Some("skewed_time") => error(
                Kind::Configuration,
                format!("{said}; {}", self.skew(answer)),
                "NinjaRMM accepts a difference of 15 minutes. Set this machine's clock, best by NTP",
            ),
            Some("rate_limit_exceeded") => Some(self.limited(doing, &said, answer)),
            Some("missing_header" | "invalid_header") => error(
                Kind::Protocol,
                said,
                "Does a proxy between this machine and NinjaRMM change the headers Date or Authorization?",
            ),
            Some("insufficient_privileges") => error(
                Kind::Forbidden,
                said,
                "The key may not read this; generate one as a System Administrator",
            ),
            Some("not_found") => error(Kind::NotFound, said, ""),
            // The word for a wrong signature is not published.
            Some(_) => error(
                Kind::Auth,
                said,
                "The secret key does not belong to this access key id. NinjaRMM shows a secret once: if it is lost, \
                 generate a new key under Configuration → Integrations → API and enter both parts here",
            ),
            None => match answer.status {
                200..=299 if answer.is_html() => error(
                    Kind::Protocol,
                    said,
                    "A proxy or a sign-in page? Check the region or base URL",
                ),
                200..=299 => None,
                429 => Some(self.limited(doing, &said, answer)),
                401 => error(Kind::Auth, said, "Check the access key id and the secret key"),
                403 => error(Kind::Forbidden, said, "The key may not read this"),
                404 | 410 => error(
                    Kind::NotFound,
                    said,
                    "This host has no API v1: check the region or base URL",
                ),
                408 | 425 | 500..=599 => error(Kind::Unavailable, said, ""),
                _ => error(Kind::Protocol, said, "Check the region or base URL"),
            },
        }
    }

    /// The limit is reached: until when it lasts at the latest.
    fn limited(&self, doing: &str, said: &str, answer: &Answer) -> Error {
        let named = answer
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(Duration::from_secs)
            .filter(|wait| *wait <= LIST_WINDOW);
        let wait = named.unwrap_or(LIST_WINDOW);
        let until =
            self.clock.now() + SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(10));
        let until = until.strftime("%H:%M:%S UTC on %F");
        Error::new(
            Kind::RateLimited {
                retry_after: Some(wait),
            },
            doing,
            said,
        )
        .advise(format!(
            "API v1 gives lists 10 times in 10 minutes. It answers again at {until} at the latest"
        ))
    }

    /// By how much this machine's clock differs from NinjaRMM's.
    fn skew(&self, answer: &Answer) -> String {
        let theirs = answer
            .headers
            .get(DATE)
            .and_then(|value| DateTimeParser::new().parse_timestamp(value.to_str().ok()?).ok());
        skew_in_words(self.clock.now(), theirs)
    }
}

fn skew_in_words(ours: Timestamp, theirs: Option<Timestamp>) -> String {
    let Some(theirs) = theirs else {
        return format!("this machine's clock says {ours}");
    };
    let by = ours.duration_since(theirs).as_secs();
    let (minutes, seconds) = (by.unsigned_abs() / 60, by.unsigned_abs() % 60);
    let way = if by < 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {minutes} min {seconds} s {way} NinjaRMM's")
}

/// The word of a refusal, whatever its status.
fn word(answer: &Answer) -> Option<String> {
    let body = answer.body.trim_ascii_start();
    if body.first() != Some(&b'{') || body.len() > (16 << 10) {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("error")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_told_with_its_size_and_direction() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ours = at("2026-11-02T09:00:00Z");
        assert_eq!(
            skew_in_words(ours, Some(at("2026-11-02T08:42:30Z"))),
            "this machine's clock is 17 min 30 s ahead of NinjaRMM's"
        );
        assert_eq!(
            skew_in_words(ours, Some(at("2026-11-02T10:00:01Z"))),
            "this machine's clock is 60 min 1 s behind NinjaRMM's"
        );
        assert_eq!(
            skew_in_words(ours, None),
            "this machine's clock says 2026-11-02T09:00:00Z"
        );
    }
}
