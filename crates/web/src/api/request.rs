//! What a request brings: a body, a query, an idempotency key. What cannot be read is refused, and so is what is not known:
//! a misspelt field would otherwise be one that silently does nothing.

use super::failure::Failure;
use crate::Web;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

/// A JSON body. An empty one is `{}`.
#[derive(Debug)]
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Web> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Failure> {
        let kind = request.headers().get(CONTENT_TYPE).cloned();
        let bytes = Bytes::from_request(request, web).await.map_err(|error| {
            Failure::new(
                error.status(),
                "malformed",
                format!("The body: {}.", error.body_text()),
            )
        })?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return read(b"{}");
        }
        // Also what keeps a form of another site out: none of theirs can send this kind.
        let is_json = kind.is_some_and(|kind| {
            let kind = kind
                .to_str()
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let what = "The body must be JSON, with the header `Content-Type: application/json`.";
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", what));
        }
        read(&bytes)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Sent<T>, Failure> {
    use serde_json::error::Category;
    serde_json::from_slice(bytes).map(Sent).map_err(|error| {
        let (status, code) = match error.classify() {
            Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Category::Syntax | Category::Eof | Category::Io => (StatusCode::BAD_REQUEST, "malformed"),
        };
        Failure::new(status, code, format!("The body: {error}."))
    })
}

/// A query.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Web> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Failure> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(Failure::malformed(format!("The query: {}.", error.body_text()))),
        }
    }
}

/// The key of a request that puts work into the queue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Once {
    /// Names the request: sent again with the same key, it gives the job of the first time and starts nothing. Up to
    /// 200 visible characters, yours alone; the same key with another request is refused.
    #[serde(rename = "Idempotency-Key")]
    #[param(required = false)]
    pub key: Option<String>,
}

impl FromRequestParts<Web> for Once {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Failure> {
        let Some(sent) = parts.headers.get("idempotency-key") else {
            return Ok(Self { key: None });
        };
        let fits =
            |text: &&str| (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        match sent.to_str().ok().filter(fits) {
            Some(key) => Ok(Self {
                key: Some(key.to_owned()),
            }),
            None => Err(Failure::malformed(
                "The header Idempotency-Key must have 1 to 200 visible ASCII characters.",
            )),
        }
    }
}
