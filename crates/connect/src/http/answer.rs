//! An answer as it came, with its body read to the end.

use super::redact::{excerpt_of_html, redact, shorten};
use crate::error::{Error, Kind};
use ::http::header::CONTENT_TYPE;
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// Longest excerpt of a body in an error, in characters.
const EXCERPT: usize = 300;

/// An answer as it came.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: ::http::HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The body as `T`. `doing` says what for.
    ///
    /// # Errors
    /// [`Kind::Protocol`] with the first words of what came instead.
    pub fn json<T: DeserializeOwned>(&self, doing: &str) -> Result<T, Error> {
        if self.is_html() {
            return Err(self.html_error(doing));
        }
        let body = self
            .body
            .strip_prefix(b"\xEF\xBB\xBF".as_slice())
            .unwrap_or(&self.body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::new(
                Kind::Protocol,
                doing,
                format!("the answer ({}) is empty where JSON belongs", self.status),
            ));
        }
        serde_json::from_slice(body).map_err(|error| {
            Error::new(
                Kind::Protocol,
                doing,
                format!(
                    "the answer is not the JSON expected: {}; it begins: {}",
                    shorten(&redact(&error.to_string()), 160),
                    self.excerpt()
                ),
            )
        })
    }

    /// Whether the body is an HTML page, by its content type or its first bytes. What begins as JSON is none, whatever its
    /// content type: vendors label good answers wrongly.
    pub fn is_html(&self) -> bool {
        let body = self
            .body
            .strip_prefix(b"\xEF\xBB\xBF".as_slice())
            .unwrap_or(&self.body)
            .trim_ascii_start();
        if matches!(body.first(), Some(b'{' | b'[')) {
            return false;
        }
        let declared = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .trim_start()
            .to_ascii_lowercase();
        if declared.starts_with("text/html") || declared.starts_with("application/xhtml") {
            return true;
        }
        [b"<!doctype html".as_slice(), b"<html".as_slice()]
            .iter()
            .any(|start| {
                body.get(..start.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(start))
            })
    }

    /// The first words of the body, secrets removed, on one line of at most 300 characters.
    pub fn excerpt(&self) -> String {
        // Read enough that markup and secrets can be removed before it is cut.
        let head = &self.body[..self.body.len().min(16 << 10)];
        let text = String::from_utf8_lossy(head);
        let text = if self.is_html() {
            excerpt_of_html(&text)
        } else {
            redact(&text)
        };
        if text.trim().is_empty() {
            "(no text)".to_owned()
        } else {
            shorten(&text, EXCERPT)
        }
    }

    /// The error for an HTML page where JSON belongs.
    pub(crate) fn html_error(&self, doing: &str) -> Error {
        Error::new(
            Kind::Protocol,
            doing,
            format!("answered {} with an HTML page instead of JSON: {}", self.status, self.excerpt()),
        )
        .advise("A proxy or sign-in page? Check the region or base URL, and what stands between this machine and it")
    }
}
