//! Sending the browser to a page of somebody else, from which it comes back by itself.

use super::{Theme, page};
use crate::problem::Result;
use askama::Template;
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use axum::response::{IntoResponse as _, Response};
use url::Url;

#[derive(Template)]
#[template(path = "away.html")]
struct AwayPage {
    theme: Theme,
    title: &'static str,
    what: &'static str,
    host: String,
    url: String,
    back: &'static str,
}

/// Sends the browser to `url`; `what` says what to do there, `back` where whoever does not want to goes. A redirect would
/// do, but that a form leads to another host is what our policy forbids.
pub fn away(
    theme: Theme,
    (title, what, back): (&'static str, &'static str, &'static str),
    url: &Url,
) -> Result<Response> {
    let answer = page(&AwayPage {
        theme,
        title,
        what,
        host: url.host_str().unwrap_or_default().to_owned(),
        url: url.to_string(),
        back,
    })?;
    let refresh = HeaderValue::from_str(&format!("0;url={url}"));
    Ok(match refresh {
        Ok(refresh) => ([(REFRESH, refresh)], answer).into_response(),
        Err(_) => answer,
    })
}
