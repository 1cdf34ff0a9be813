//! Access tokens: an HMAC over a text the caller chooses shows that it knows the secret.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::quirks::DocumentationManager;
use super::tenant::Tenant;

/// The scope of the documents API.
const SCOPE: &str = "docs_api";

/// A refusal in the vendor's words.
pub(super) fn refusal(status: StatusCode, code: u32, message: &str) -> Response {
    let body = json!({
        "success": false, "code": code, "status": status.as_u16(), "message": message,
    });
    (status, Json(body)).into_response()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// `scope` and `content`, out of JSON or a form.
fn asked(headers: &HeaderMap, body: &Bytes) -> Option<(String, String)> {
    if text(headers, header::CONTENT_TYPE.as_str()).starts_with("application/x-www-form-urlencoded") {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let get = |key: &str| form.iter().find(|(name, _)| name == key).map(|(_, v)| v.clone());
        return Some((get("scope")?, get("content")?));
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    Some((
        body["scope"].as_str()?.to_owned(),
        body["content"].as_str()?.to_owned(),
    ))
}

/// Lowercase hex of HMAC-SHA256.
fn hash(secret: &str, content: &str) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(content.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) async fn client_token(
    State(tenant): State<Arc<Tenant>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some((scope, content)) = asked(&headers, &body) else {
        return refusal(StatusCode::BAD_REQUEST, 0, "scope and content are required");
    };
    let known = text(&headers, "x-key") == tenant.access_key_id;
    if !known || text(&headers, "x-hash") != hash(&tenant.secret_access_key, &content) {
        return refusal(StatusCode::UNAUTHORIZED, 1000, "Key verification failed");
    }
    let without = tenant.quirks().documentation_manager == DocumentationManager::NoScope;
    if scope != SCOPE || without {
        return refusal(StatusCode::FORBIDDEN, 0, "invalid scope");
    }
    let (token, ends) = tenant.issue();
    Json(json!({
        "success": true, "access_token": token, "refresh_token": format!("refresh-{token}"),
        "expiry_time": ends.as_second(),
    }))
    .into_response()
}

/// Token, then whether the account has what it asks for.
pub(super) async fn admit(State(tenant): State<Arc<Tenant>>, request: Request, next: Next) -> Response {
    if !tenant.accepts(text(request.headers(), "x-access-token")) {
        return refusal(StatusCode::UNAUTHORIZED, 1006, "Invalid token: jwt expired");
    }
    match tenant.quirks().documentation_manager {
        DocumentationManager::On | DocumentationManager::NoScope => next.run(request).await,
        DocumentationManager::Forbidden => refusal(StatusCode::FORBIDDEN, 0, "not found."),
        DocumentationManager::NotFound => refusal(StatusCode::NOT_FOUND, 0, "not found."),
        DocumentationManager::Told => {
            let body = json!({
                "success": false, "code": 0, "status": 200,
                "message": "Documentation Manager is not enabled for this account",
            });
            Json(body).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Out of RFC 4231, test case 2.
    #[test]
    fn the_hash_is_lowercase_hex() {
        assert_eq!(
            hash("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
