//! Parsers of foreign bytes, for fuzzing (`fuzz/`) alone.

use crate::http::{join, retry_after as read_retry_after};
use crate::oauth::{is_callback_query, read_token_answer};
use ::http::header::RETRY_AFTER;
use ::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use url::Url;

/// A vendor's `Retry-After`: never more than five minutes.
pub fn retry_after(bytes: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        let asked = read_retry_after(&headers, Timestamp::UNIX_EPOCH);
        assert!(
            asked.is_none_or(|asked| asked <= Duration::from_secs(300)),
            "{asked:?}"
        );
    }
}

/// The answer of a token endpoint: no token without characters, none that lives for more than a month.
pub fn token_answer(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice(bytes) else {
        return;
    };
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(pair) = read_token_answer(&body, now) {
        let life = pair.expires.duration_since(now);
        assert!(life <= SignedDuration::from_hours(30 * 24), "{life}");
    }
}

/// What a browser brings back from a consent page.
pub fn callback_query(bytes: &[u8]) {
    let _ = is_callback_query(&String::from_utf8_lossy(bytes));
}

/// A path and values that came from outside never change where a request goes.
pub fn url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (path, value) = text.split_once('\n').unwrap_or((&text, ""));
    for base in ["https://app.example.com", "http://127.0.0.1:8080/prefix"] {
        let Ok(base) = Url::parse(base) else { continue };
        let url = join(&base, &format!("/{path}"), &[("df", value.to_owned())]);
        assert_eq!(url.origin(), base.origin(), "{url}");
        assert_eq!(
            (url.username(), url.password(), url.fragment()),
            ("", None, None),
            "{url}"
        );
        let asked: Vec<_> = url.query_pairs().collect();
        assert_eq!(asked, [("df".into(), value.into())], "{url}");
    }
}
