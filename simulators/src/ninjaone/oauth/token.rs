//! The token and revocation endpoints.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value};

use super::answers::{Refusal, no_store};
use super::apps::{App, GrantType};
use super::client_auth::authenticate;
use super::fields::Fields;
use super::grants::Grants;
use super::issue::Tokens;
use super::scopes::parse_scopes;

/// `POST token` (RFC 6749 §3.2).
pub(super) async fn exchange(State(grants): State<Arc<Grants>>, headers: HeaderMap, body: Bytes) -> Response {
    match try_exchange(&grants, &headers, &body) {
        Ok(tokens) => no_store(Json(token_body(&grants, tokens))),
        Err(refusal) => refusal.answer(&grants),
    }
}

/// `POST revoke` (RFC 7009).
pub(super) async fn revoke(State(grants): State<Arc<Grants>>, headers: HeaderMap, body: Bytes) -> Response {
    match try_revoke(&grants, &headers, &body) {
        Ok(()) => no_store(StatusCode::OK),
        Err(refusal) => refusal.answer(&grants),
    }
}

fn try_exchange(grants: &Grants, headers: &HeaderMap, body: &[u8]) -> Result<Tokens, Refusal> {
    let fields = form_of(headers, body)?;
    count(grants, fields.get("grant_type"));
    let app = authenticate(grants, headers, &fields)?;
    refuse_repeated(&fields)?;
    let scopes = fields.get("scope").map(parse_scopes);
    match required(&fields, "grant_type")? {
        "authorization_code" => {
            allowed(&app, GrantType::AuthorizationCode)?;
            let (code, uri) = (required(&fields, "code")?, required(&fields, "redirect_uri")?);
            grants.redeem_code(&app, code, uri, fields.get("code_verifier"))
        }
        "refresh_token" => {
            allowed(&app, GrantType::RefreshToken)?;
            grants.refresh(&app, required(&fields, "refresh_token")?, scopes)
        }
        "client_credentials" => {
            allowed(&app, GrantType::ClientCredentials)?;
            grants.client_credentials(&app, scopes)
        }
        _ => Err(Refusal::bare(400, "unsupported_grant_type")),
    }
}

fn try_revoke(grants: &Grants, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let fields = form_of(headers, body)?;
    let app = authenticate(grants, headers, &fields)?;
    refuse_repeated(&fields)?;
    grants.revoke_token(&app, required(&fields, "token")?)
}

fn token_body(grants: &Grants, tokens: Tokens) -> Map<String, Value> {
    let scope = Vec::from_iter(tokens.scopes).join(" ");
    let mut body = Map::new();
    body.insert("access_token".to_owned(), tokens.access_token.into());
    body.insert(
        "expires_in".to_owned(),
        grants.options.access_token_seconds.into(),
    );
    body.insert("scope".to_owned(), scope.into());
    body.insert("token_type".to_owned(), "Bearer".into());
    if let Some(refresh_token) = tokens.refresh_token {
        body.insert("refresh_token".to_owned(), refresh_token.into());
    }
    body
}

fn form_of(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Refusal> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Fields::parse(body))
    } else {
        Err(Refusal::failure(StatusCode::UNSUPPORTED_MEDIA_TYPE))
    }
}

fn refuse_repeated(fields: &Fields) -> Result<(), Refusal> {
    match fields.repeated() {
        Some(name) => Err(Refusal::new(
            400,
            "invalid_request",
            &format!("the parameter {name:?} occurs twice"),
        )),
        None => Ok(()),
    }
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    fields
        .get(name)
        .ok_or_else(|| Refusal::new(400, "invalid_request", &format!("{name} is missing")))
}

fn allowed(app: &App, grant_type: GrantType) -> Result<(), Refusal> {
    if app.grant_types.contains(&grant_type) {
        return Ok(());
    }
    let text = format!("this grant type is not ticked on the app {:?}", app.client_id);
    Err(Refusal::new(400, "unauthorized_client", &text))
}

fn count(grants: &Grants, grant_type: Option<&str>) {
    let calls = &mut grants.books().calls;
    *match grant_type {
        Some("authorization_code") => &mut calls.authorization_code,
        Some("refresh_token") => &mut calls.refresh_token,
        Some("client_credentials") => &mut calls.client_credentials,
        _ => &mut calls.other,
    } += 1;
}
