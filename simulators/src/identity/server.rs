//! The endpoints: configuration, keys, authorization page, tokens, UserInfo.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::{Code, Provider, Slip, token, tokens};
use crate::ninjaone::oauth::client_auth::basic_pair;
use crate::ninjaone::oauth::fields::Fields;
use crate::ninjaone::oauth::pages::{STYLE, escape};
use crate::ninjaone::oauth::pkce::fits;

/// How long a code may wait.
const CODE_LASTS: SignedDuration = SignedDuration::from_secs(60);

type Shared = State<Arc<Provider>>;

pub(super) async fn serve(listener: TcpListener, provider: Arc<Provider>) -> io::Result<()> {
    let stop = provider.stop.clone();
    let service = Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/keys", get(keys))
        .route("/authorize", get(show).post(submit))
        .route("/token", post(exchange))
        .route("/userinfo", get(user_info).post(user_info))
        .layer(middleware::from_fn_with_state(Arc::clone(&provider), take_time))
        .with_state(provider);
    axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn take_time(State(provider): Shared, request: Request, next: Next) -> Response {
    let delay = provider.state().delay;
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = provider.stop.cancelled() => {}
    }
    next.run(request).await
}

/// Discovery 1.0 §3.
async fn configuration(State(provider): Shared) -> Response {
    if provider.does(Slip::NoConfiguration) {
        return (StatusCode::NOT_FOUND, "nothing is here").into_response();
    }
    let here = |path: &str| format!("{}{path}", provider.issuer);
    let ways = match provider.does(Slip::SecretInForm) {
        true => json!(["client_secret_post"]),
        false => json!(["client_secret_basic", "client_secret_post"]),
    };
    let issuer = match provider.does(Slip::OtherIssuer) {
        true => "https://other.example.test".to_owned(),
        false => provider.issuer.clone(),
    };
    let page = match provider.does(Slip::ScriptAsPage) {
        true => "javascript:alert(1)".to_owned(),
        false => here("/authorize"),
    };
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": page,
        "token_endpoint": here("/token"),
        "userinfo_endpoint": here("/userinfo"),
        "jwks_uri": here("/keys"),
        "scopes_supported": ["openid", "email", "profile"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ways,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn keys(State(provider): Shared) -> Json<Value> {
    Json(json!({ "keys": [provider.state().keys.signing.public()] }))
}

/// A request that may be shown to somebody.
struct Asked {
    back: Url,
    redirect_uri: String,
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
}

/// Core 1.0 §3.1.2.2, as far as it may be told here.
fn asked(provider: &Provider, query: &str) -> Result<Asked, String> {
    let fields = Fields::parse(query.as_bytes());
    let owned = |name: &str| fields.get(name).map(str::to_owned);
    if fields.get("client_id") != Some(&provider.client_id) {
        return Err("no app of this client ID is registered".to_owned());
    }
    let redirect_uri = owned("redirect_uri").unwrap_or_default();
    let registered = provider.state().redirect_uris.contains(&redirect_uri);
    if !registered {
        return Err(format!("the redirect URI {redirect_uri} is not registered"));
    }
    let back = Url::parse(&redirect_uri).map_err(|error| error.to_string())?;
    if let Some(twice) = fields.repeated() {
        return Err(format!("{twice} stands there twice"));
    }
    if fields.get("response_type") != Some("code") {
        return Err("only response_type=code is served".to_owned());
    }
    let scopes = fields.get("scope").unwrap_or_default();
    if !scopes.split(' ').any(|scope| scope == "openid") {
        return Err("the scope openid is missing".to_owned());
    }
    let challenge = owned("code_challenge");
    if challenge.is_some() && fields.get("code_challenge_method") != Some("S256") {
        return Err("only S256 is served".to_owned());
    }
    Ok(Asked {
        back,
        redirect_uri,
        state: owned("state"),
        nonce: owned("nonce"),
        challenge,
    })
}

/// Where the browser goes once somebody signed in as `subject`, or declined.
pub(super) fn decide(provider: &Provider, query: &str, subject: Option<&str>) -> Result<String, String> {
    let Asked {
        mut back,
        redirect_uri,
        state,
        nonce,
        challenge,
    } = asked(provider, query)?;
    match subject {
        None => {
            let answer = [
                ("error", "access_denied"),
                ("error_description", "The person declined"),
            ];
            back.query_pairs_mut().extend_pairs(answer);
        }
        Some(subject) => {
            let mut books = provider.state();
            let known = books.accounts.iter().find(|account| account.subject == subject);
            let account = known.ok_or_else(|| format!("nobody is {subject}"))?.clone();
            let code = token();
            back.query_pairs_mut().append_pair("code", &code);
            let issued = provider.clock.now();
            books.codes.insert(
                code,
                Code {
                    account,
                    nonce,
                    challenge,
                    redirect_uri,
                    issued,
                },
            );
        }
    }
    let mut rest = back.query_pairs_mut();
    if let Some(state) = &state {
        rest.append_pair("state", state);
    }
    rest.append_pair("iss", &provider.issuer);
    drop(rest);
    Ok(back.into())
}

async fn show(State(provider): Shared, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    if let Err(problem) = asked(&provider, &query) {
        return page(
            StatusCode::BAD_REQUEST,
            &format!("<h1>This does not work</h1><p>{}</p>", escape(&problem)),
        );
    }
    let choices: String = provider
        .state()
        .accounts
        .iter()
        .map(|account| {
            format!(
                "<button name=\"subject\" value=\"{}\">Sign in as {}</button>\n",
                escape(&account.subject),
                escape(&account.name)
            )
        })
        .collect();
    page(
        StatusCode::OK,
        &format!(
            "<h1>Who are you?</h1>\n<form method=\"post\" action=\"/authorize?{}\" class=\"choices\">\n{choices}\
             <button name=\"subject\" value=\"\" class=\"second\">Decline</button>\n</form>",
            escape(&query)
        ),
    )
}

async fn submit(State(provider): Shared, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    match decide(&provider, &query.unwrap_or_default(), fields.get("subject")) {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(problem) => page(
            StatusCode::BAD_REQUEST,
            &format!("<h1>This does not work</h1><p>{}</p>", escape(&problem)),
        ),
    }
}

fn page(status: StatusCode, main: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Identity provider simulator</title><style>{STYLE}</style></head>\n<body><main>{main}</main>\
         <footer>This is a simulator: nobody has to show who they are.</footer></body></html>\n"
    );
    (status, [(header::REFERRER_POLICY, "no-referrer")], Html(html)).into_response()
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Core 1.0 §3.1.3.
async fn exchange(State(provider): Shared, headers: HeaderMap, body: Bytes) -> Response {
    if provider.does(Slip::Down) {
        return (StatusCode::SERVICE_UNAVAILABLE, "back soon").into_response();
    }
    if provider.does(Slip::WebPage) {
        return Html("<!DOCTYPE html><title>Sign in</title>").into_response();
    }
    let fields = Fields::parse(&body);
    let in_header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let shown = match in_header {
        Some(_) if provider.does(Slip::SecretInForm) => None,
        Some(value) => basic_pair(value),
        None => fields
            .get("client_id")
            .zip(fields.get("client_secret"))
            .map(|(id, secret)| (id.to_owned(), secret.to_owned())),
    };
    let known =
        shown.is_some_and(|(id, secret)| id == provider.client_id && secret == provider.client_secret);
    if !known || provider.does(Slip::RefusesClient) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if fields.get("grant_type") != Some("authorization_code") {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // Whatever comes of it, a code is good for one attempt.
    let taken = provider
        .state()
        .codes
        .remove(fields.get("code").unwrap_or_default());
    let now = provider.clock.now();
    let good = taken.filter(|code| {
        let proven = match (&code.challenge, fields.get("code_verifier")) {
            (Some(challenge), Some(verifier)) => fits(challenge, verifier),
            (None, None) => true,
            _ => false,
        };
        proven
            && code.issued + CODE_LASTS > now
            && fields.get("redirect_uri") == Some(&code.redirect_uri)
            && !provider.does(Slip::RefusesCode)
    });
    let Some(code) = good else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let access = token();
    let made = tokens::id_token(&provider, &code, &access);
    provider.state().access.insert(access.clone(), code.account);
    let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300 });
    match made {
        Ok(made) if !provider.does(Slip::NoToken) => answer["id_token"] = json!(made),
        Ok(_) => {}
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// Core 1.0 §5.3.
async fn user_info(State(provider): Shared, headers: HeaderMap) -> Response {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let access = shown
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let Some(account) = provider.state().access.get(access).cloned() else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    };
    let subject = match provider.does(Slip::WrongSubject) {
        true => "somebody-else",
        false => account.subject.as_str(),
    };
    let mut told = json!({ "sub": subject, "name": account.name });
    tokens::address(&account, &mut told);
    Json(told).into_response()
}
