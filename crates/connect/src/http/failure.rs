//! What went wrong, in words: failures below HTTP, and answers outside 2xx.

use super::answer::Answer;
use super::client::host_of;
use super::guard::{Refused, Unresolved};
use super::redact::{redact, redact_known, shorten};
use super::retry::retry_after;
use crate::error::{Error, Kind};
use ::http::header::{LOCATION, WWW_AUTHENTICATE};
use jiff::Timestamp;
use rustls::CertificateError;
use std::error::Error as StdError;
use std::time::Duration;
use url::Url;

const CHECK_HOST: &str = "Check the region or base URL, and whether this machine can reach it";

/// A request that got no answer.
pub(super) struct NoAnswer {
    /// What happened.
    pub(super) error: Error,
    /// Whether the vendor may have seen the request.
    pub(super) sent: bool,
    /// Whether trying again can help.
    pub(super) again: bool,
    /// Whether it took too long.
    pub(super) timeout: bool,
}

impl NoAnswer {
    /// A request refused before anything was sent.
    pub(super) fn before_sending(error: Error) -> Self {
        Self {
            error: error.not_sent(),
            sent: false,
            again: false,
            timeout: false,
        }
    }

    /// An answer whose body could not be used: it was carried out, or may have been.
    pub(super) fn body(error: Error) -> Self {
        Self {
            error,
            sent: true,
            again: false,
            timeout: false,
        }
    }

    /// What the HTTP client says, in words.
    pub(super) fn of(
        doing: &str,
        url: &Url,
        deadline: Duration,
        connect: Duration,
        error: &reqwest::Error,
    ) -> Self {
        let host = host_of(url);
        let no = |kind, what: String, next: &str| Error::new(kind, doing, what).advise(next);
        if let Some(refused) = find::<Refused>(error) {
            return Self::before_sending(no(Kind::Configuration, refused.to_string(), refused.advice()));
        }
        if let Some(unresolved) = find::<Unresolved>(error) {
            let error = no(Kind::Unavailable, redact(&unresolved.to_string()), CHECK_HOST);
            return Self {
                error: error.not_sent(),
                sent: false,
                again: true,
                timeout: false,
            };
        }
        if let Some(tls) = find::<rustls::Error>(error)
            && let Some((what, next)) = explain_tls(&host, tls)
        {
            // A handshake that failed: nothing of the request was sent.
            return Self::before_sending(no(Kind::Configuration, what, next));
        }
        if error.is_builder() {
            let what = format!("the request cannot be built: {}", causes(error));
            return Self::before_sending(no(Kind::Configuration, what, ""));
        }
        let (what, next, timeout) = if error.is_timeout() && error.is_connect() {
            (
                format!("no connection to {host} within {} s", connect.as_secs_f32()),
                CHECK_HOST,
                true,
            )
        } else if error.is_timeout() {
            (
                format!(
                    "no complete answer from {host} within {} s",
                    deadline.as_secs_f32()
                ),
                "",
                true,
            )
        } else if error.is_connect() {
            let words = match find::<std::io::Error>(error).map(std::io::Error::kind) {
                Some(std::io::ErrorKind::ConnectionRefused) => "it refused the connection".to_owned(),
                _ => causes(error),
            };
            (format!("{host} cannot be reached: {words}"), CHECK_HOST, false)
        } else if error.is_decode() {
            (format!("the answer of {host} cannot be decompressed"), "", false)
        } else {
            (
                format!(
                    "{host} broke off before the answer was complete: {}",
                    causes(error)
                ),
                "",
                false,
            )
        };
        // Name, connection and handshake come before the first byte of a request.
        let sent = !error.is_connect();
        let told = no(Kind::Unavailable, what, next);
        Self {
            error: if sent { told } else { told.not_sent() },
            sent,
            again: true,
            timeout,
        }
    }
}

/// The innermost cause, which is where the operating system or the peer speaks.
fn causes(error: &reqwest::Error) -> String {
    let mut last: &dyn StdError = error;
    while let Some(source) = last.source() {
        last = source;
    }
    shorten(&redact(&last.to_string()), 200)
}

/// The error of type `T` among the causes. An `io::Error` hides the error it wraps from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(wrapped) = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            && let Some(found) = find::<T>(wrapped)
        {
            return Some(found);
        }
        next = current.source();
    }
    None
}

