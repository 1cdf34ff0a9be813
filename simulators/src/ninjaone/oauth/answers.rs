//! Refusals in the vendor's two shapes: OAuth's `{"error": …}` and the application layer's `{"resultCode": …}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::grants::Grants;

/// An answer that is not the wanted one.
#[derive(Debug)]
pub(super) enum Refusal {
    /// RFC 6749 §5.2.
    Oauth {
        status: StatusCode,
        error: &'static str,
        description: Option<String>,
    },
    /// The vendor's application layer, which knows apps and paths.
    Application {
        status: StatusCode,
        result_code: &'static str,
        message: Option<String>,
    },
}

impl Refusal {
    /// An OAuth error with an explanation.
    pub fn new(status: u16, error: &'static str, description: &str) -> Self {
        Self::Oauth {
            status: to_status(status),
            error,
            description: Some(description.to_owned()),
        }
    }

    /// An OAuth error without one, for the bodies that were seen as such.
    pub fn bare(status: u16, error: &'static str) -> Self {
        Self::Oauth {
            status: to_status(status),
            error,
            description: None,
        }
    }

    /// 400 `invalid_grant`.
    pub fn invalid_grant(description: &str) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    /// 401 `invalid_client`, as seen for a wrong secret.
    pub fn invalid_client() -> Self {
        Self::bare(401, "invalid_client")
    }

    /// What authorize and token answer to a client id this instance does not know, typically one of another region.
    pub fn unknown_client() -> Self {
        let result_code = "Client app not exist";
        Self::Application {
            status: StatusCode::NOT_FOUND,
            result_code,
            message: None,
        }
    }

    /// The application layer's answer to a path, method or media type it does not serve; also to a redirect URI
    /// that is not registered (404).
    pub fn failure(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let message = Some(format!("HTTP {} {reason}", status.as_u16()));
        Self::Application {
            status,
            result_code: "FAILURE",
            message,
        }
    }

    /// The HTTP answer.
    pub fn answer(self, grants: &Grants) -> Response {
        match self {
            Self::Oauth {
                status,
                error,
                description,
            } => {
                let mut body = Map::from_iter([("error".to_owned(), Value::from(error))]);
                if let Some(description) = description {
                    body.insert("error_description".to_owned(), description.into());
                }
                let mut answer = no_store((status, Json(body)));
                if status == StatusCode::UNAUTHORIZED {
                    let challenge = HeaderValue::from_static("Basic realm=\"NinjaOne\"");
                    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                }
                answer
            }
            Self::Application {
                status,
                result_code,
                message,
            } => {
                let mut body = json!({ "resultCode": result_code, "incidentId": grants.incident_id() });
                if let (Some(message), Some(fields)) = (message, body.as_object_mut()) {
                    fields.insert("errorMessage".to_owned(), message.into());
                }
                no_store((status, Json(body)))
            }
        }
    }
}

fn to_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
}

/// An answer no cache may keep.
pub(super) fn no_store(answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
        .headers_mut()
        .insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

/// The answer to another method than POST.
pub(super) async fn only_post(State(grants): State<Arc<Grants>>) -> Response {
    let mut answer = Refusal::failure(StatusCode::METHOD_NOT_ALLOWED).answer(&grants);
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    answer
}

/// The web server's own 404 page, as the older paths answered for a while.
pub(super) async fn nginx_not_found() -> (StatusCode, Html<&'static str>) {
    let page = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n\
        <center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    (StatusCode::NOT_FOUND, Html(page))
}
