//! RFC 8414 metadata as the vendor publishes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::answers::Refusal;
use super::grants::Grants;

/// `GET /.well-known/oauth-authorization-server`. The vendor advertises only the scope `monitoring`.
pub(super) async fn show(State(grants): State<Arc<Grants>>, headers: HeaderMap) -> Json<Value> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let base = match &grants.options.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{host}"),
    };
    Json(json!({
        "issuer": format!("{base}/"),
        "authorization_endpoint": format!("{base}/ws/oauth/authorize"),
        "token_endpoint": format!("{base}/ws/oauth/token"),
        "revocation_endpoint": format!("{base}/ws/oauth/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["monitoring"],
    }))
}

/// OpenID Connect discovery is not served.
pub(super) async fn absent(State(grants): State<Arc<Grants>>) -> Response {
    Refusal::failure(StatusCode::NOT_FOUND).answer(&grants)
}
