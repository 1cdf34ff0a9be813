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
use engine::auditing::BrokenLog;
use model::{Actor, ActorRole, Person, WritePause};
use serde::Deserialize;
use tower_sessions::Session;

/// Keys of what a session knows of its browser, for its person to know it again.
const BROWSER: &str = "browser";
const FROM: &str = "from";
const HOW: &str = "how";
/// Key of whether the identity provider showed who they are, and no code of ours was asked for.
const BY_PROVIDER: &str = "by_provider";

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
    /// What is wrong with the audit log, where it was found broken.
    pub broken_log: Option<BrokenLog>,
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
        session.remove::<bool>(BY_PROVIDER).await?;
        session.save().await?;
        Ok(())
    }

    /// Notes that the identity provider showed who they are, and no code of ours was asked for.
    pub(super) async fn came_by_provider(session: &Session) -> Result<(), Problem> {
        session.insert(BY_PROVIDER, true).await?;
        Ok(session.save().await?)
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

/// What stands on every page: why nothing is written.
async fn not_written(web: &Web, actor: &Actor) -> Result<(Option<WritePause>, Option<BrokenLog>), Problem> {
    Ok((
        web.engine.write_pause(actor).await?,
        web.engine.broken_audit_log(actor).await?,
    ))
}

/// Whether somebody has to set up a second factor before anything else.
async fn lacks_factor(web: &Web, session: &Session, person: &Person) -> Result<bool, Problem> {
    if person.second_factor || !web.engine.second_factor_required().await? {
        return Ok(false);
    }
    let by_provider = session.get::<bool>(BY_PROVIDER).await?.unwrap_or(false);
    Ok(!(by_provider && web.engine.provider_is_second_factor().await?))
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
            let lacks_factor = lacks_factor(&web, &session, &person).await;
            let not_written = not_written(&web, &actor).await;
            let (lacks_factor, (paused, broken_log)) = match (lacks_factor, not_written) {
                (Ok(lacks), Ok(not_written)) => (lacks, not_written),
                (Err(problem), _) | (_, Err(problem)) => return problem.into_response(),
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
                broken_log,
            });
            next.run(request).await
        }
        Ok(None) => match web.engine.needs_set_up().await {
            Err(error) => Problem::from(error).into_response(),
            Ok(true) => Redirect::to("/set-up").into_response(),
            Ok(false) if request.method() == Method::GET => {
                Redirect::to(&sign_in::address_for(&asked)).into_response()
            }
            Ok(false) => sign_in::with_what_was_typed(&web, asked, theme, request)
                .await
                .into_response(),
        },
    }
}
