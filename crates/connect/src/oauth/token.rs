//! The token endpoint: what is sent, and what its answers mean.

use super::failure::{OauthFailure, OauthStep};
use super::{ClientAuth, OauthApp};
use crate::error::{Error, Kind};
use crate::grant::NewGrant;
use crate::http::{Answer, Http, host_of, of_answer, redact_known, retry_after, shorten};
use ::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use model::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a token that states no lifetime is taken to live; NinjaOne's and most others' do.
const USUAL_LIFETIME: f64 = 3600.0;
/// No access token is trusted longer than this.
const LONGEST_LIFETIME: f64 = 30.0 * 86_400.0;

/// A token endpoint that gave no token.
pub(super) struct NoToken {
    pub(super) error: Error,
    /// Whether the vendor says that the grant itself is over.
    pub(super) dead: bool,
    /// The refresh token in an answer whose access token cannot be used. Where the vendor rotates, it alone gets the
    /// next pair: the one that was shown may be spent.
    pub(super) rotated: Option<SecretString>,
}

impl From<Error> for NoToken {
    fn from(error: Error) -> Self {
        Self {
            error,
            dead: false,
            rotated: None,
        }
    }
}

/// Asks the token endpoint for a pair. `form` holds the grant; the app's id and secret are added. The pair's scopes
/// are empty when the answer names none.
pub(super) async fn ask(
    app: &OauthApp,
    http: &Http,
    clock: &dyn Clock,
    step: OauthStep,
    doing: &str,
    form: &[(&str, &str)],
) -> Result<NewGrant, NoToken> {
    let mut secrets: Vec<&str> = form
        .iter()
        .filter(|(name, _)| matches!(*name, "code" | "code_verifier" | "refresh_token"))
        .map(|(_, value)| *value)
        .collect();
    secrets.extend(app.client_secret.iter().map(ExposeSecret::expose_secret));
    // The lifetime counts from the vendor's clock when it answers, so from here it can only be shorter.
    let asked_at = clock.now();
    let answer = post(app, http, doing, &app.endpoints.token, form).await?;
    if !(200..300).contains(&answer.status) || answer.is_html() {
        return Err(refused(app, step, doing, &answer, clock.now(), &secrets));
    }
    let body: Value = answer.json(doing)?;
    read_pair(&body, asked_at).map_err(|what| {
        let what = format!(
            "{} answered {} but {what}",
            host_of(&app.endpoints.token),
            answer.status
        );
        NoToken {
            error: Error::new(Kind::Protocol, doing, redact_known(&what, &secrets)),
            dead: false,
            rotated: text_in(&body, "refresh_token"),
        }
    })
}

