//! The simulator's own handles, for test programs in any language. No authentication: it listens on loopback.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::grants::Grants;

/// What to revoke: `{"id": "<grant id>"}` or `{"all": true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    id: Option<String>,
    #[serde(default)]
    all: bool,
}

/// `GET /simulator/grants`: every grant (never a token) and the calls of the token endpoint.
pub(super) async fn list(State(grants): State<Arc<Grants>>) -> Json<Value> {
    Json(json!({ "grants": grants.issued(), "tokenCalls": grants.token_calls() }))
}

/// `POST /simulator/grants/revoke`
pub(super) async fn revoke(
    State(grants): State<Arc<Grants>>,
    choice: Result<Json<Choice>, JsonRejection>,
) -> (StatusCode, Json<Value>) {
    let problem = match choice {
        Ok(Json(Choice { id: None, all: true })) => {
            return (StatusCode::OK, Json(json!({ "revoked": grants.revoke_all() })));
        }
        Ok(Json(Choice {
            id: Some(id),
            all: false,
        })) if grants.revoke(&id) => {
            return (StatusCode::OK, Json(json!({ "revoked": 1 })));
        }
        Ok(Json(Choice {
            id: Some(id),
            all: false,
        })) => {
            let text = format!("no live grant has the id {id:?}; GET /simulator/grants lists them");
            return (StatusCode::NOT_FOUND, Json(json!({ "error": text })));
        }
        Ok(_) => "choose one of id and all".to_owned(),
        Err(rejection) => rejection.body_text(),
    };
    let text = format!("{problem}; send JSON, either {{\"id\": \"<grant id>\"}} or {{\"all\": true}}");
    (StatusCode::BAD_REQUEST, Json(json!({ "error": text })))
}

/// `POST /simulator/grants/expire`: ends every access token now; refresh tokens stay alive.
pub(super) async fn expire(State(grants): State<Arc<Grants>>) -> Json<Value> {
    Json(json!({ "expired": grants.expire_access_tokens() }))
}