/// What a failure to agree on TLS means, where that is among the causes.
pub(crate) fn tls_trouble(host: &str, error: &(dyn StdError + 'static)) -> Option<String> {
    let (what, _) = explain_tls(host, find::<rustls::Error>(error)?)?;
    Some(what)
}

/// What a TLS failure means and what to do; `None` for a connection that merely broke.
fn explain_tls(host: &str, error: &rustls::Error) -> Option<(String, &'static str)> {
    let words = match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer => (
                format!("the certificate of {host} is not signed by an authority this machine trusts"),
                "If a proxy or an in-house authority signs it, add its certificate as an extra CA",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                format!("the certificate of {host} has expired"),
                "Check this machine's clock; otherwise the host's operator has to renew it",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                format!("the certificate of {host} is not valid yet"),
                "Check this machine's clock",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("the certificate shown by {host} is for another name"),
                CHECK_HOST,
            ),
            other => (
                format!("the certificate of {host} is not valid: {other}"),
                CHECK_HOST,
            ),
        },
        rustls::Error::InvalidMessage(_) => (
            format!("{host} does not speak TLS on this port"),
            "Check the port, and whether the URL should begin with http",
        ),
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => (
            format!("{host} and this machine found no common TLS settings: {error}"),
            CHECK_HOST,
        ),
        _ => return None,
    };
    Some(words)
}

/// Whether a page asks to slow down. Vendors behind load balancers do so in HTML.
pub(crate) fn is_throttling_page(answer: &Answer) -> bool {
    if !answer.is_html() {
        return false;
    }
    if matches!(answer.status, 429 | 503) {
        return true;
    }
    let page = String::from_utf8_lossy(&answer.body[..answer.body.len().min(64 << 10)]).to_ascii_lowercase();
    ["rate limit", "too many requests", "request limit exceeded"]
        .iter()
        .any(|words| page.contains(words))
}

/// Whether a read answered so may succeed later.
pub(super) fn is_worth_repeating(answer: &Answer) -> bool {
    matches!(answer.status, 408 | 425 | 429)
        || (answer.status >= 500 && !matches!(answer.status, 501 | 505))
        || is_throttling_page(answer)
}

/// Whether a 401 says that a right is missing, which no other token of this grant would have (RFC 6750 §3.1;
/// `insufficient_privileges` is NinjaOne's word).
pub(super) fn lacks_scope(answer: &Answer) -> bool {
    let challenge = answer
        .headers
        .get(WWW_AUTHENTICATE)
        .map_or(b"".as_slice(), |v| v.as_bytes());
    let body = &answer.body[..answer.body.len().min(4 << 10)];
    [challenge, body].iter().any(|text| {
        let text = String::from_utf8_lossy(text);
        text.contains("insufficient_scope") || text.contains("insufficient_privileges")
    })
}

/// The error for an answer outside 2xx, or for a page where JSON belongs; `None` for a good answer.
pub(crate) fn of_answer(
    doing: &str,
    host: &str,
    answer: &Answer,
    now: Timestamp,
    secrets: &[&str],
) -> Option<Error> {
    let asked = retry_after(&answer.headers, now);
    let said = format!(
        "{host} answered {}: {}",
        answer.status,
        redact_known(&answer.excerpt(), secrets)
    );
    let error = |kind, next: &str| Some(Error::new(kind, doing, said.as_str()).advise(next));
    if is_throttling_page(answer) || answer.status == 429 {
        return error(Kind::RateLimited { retry_after: asked }, "");
    }
    match answer.status {
        200..=299 if answer.is_html() => Some(answer.html_error(doing)),
        200..=299 => None,
        300..=399 => {
            let target = redirect_target(host, answer);
            Some(
                Error::new(
                    Kind::Protocol,
                    doing,
                    format!("{host} answered {} and points to {target}", answer.status),
                )
                .advise("Redirects are not followed. Check the region or base URL"),
            )
        }
        401 if lacks_scope(answer) => error(Kind::Forbidden, FORBIDDEN),
        401 => error(Kind::Auth, "Reconnect this connection"),
        403 => error(Kind::Forbidden, FORBIDDEN),
        404 | 410 => error(Kind::NotFound, ""),
        407 => error(
            Kind::Configuration,
            "The proxy asks for a sign-in: put user and password into its URL",
        ),
        409 | 412 => error(Kind::Conflict, ""),
        408 | 425 | 500..=599 => error(Kind::Unavailable, ""),
        400..=499 => error(Kind::Invalid, ""),
        _ => error(Kind::Protocol, ""),
    }
}

const FORBIDDEN: &str = "The app or its user lacks a scope or right for this";

/// Where a redirect points, without query and fragment: both may hold secrets.
fn redirect_target(host: &str, answer: &Answer) -> String {
    let Some(location) = answer.headers.get(LOCATION).and_then(|v| v.to_str().ok()) else {
        return "nowhere".to_owned();
    };
    match Url::parse(location) {
        Ok(url) => format!("{}://{}{}", url.scheme(), host_of(&url), shorten(url.path(), 120)),
        Err(_) => {
            let path = location.split(['?', '#']).next().unwrap_or_default();
            format!("{host}{}", shorten(&redact(path), 120))
        }
    }
}