/// Posts a form with the app's credentials.
pub(super) async fn post(
    app: &OauthApp,
    http: &Http,
    doing: &str,
    url: &url::Url,
    form: &[(&str, &str)],
) -> Result<Answer, Error> {
    let mut headers = HeaderMap::new();
    let mut form = form.to_vec();
    match (&app.client_secret, app.client_auth) {
        (Some(secret), ClientAuth::Header) => {
            headers.insert(header::AUTHORIZATION, basic(doing, &app.client_id, secret)?);
        }
        (Some(secret), ClientAuth::Form) => {
            form.push(("client_id", &app.client_id));
            form.push(("client_secret", secret.expose_secret()));
        }
        (None, _) => form.push(("client_id", &app.client_id)),
    }
    http.form(doing, url, headers, &form).await
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
fn basic(doing: &str, id: &str, secret: &SecretString) -> Result<HeaderValue, Error> {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret.expose_secret()));
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        Error::new(
            Kind::Configuration,
            doing,
            "the client ID or secret cannot be sent",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn refused(
    app: &OauthApp,
    step: OauthStep,
    doing: &str,
    answer: &Answer,
    now: Timestamp,
    secrets: &[&str],
) -> NoToken {
    let host = host_of(&app.endpoints.token);
    if (300..400).contains(&answer.status)
        && let Some(error) = of_answer(doing, &host, answer, now, secrets)
    {
        return error.into();
    }
    let failure = OauthFailure::of_answer(step, answer, secrets);
    let dead = failure.is_dead_grant(app);
    let mut error = failure.into_error(app, &host, doing);
    if crate::http::is_throttling_page(answer) || answer.status == 429 {
        error.kind = Kind::RateLimited {
            retry_after: retry_after(&answer.headers, now),
        };
        error.next = String::new();
    }
    NoToken {
        error,
        dead,
        rotated: None,
    }
}

/// The pair in a token answer (RFC 6749 §5.1), or what is wrong with it.
pub(crate) fn read_pair(body: &Value, asked_at: Timestamp) -> Result<NewGrant, String> {
    if let Some(kind) = body.get("token_type")
        && !kind
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    {
        return Err(format!(
            "its token_type is {}, not Bearer",
            shorten(&kind.to_string(), 40)
        ));
    }
    let access_token = text_in(body, "access_token").ok_or("there is no access_token in it")?;
    // Once stored, it would be shown in vain until its time is over.
    if !access_token
        .expose_secret()
        .bytes()
        .all(|byte| byte.is_ascii_graphic())
    {
        return Err("its access_token holds characters that no header shows".to_owned());
    }
    let scopes = match body.get("scope") {
        Some(Value::String(list)) => list.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![],
    };
    Ok(NewGrant {
        access_token,
        refresh_token: text_in(body, "refresh_token"),
        scopes,
        expires: expiry(body.get("expires_in"), asked_at),
    })
}

/// A token in a token answer; `None` when it is absent, empty or no text.
fn text_in(body: &Value, name: &str) -> Option<SecretString> {
    let text = body.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(SecretString::from)
}

/// When a token ends. A number may come as text; absent, unreadable and non-positive lifetimes count as the usual.
fn expiry(expires_in: Option<&Value>, asked_at: Timestamp) -> Timestamp {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let seconds = seconds
        .filter(|s| *s > 0.0)
        .unwrap_or(USUAL_LIFETIME)
        .min(LONGEST_LIFETIME);
    let lifetime = SignedDuration::try_from(Duration::from_secs_f64(seconds)).unwrap_or_default();
    asked_at.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}

/// A first grant, when it is what was asked for. `keeps`: a refresh token is expected where the scopes ask for it.
pub(super) fn complete(
    app: &OauthApp,
    mut pair: NewGrant,
    doing: &str,
    keeps: bool,
) -> Result<NewGrant, Error> {
    const OFFLINE: &str = "offline_access";
    if pair.scopes.is_empty() {
        // An omitted scope means: as asked (RFC 6749 §5.1).
        pair.scopes.clone_from(&app.scopes);
    }
    if keeps && pair.refresh_token.is_none() && app.scopes.iter().any(|s| s == OFFLINE) {
        let what = "the grant came without a refresh token, so it would end within the hour";
        return Err(Error::new(Kind::Configuration, doing, what)
            .advise("Tick the grant type Refresh Token on the app, then connect again"));
    }
    let given: BTreeSet<&str> = pair.scopes.iter().map(String::as_str).collect();
    // A refresh token in hand proves offline_access, whether it is listed or not.
    let missing: Vec<&str> = app
        .scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| !given.contains(scope) && (*scope != OFFLINE || pair.refresh_token.is_none()))
        .collect();
    if missing.is_empty() {
        return Ok(pair);
    }
    let missing = missing.join(", ");
    let what = format!(
        "the grant lacks the scope {missing}: it was given {}",
        pair.scopes.join(", ")
    );
    Err(Error::new(Kind::Forbidden, doing, what)
        .advise(format!("Tick {missing} on the app, then connect again")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lifetime(expires_in: &Value) -> i64 {
        let start = Timestamp::UNIX_EPOCH;
        expiry(Some(expires_in), start).as_second()
    }

    #[test]
    fn lifetimes_are_read_as_they_come() {
        assert_eq!(expiry(None, Timestamp::UNIX_EPOCH).as_second(), 3600);
        for (value, want) in [
            (json!(60), 60),
            (json!("120"), 120),
            (json!(1.5), 1),
            (json!(0), 3600),
            (json!(-1), 3600),
            (json!("soon"), 3600),
            (json!(null), 3600),
            (json!(1e308), 30 * 86_400),
            (json!("inf"), 30 * 86_400),
        ] {
            assert_eq!(lifetime(&value), want, "{value}");
        }
        // At the end of time nothing overflows.
        assert_eq!(expiry(Some(&json!(60)), Timestamp::MAX), Timestamp::MAX);
    }
}
