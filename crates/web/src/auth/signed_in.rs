//! Who is signed in.

use super::session_store::PERSON;
use super::sign_in;
use crate::Web;
use crate::problem::Problem;
use crate::ui::Theme;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use model::{Actor, ActorRole, Person};
use tower_sessions::Session;

/// The person whose browser asks. A handler that takes one is only reached by somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The person.
    pub person: Person,
    /// The same as the one who acts.
    pub actor: Actor,
    /// Their browser's session.
    pub session: Session,
    /// The colours they chose.
    pub theme: Theme,
    /// The path and query they asked for.
    pub asked: String,
}

impl SignedIn {
    /// Whether they hold at least this role: for showing only what they may do. Use cases check for themselves.
    pub fn may(&self, role: ActorRole) -> bool {
        self.actor.may(role)
    }

    /// The session's id, as the text a consent is bound to.
    pub fn session_id(&self) -> String {
        self.session.id().map(|id| id.to_string()).unwrap_or_default()
    }

    /// Makes this browser theirs, with a new id: one that somebody planted before is worth nothing.
    pub(super) async fn begin(session: &Session, person: &Person) -> Result<(), Problem> {
        session.cycle_id().await?;
        session.insert(PERSON, &person.id).await?;
        session.save().await?;
        Ok(())
    }

    /// Who is signed in with this session.
    pub(crate) async fn of(web: &Web, session: &Session) -> Result<Option<Person>, Problem> {
        let Some(id) = session.get::<String>(PERSON).await? else {
            return Ok(None);
        };
        Ok(web.engine.person(&id).await?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "This page forgot to ask who you are.",
            )
        })
    }
}

/// Lets the signed-in through; shows everybody else the way. What they typed comes back after they signed in.
pub async fn must_be_signed_in(
    State(web): State<Web>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = request
        .uri()
        .path_and_query()
        .map_or("/", |asked| asked.as_str())
        .to_owned();
    let theme = Theme::of(request.headers());
    match SignedIn::of(&web, &session).await {
        Err(problem) => problem.into_response(),
        Ok(Some(person)) => {
            request.extensions_mut().insert(SignedIn {
                actor: person.actor(),
                person,
                session,
                theme,
                asked,
            });
            next.run(request).await
        }
        Ok(None) => match web.engine.needs_set_up().await {
            Err(error) => Problem::from(error).into_response(),
            Ok(true) => Redirect::to("/set-up").into_response(),
            Ok(false) if request.method() == Method::GET => {
                Redirect::to(&sign_in::address_for(&asked)).into_response()
            }
            Ok(false) => sign_in::with_what_was_typed(asked, theme, request).await,
        },
    }
}
