//! Who is signed in.

use super::session_store::PERSON;
use super::sign_in;
use super::visit::Visit;
use crate::Web;
use crate::problem::Problem;
use crate::ui::{Theme, settings};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use model::{Actor, ActorRole, Person, WritePause};
use serde::Deserialize;
use tower_sessions::Session;

/// Keys of what a session knows of its browser, for its person to know it again.
const BROWSER: &str = "browser";
const FROM: &str = "from";
const HOW: &str = "how";

/// What a session knows of its browser.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Known {
    /// The browser, in a few words.
    pub browser: String,
    /// The address it signed in from.
    pub from: String,
    /// How it signed in.
    pub how: String,
}

/// What is known of a browser, out of the data of its session.
pub fn known_of(data: &str) -> Known {
    serde_json::from_str(data).unwrap_or_default()
}

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
    /// Why nothing is written, while all writes are paused.
    pub paused: Option<WritePause>,
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
    pub(super) async fn begin(
        session: &Session,
        person: &Person,
        how: &str,
        visit: &Visit,
    ) -> Result<(), Problem> {
        session.cycle_id().await?;
        session.insert(BROWSER, &visit.browser).await?;
        session.insert(FROM, &visit.from).await?;
        session.insert(HOW, how).await?;
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

/// What somebody may open who has to set up a second factor first.
fn may_be_seen_without(asked: &str) -> bool {
    asked.starts_with(settings::SECOND_FACTOR) || asked == "/theme"
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
            let actor = person.actor();
            let lacks_factor = match person.second_factor {
                true => Ok(false),
                false => web.engine.second_factor_required().await,
            };
            let paused = web.engine.write_pause(&actor).await;
            let (lacks_factor, paused) = match (lacks_factor, paused) {
                (Ok(lacks), Ok(paused)) => (lacks, paused),
                (Err(error), _) | (_, Err(error)) => return Problem::from(error).into_response(),
            };
            if lacks_factor && !may_be_seen_without(&asked) {
                return Redirect::to(settings::SECOND_FACTOR).into_response();
            }
            request.extensions_mut().insert(SignedIn {
                actor,
                person,
                session,
                theme,
                asked,
                paused,
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
