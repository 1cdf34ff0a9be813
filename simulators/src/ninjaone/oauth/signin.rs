//! Signing in and out in the browser.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::fields::Fields;
use super::grants::Grants;
use super::pages;
use super::sessions::Session;

/// Cookies know no ports, so the name has to differ from those of other programs on the same host.
const COOKIE: &str = "ninjaone_simulator_session";

/// `GET sign-in`: the form. The query is the authorization request that brought the browser here.
pub(super) async fn show(
    State(grants): State<Arc<Grants>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    match session_of(&grants, &headers) {
        Some(session) => pages::sign_in(StatusCode::OK, &query, &session.form_token, "", None),
        None => {
            let (id, session) = grants.open_session(None);
            with_cookie(
                &grants,
                &id,
                pages::sign_in(StatusCode::OK, &query, &session.form_token, "", None),
            )
        }
    }
}

/// `POST sign-in`: on success back to the authorization request, with a fresh session.
pub(super) async fn submit(
    State(grants): State<Arc<Grants>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let form = Fields::parse(&body);
    let Some(session) = session_of(&grants, &headers).filter(|session| sent_by(session, &form)) else {
        return pages::stale_form(&query);
    };
    let (email, password) = (
        form.get("email").unwrap_or_default(),
        form.get("password").unwrap_or_default(),
    );
    let Some(user) = grants.sign_in(email, password) else {
        let message = "The e-mail address or the password is wrong. Check both and try again.";
        return pages::sign_in(
            StatusCode::FORBIDDEN,
            &query,
            &session.form_token,
            email,
            Some(message),
        );
    };
    // A new id, so that one planted before the sign-in is worth nothing.
    if let Some(old) = cookie(&headers) {
        grants.close_session(old);
    }
    let (id, _) = grants.open_session(Some(&user));
    let answer = pages::go(
        StatusCode::SEE_OTHER,
        &format!("{}?{query}", pages::AUTHORIZE_PATH),
    );
    with_cookie(&grants, &id, answer)
}

/// `POST sign-out`: ends the session and shows the sign-in form, so that another technician can consent.
pub(super) async fn leave(
    State(grants): State<Arc<Grants>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let form = Fields::parse(&body);
    let (Some(id), Some(session)) = (cookie(&headers), session_of(&grants, &headers)) else {
        return pages::stale_form(&query);
    };
    if !sent_by(&session, &form) {
        return pages::stale_form(&query);
    }
    grants.close_session(id);
    pages::go(StatusCode::SEE_OTHER, &format!("{}?{query}", pages::SIGN_IN_PATH))
}

/// The live session of the browser that sent these headers.
pub(super) fn session_of(grants: &Grants, headers: &HeaderMap) -> Option<Session> {
    cookie(headers).and_then(|id| grants.session(id))
}

fn sent_by(session: &Session, form: &Fields) -> bool {
    form.get("form_token") == Some(session.form_token.as_str())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn with_cookie(grants: &Grants, id: &str, mut answer: Response) -> Response {
    let https = grants
        .options
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let secure = if https { "; Secure" } else { "" };
    if let Ok(value) = HeaderValue::try_from(format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax{secure}"))
    {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}
