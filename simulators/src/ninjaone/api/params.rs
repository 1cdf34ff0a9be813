//! Query parameters. The ones an endpoint does not know are ignored, as the vendor does.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::Refusal;

/// The query of a request.
pub(super) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        ))
    }
}

impl Params {
    /// The value of `key`, unless it is absent or empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, value)| name == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The whole number in `key`.
    ///
    /// # Errors
    /// 400 when it is not a number.
    pub fn int(&self, key: &str) -> Result<Option<i64>, Refusal> {
        self.get(key)
            .map(|text| {
                text.parse()
                    .map_err(|_| Refusal::bad_request(format!("Parameter '{key}' is not a number: '{text}'")))
            })
            .transpose()
    }

    /// The number in `key`, which has to lie between `low` and `high`.
    ///
    /// # Errors
    /// 400 when it is no number or out of range.
    pub fn size(&self, key: &str, low: i64, high: i64) -> Result<Option<usize>, Refusal> {
        match self.int(key)? {
            None => Ok(None),
            Some(size) if (low..=high).contains(&size) => Ok(usize::try_from(size).ok()),
            Some(size) => Err(Refusal::bad_request(format!(
                "Parameter '{key}' must be between {low} and {high}: {size}"
            ))),
        }
    }

    /// Whether `key` is `true`.
    pub fn is_true(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The values of a comma list.
    pub fn list(&self, key: &str) -> Vec<&str> {
        self.get(key)
            .map(|text| text.split(',').map(str::trim).collect())
            .unwrap_or_default()
    }
}

/// An id from a path; 404 when it is none, as no record can have it.
pub(super) fn id(text: &str) -> Result<u32, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}
