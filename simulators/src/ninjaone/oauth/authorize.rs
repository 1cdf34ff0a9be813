//! `GET authorize`: holds the request against the app, then sends the browser to sign in or shows the consent page.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use url::Url;

use super::answers::Refusal;
use super::apps::{App, GrantType, Platform};
use super::fields::Fields;
use super::grants::Grants;
use super::pkce::read_challenge;
use super::scopes::{parse_scopes, unticked};
use super::{pages, signin};

/// A request that may be shown to a person.
pub(super) struct Request {
    pub app: App,
    pub scopes: BTreeSet<String>,
    pub challenge: Option<String>,
    pub back: WayBack,
}

/// Where the answer goes.
pub(super) struct WayBack {
    /// The redirect URI exactly as the client wrote it.
    pub redirect_uri: String,
    url: Url,
    state: Option<String>,
}

impl WayBack {
    /// The redirect URI with `answer` and the client's state.
    pub fn with(&self, answer: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(answer);
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url.into()
    }

    /// The answer to a refusal the client may learn of.
    fn error(&self, error: &str, description: &str) -> Problem {
        Problem::Back(self.with(&[("error", error), ("error_description", description)]))
    }
}

/// Why a request is not shown to a person.
pub(super) enum Problem {
    /// The redirect URI cannot be trusted: the browser stays here.
    Here(Refusal),
    /// The browser goes back to the client with the error in the address.
    Back(String),
}

/// Checks an authorization request.
pub(super) fn check(grants: &Grants, query: &str) -> Result<Request, Problem> {
    let fields = Fields::parse(query.as_bytes());
    let app = fields.get("client_id").and_then(|id| grants.app(id));
    // A machine-to-machine app is as unknown here as one of another region.
    let app = app.filter(|app| app.platform != Platform::ApiServices);
    let app = app.ok_or_else(|| Problem::Here(Refusal::unknown_client()))?;
    let back =
        way_back(&app, &fields).ok_or_else(|| Problem::Here(Refusal::failure(StatusCode::NOT_FOUND)))?;

    if let Some(name) = fields.repeated() {
        return Err(back.error("invalid_request", &format!("the parameter {name:?} occurs twice")));
    }
    match fields.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(back.error("unsupported_response_type", "only response_type=code is served")),
        None => return Err(back.error("invalid_request", "response_type is missing")),
    }
    if !app.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(back.error(
            "unauthorized_client",
            "Authorization Code is not ticked on this app",
        ));
    }
    let scopes = parse_scopes(fields.get("scope").unwrap_or_default());
    if scopes.is_empty() {
        return Err(back.error("invalid_scope", "scope is missing"));
    }
    if let Some(problem) = unticked(&app, &scopes) {
        return Err(back.error("invalid_scope", &problem));
    }
    let challenge =
        read_challenge(&app, &fields).map_err(|problem| back.error("invalid_request", problem))?;
    Ok(Request {
        app,
        scopes,
        challenge,
        back,
    })
}

fn way_back(app: &App, fields: &Fields) -> Option<WayBack> {
    let redirect_uri = fields
        .get("redirect_uri")
        .filter(|uri| app.accepts_redirect(uri))?;
    let url = Url::parse(redirect_uri).ok()?;
    Some(WayBack {
        redirect_uri: redirect_uri.to_owned(),
        url,
        state: fields.get("state").map(str::to_owned),
    })
}

impl Problem {
    /// The HTTP answer.
    pub fn answer(self, grants: &Grants) -> Response {
        match self {
            Self::Here(refusal) => refusal.answer(grants),
            Self::Back(address) => pages::go(StatusCode::FOUND, &address),
        }
    }
}

/// `GET /ws/oauth/authorize`
pub(super) async fn show(
    State(grants): State<Arc<Grants>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let request = match check(&grants, &query) {
        Ok(request) => request,
        Err(problem) => return problem.answer(&grants),
    };
    match signin::session_of(&grants, &headers).and_then(|session| Some((session.user?, session.form_token)))
    {
        Some((user, form_token)) => pages::consent(&request, &query, &user, &form_token),
        None => pages::go(StatusCode::FOUND, &format!("{}?{query}", pages::SIGN_IN_PATH)),
    }
}
