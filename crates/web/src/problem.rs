//! What goes wrong, as a page or as a problem document (RFC 9457).

use crate::api::Failure;
use crate::ui::words::plainly;
use askama::Template;
use axum::body::Body;
use axum::http::{Response as HttpResponse, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use std::any::Any;

/// What went wrong, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status to answer with.
    pub status: StatusCode,
    /// What happened.
    pub what: String,
    /// What to do next; may be empty.
    pub next: String,
}

/// The result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    theme: &'static str,
    title: &'a str,
    problem: &'a Problem,
}

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, what: impl Into<String>) -> Self {
        Self {
            status,
            what: what.into(),
            next: String::new(),
        }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn advise(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Something that is not there.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "Nothing is here",
            StatusCode::FORBIDDEN => "Not yours to do",
            StatusCode::CONFLICT => "Somebody was faster",
            StatusCode::TOO_MANY_REQUESTS => "Too often",
            status if status.is_client_error() => "That does not work",
            _ => "Something went wrong",
        }
    }

    /// The same as a problem document, of the one shape the API has.
    pub fn document(&self) -> Response {
        Failure::from(self.clone()).into_response()
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        use engine::StoreError as S;
        use engine::provider_sign_in::Refusal;
        let status = match &error {
            E::Forbidden { .. }
            | E::Stranger
            | E::OwnAccount { .. }
            | E::OutOfScope { .. }
            | E::NotAPerson { .. } => StatusCode::FORBIDDEN,
            E::Unknown { .. } | E::NoneYet { .. } | E::Store(S::Missing { .. }) => StatusCode::NOT_FOUND,
            E::StalePlan { .. }
            | E::StaleOverview { .. }
            | E::DecidedMeanwhile { .. }
            | E::Superseded { .. }
            | E::SelectionChanged { .. }
            | E::NeedsConfirmation { .. }
            | E::Paused { .. }
            | E::NotUsable { .. }
            | E::OtherTenant { .. }
            | E::NotUndoable { .. }
            | E::NothingRead { .. }
            | E::SwitchedOff { .. }
            | E::MayStillArrive { .. }
            | E::TakenOver
            | E::Store(
                S::Moved { .. } | S::LastOwner | S::Taken { .. } | S::Busy { .. } | S::Unconfirmed { .. },
            ) => StatusCode::CONFLICT,
            E::Settings { .. }
            | E::NoReason { .. }
            | E::TooShort { .. }
            | E::Mapping { .. }
            | E::Ambiguous { .. }
            | E::NotNamed { .. }
            | E::File { .. }
            | E::Input { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            E::SignIn | E::TokenUsed | E::WrongCode | E::SignInOver | E::KeyRefused => {
                StatusCode::UNAUTHORIZED
            }
            E::Provider(Refusal::Stranger | Refusal::Changed) => StatusCode::UNAUTHORIZED,
            E::Provider(Refusal::NotSetUp) => StatusCode::NOT_FOUND,
            E::Provider(_) => StatusCode::FORBIDDEN,
            E::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
            E::Outside { .. } => StatusCode::BAD_GATEWAY,
            E::Store(S::Locked) | E::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %error, "A request failed.");
        }
        Self::new(status, in_words(&error))
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = %error, "A page could not be rendered.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made.")
    }
}

impl From<tower_sessions::session::Error> for Problem {
    fn from(error: tower_sessions::session::Error) -> Self {
        tracing::error!(error = %error, "A session could not be read or stored.");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Your session could not be read or stored.",
        )
        .advise("Try again")
    }
}

/// An error with its causes, as one sentence that repeats nothing.
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    let text = plainly(&text);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let page = ProblemPage {
            theme: "auto",
            title: self.title(),
            problem: &self,
        };
        match page.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(_) => (self.status, self.what).into_response(),
        }
    }
}

/// No page has this address.
pub async fn no_such_page(uri: Uri) -> Problem {
    Problem::missing(format!("There is no page {}.", uri.path()))
}

/// The page does not take this method.
pub async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address cannot be opened by itself.",
    )
    .advise("Go to the page it belongs to")
}

/// A handler panicked.
pub fn panicked(panic: Box<dyn Any + Send>) -> HttpResponse<Body> {
    let said = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(
        panic = said.unwrap_or_default(),
        "A request was cut short by a bug."
    );
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "This is a bug of rmmbridge. It was noted in the log.",
    )
    .into_response()
}
