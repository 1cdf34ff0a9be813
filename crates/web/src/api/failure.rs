//! What goes wrong in a request of the API: a problem document (RFC 9457), always of one shape.

use crate::problem::Problem;
use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of problem documents.
pub const PROBLEM: &str = "application/problem+json";

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// The status in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// A word for programs; it does not change between versions.
    pub code: String,
    /// What happened, to which thing, and why.
    pub detail: String,
    /// What to do next; empty where the detail says it.
    pub next: String,
    /// What is wrong with single fields of the request; empty where it is not about fields.
    pub errors: Vec<FieldProblem>,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A request that could not be answered.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    code: &'static str,
    errors: Vec<FieldProblem>,
    retry_after: Option<u64>,
}

/// The answer of a handler.
pub type Answer<T> = Result<Json<T>, Failure>;

impl Failure {
    /// A failure of that status.
    pub fn new(status: StatusCode, code: &'static str, what: impl Into<String>) -> Self {
        Self {
            problem: Problem::new(status, what),
            code,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn advise(mut self, next: impl Into<String>) -> Self {
        self.problem = self.problem.advise(next);
        self
    }

    /// The same with how many seconds to wait before trying again.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Something in the request that cannot be read.
    pub fn malformed(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", what)
    }

    /// One field that cannot be used.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut failure = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            format!("{field}: {message}"),
        );
        failure.errors.push(FieldProblem {
            field: field.to_owned(),
            message,
        });
        failure
    }

    /// Something that is not there.
    pub fn missing(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no {what} “{id}”."),
        )
    }
}

/// The word for programs, where an error has one of its own.
fn code(error: &engine::Error) -> Option<&'static str> {
    use engine::Error as E;
    Some(match error {
        E::StalePlan { .. } => "stale_plan",
        E::Superseded { .. } => "superseded",
        E::NeedsConfirmation { .. } => "needs_confirmation",
        E::NotUsable { .. } => "connection_not_usable",
        E::NothingRead { .. } => "nothing_read",
        E::NotUndoable { .. } => "not_undoable",
        E::Paused { .. } => "paused",
        _ => return None,
    })
}

fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "malformed",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        StatusCode::BAD_GATEWAY => "outside",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "internal",
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        let errors = match &error {
            engine::Error::Settings { problems, .. } | engine::Error::Input { problems } => problems
                .iter()
                .map(|problem| FieldProblem {
                    field: problem.key.clone(),
                    message: problem.message.clone(),
                })
                .collect(),
            _ => Vec::new(),
        };
        let retry_after = match &error {
            engine::Error::MayStillArrive { seconds, .. } => Some(*seconds),
            _ => None,
        };
        let own = code(&error);
        // Which status it is says `problem.rs`, for pages and programs alike.
        let problem = Problem::from(error);
        Self {
            code: own.unwrap_or(code_of(problem.status)),
            errors,
            retry_after,
            problem,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            code: code_of(problem.status),
            errors: Vec::new(),
            retry_after: None,
            problem,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.problem.status;
        let body = Document {
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            code: self.code.to_owned(),
            detail: self.problem.what,
            next: self.problem.next,
            errors: self.errors,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whatever refuses a request before a handler sees it says so in a problem document, too.
pub async fn always_documents(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_document = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM.as_bytes()));
    if is_document || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let what = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that method.",
        StatusCode::FORBIDDEN => "The request comes from a page of another site.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is larger than 1 MiB.",
        StatusCode::REQUEST_TIMEOUT => "The body did not arrive in time.",
        _ => "The request cannot be answered.",
    };
    let mut document = Failure::new(status, code_of(status), what).into_response();
    // Such as the methods an address does take.
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH {
            document.headers_mut().insert(name.clone(), value.clone());
        }
    }
    document
}
