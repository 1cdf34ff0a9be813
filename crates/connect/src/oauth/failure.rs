//! What a vendor's OAuth pages and token endpoint answered when they did not answer with a token, and what a
//! person can do about it.

use super::OauthApp;
use crate::error::{Error, Kind};
use crate::http::{Answer, redact_known, shorten};
use serde_json::Value;

/// At which step a failure happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthStep {
    /// Asking whether the vendor knows the app.
    Preflight,
    /// The browser's return from the consent page.
    Consent,
    /// Exchanging the code.
    Exchange,
    /// Refreshing.
    Refresh,
    /// Client credentials.
    Machine,
    /// Giving a grant back.
    Revoke,
}

/// A failure as the vendor put it, secrets removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthFailure {
    /// Where it happened.
    pub step: OauthStep,
    /// The HTTP status; `None` when the browser brought it back.
    pub status: Option<u16>,
    /// The `error` of RFC 6749 §5.2, or the vendor's `resultCode`.
    pub error: Option<String>,
    /// The `error_description`, or the vendor's `errorMessage`.
    pub description: Option<String>,
    /// Whether an HTML page came where JSON belongs.
    pub html: bool,
    /// The first words of the body.
    pub excerpt: String,
}

impl OauthFailure {
    /// What an answer says; `secrets` are removed from it.
    pub(super) fn of_answer(step: OauthStep, answer: &Answer, secrets: &[&str]) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| match body.get(*name)? {
                Value::String(text) => Some(text.as_str()),
                Value::Object(inner) => inner.get("code").and_then(Value::as_str),
                _ => None,
            })?;
            Some(shorten(&redact_known(found, secrets), 200)).filter(|text| !text.is_empty())
        };
        Self {
            step,
            status: Some(answer.status),
            error: text(&["error", "resultCode"]),
            description: text(&["error_description", "errorMessage"]),
            html: answer.is_html(),
            excerpt: redact_known(&answer.excerpt(), secrets),
        }
    }

    /// What the browser brought back.
    pub(super) fn of_browser(
        step: OauthStep,
        error: &str,
        description: Option<&str>,
        secrets: &[&str],
    ) -> Self {
        let clean = |text: &str| shorten(&redact_known(text, secrets), 200);
        Self {
            step,
            status: None,
            error: Some(clean(error)),
            description: description.map(clean).filter(|text| !text.is_empty()),
            html: false,
            excerpt: String::new(),
        }
    }

    /// Whether the vendor says in so many words that the grant is over.
    pub(super) fn is_dead_grant(&self, app: &OauthApp) -> bool {
        self.step == OauthStep::Refresh
            && matches!(self.status, Some(400 | 401))
            && self
                .error
                .as_deref()
                .is_some_and(|e| app.dead_grant_errors.iter().any(|d| d.eq_ignore_ascii_case(e)))
    }

    /// The error a person sees.
    pub(super) fn into_error(self, app: &OauthApp, host: &str, doing: &str) -> Error {
        let (kind, meaning, next) = self.meaning(app);
        let said = match (&self.error, &self.description) {
            (Some(error), Some(description)) => format!("{error}: {description}"),
            (Some(error), None) => error.clone(),
            (None, _) => self.excerpt.clone(),
        };
        let who = match self.status {
            Some(status) => format!("{host} answered {status}"),
            None => format!("the browser came back from {host} with an error"),
        };
        let what = if meaning.is_empty() {
            format!("{who} ({said})")
        } else {
            format!("{meaning}: {who} ({said})")
        };
        let next = (app.explain)(&self).unwrap_or(next);
        Error::new(kind, doing, what).advise(next)
    }

    /// Kind, meaning and general advice.
    fn meaning(&self, app: &OauthApp) -> (Kind, &'static str, String) {
        let scopes = app.scopes.join(", ");
        let configuration = |meaning, next: String| (Kind::Configuration, meaning, next);
        let reconnect = "Reconnect this connection".to_owned();
        if self.is_dead_grant(app) {
            return (
                Kind::Auth,
                "the grant is no longer valid: it was revoked, or it expired",
                reconnect,
            );
        }
        if matches!(self.status, Some(408 | 425 | 500..=599)) {
            return (Kind::Unavailable, "", String::new());
        }
        match self.error.as_deref() {
            Some("access_denied") => {
                let next = "Start again, and choose Allow on the consent page".to_owned();
                return (Kind::Auth, "the consent was refused", next);
            }
            Some("temporarily_unavailable" | "server_error") => {
                return (Kind::Unavailable, "", String::new());
            }
            Some("invalid_scope") => {
                let next = format!("Tick these scopes on the app: {scopes}");
                return configuration("the app may not ask for these scopes", next);
            }
            Some("invalid_client") => return configuration(WRONG_APP, CHECK_APP.to_owned()),
            Some("unauthorized_client") => {
                let grant = match self.step {
                    OauthStep::Machine => "Client Credentials",
                    OauthStep::Refresh => "Refresh Token",
                    _ => "Authorization Code",
                };
                let next = format!("Tick the grant type {grant} on the app");
                return configuration("the app may not use this grant type", next);
            }
            Some("invalid_grant") if self.step == OauthStep::Exchange => {
                let next = "Start again; a code works once and for about a minute".to_owned();
                return (Kind::Auth, "the code was not accepted", next);
            }
            _ => {}
        }
        match self.status {
            Some(429) => (Kind::RateLimited { retry_after: None }, "", String::new()),
            Some(404) if self.html => (Kind::Protocol, "there is no such page", CHECK_REGION.to_owned()),
            Some(404) => configuration("this app is not known there", CHECK_REGION.to_owned()),
            _ if self.html => (
                Kind::Protocol,
                "an HTML page came instead of JSON",
                format!("A proxy or sign-in page? {CHECK_REGION}"),
            ),
            Some(401) => configuration(WRONG_APP, CHECK_APP.to_owned()),
            Some(403) => (Kind::Forbidden, "", CHECK_APP.to_owned()),
            Some(_) => (Kind::Invalid, "", CHECK_APP.to_owned()),
            None => (Kind::Auth, "no consent was given", "Start again".to_owned()),
        }
    }
}

const WRONG_APP: &str = "the client ID or the client secret is not accepted";
const CHECK_APP: &str = "Check client ID and client secret; a secret may have been renewed on the app";
const CHECK_REGION: &str = "Check the region or base URL and the client ID: an app exists in one region only";
