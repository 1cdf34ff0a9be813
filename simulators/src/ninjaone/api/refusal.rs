//! How the API says no.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer. The server writes its body at the end, when it knows the incident's number.
#[derive(Clone, Debug)]
pub(in crate::ninjaone) struct Refusal {
    status: StatusCode,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    /// The layer that checks tokens.
    Gate {
        error: &'static str,
        description: &'static str,
        code: u8,
    },
    /// The application: `resultCode`, `errorMessage`.
    Application { code: &'static str, message: String },
    /// The application with a message that is an object.
    Coded { code: &'static str },
}

impl Refusal {
    fn gate(status: StatusCode, error: &'static str, description: &'static str, code: u8) -> Self {
        Self {
            status,
            shape: Shape::Gate {
                error,
                description,
                code,
            },
        }
    }

    fn application(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            shape: Shape::Application {
                code: "FAILURE",
                message: message.into(),
            },
        }
    }

    /// No `Authorization` header: 400, as seen.
    pub fn missing_header() -> Self {
        Self::gate(
            StatusCode::BAD_REQUEST,
            "missing_header",
            "Missing authorization header",
            2,
        )
    }

    /// Not a bearer token: 400, as seen.
    pub fn invalid_header() -> Self {
        Self::gate(
            StatusCode::BAD_REQUEST,
            "invalid_header",
            "Invalid authorization header",
            1,
        )
    }

    /// Unknown, expired or revoked token.
    pub fn not_authenticated() -> Self {
        Self::gate(
            StatusCode::UNAUTHORIZED,
            "not_authenticated",
            "Invalid credentials",
            10,
        )
    }

    /// The token lacks the scope.
    pub fn missing_scope(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        let text = "Access key does not have sufficient privileges to perform this operation";
        Self::gate(status, "insufficient_privileges", text, 4)
    }

    /// The token belongs to no user.
    pub fn user_context_required(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        let text = "Access key does not have user context which is required for this request";
        Self::gate(status, "user_context_required", text, 5)
    }

    /// A path the API does not have.
    pub fn unknown_path() -> Self {
        Self::application(StatusCode::NOT_FOUND, "HTTP 404 Not Found")
    }

    /// A record that does not exist.
    pub fn not_found() -> Self {
        Self::application(StatusCode::NOT_FOUND, "Entity not found")
    }

    /// The path exists, but not with this method.
    pub fn wrong_method() -> Self {
        Self::application(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::application(StatusCode::BAD_REQUEST, message)
    }

    /// The request makes no sense, and the vendor has a code for that.
    pub fn coded(code: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            shape: Shape::Coded { code },
        }
    }

    /// Any status with a message.
    pub fn with_status(status: u16, message: impl Into<String>) -> Self {
        Self::application(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message,
        )
    }

    /// Any status, in the application's usual words.
    pub fn failure(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::application(status, format!("HTTP {status}"))
    }

    /// The body with the incident's number.
    pub fn body(&self, incident: &str) -> String {
        match &self.shape {
            Shape::Gate {
                error,
                description,
                code,
            } => {
                json!({ "error": error, "error_description": description, "error_code": code })
            }
            Shape::Application { code, message } => {
                json!({ "resultCode": code, "errorMessage": message, "incidentId": incident })
            }
            Shape::Coded { code } => json!({
                "resultCode": "FAILURE",
                "errorMessage": { "code": code, "params": {} },
                "incidentId": incident,
            }),
        }
        .to_string()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.extensions_mut().insert(self);
        response
    }
}
