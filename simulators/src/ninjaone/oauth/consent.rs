//! `POST authorize`: what the technician decided on the consent page.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::authorize;
use super::fields::Fields;
use super::grants::Grants;
use super::issue::Consent;
use super::{pages, signin};

/// Approve gives the client a code, Deny an `access_denied`. The request stands in the address and is checked again.
pub(super) async fn decide(
    State(grants): State<Arc<Grants>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match authorize::check(&grants, &query) {
        Ok(request) => request,
        Err(problem) => return problem.answer(&grants),
    };
    let session = signin::session_of(&grants, &headers);
    let Some((user, form_token)) = session.and_then(|session| Some((session.user?, session.form_token)))
    else {
        return pages::go(StatusCode::SEE_OTHER, &format!("{}?{query}", pages::SIGN_IN_PATH));
    };
    let form = Fields::parse(&body);
    if form.get("form_token") != Some(form_token.as_str()) {
        return pages::stale_form(&query);
    }
    match form.get("decision") {
        Some("approve") => {
            let code = grants.issue_code(Consent {
                client_id: request.app.client_id,
                redirect_uri: request.back.redirect_uri.clone(),
                scopes: request.scopes,
                user,
                challenge: request.challenge,
            });
            pages::go(StatusCode::SEE_OTHER, &request.back.with(&[("code", &code)]))
        }
        Some("deny") => {
            let answer = [
                ("error", "access_denied"),
                ("error_description", "the technician denied access"),
            ];
            pages::go(StatusCode::SEE_OTHER, &request.back.with(&answer))
        }
        _ => pages::notice(
            StatusCode::BAD_REQUEST,
            "Nothing was decided",
            "The form came without a decision. Go back and choose Approve or Deny.",
            &query,
        ),
    }
}
