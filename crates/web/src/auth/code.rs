//! The second half of signing in: a code of the person's app, or a recovery code.

use super::sign_in::{go_on, ours};
use super::signed_in::SignedIn;
use super::visit::Visit;
use crate::Web;
use crate::problem::{Problem, Result};
use crate::ui::form::Field;
use crate::ui::{Theme, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::people::Entry;
use jiff::{SignedDuration, Timestamp};
use model::Person;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// Where a session keeps who showed a password and no code yet.
const HALF: &str = "half";
/// How long the code may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

#[derive(Template)]
#[template(path = "auth/code.html")]
struct CodePage {
    theme: Theme,
    person: String,
    code: Field,
    problem: Option<String>,
    next: String,
    typed: Option<String>,
}

/// Who has shown who they are, and no code yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Half {
    person: String,
    name: String,
    how: String,
    at: Timestamp,
}

/// Where somebody wanted to go, and what they had typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wish {
    /// The address.
    pub next: String,
    /// A form that was sent after the session had ended.
    pub typed: Option<String>,
}

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default, rename = "secret.code")]
    code: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    typed: Option<String>,
}

/// Lets somebody in who showed who they are, or asks for their code.
pub async fn let_in(
    web: &Web,
    session: &Session,
    entry: Entry,
    how: &str,
    visit: &Visit,
    (theme, wish): (Theme, Wish),
) -> Result<Response> {
    match entry {
        Entry::In(person) => begin(session, &person, how, visit, (theme, wish)).await,
        Entry::NeedsCode(person) => {
            session.cycle_id().await?;
            let half = Half {
                person: person.id,
                name: person.name,
                how: how.to_owned(),
                at: web.engine.clock().now(),
            };
            session.insert(HALF, &half).await?;
            session.save().await?;
            page_with(StatusCode::OK, &form(theme, &half, wish))
        }
    }
}

async fn begin(
    session: &Session,
    person: &Person,
    how: &str,
    visit: &Visit,
    (theme, wish): (Theme, Wish),
) -> Result<Response> {
    session.remove::<Half>(HALF).await?;
    SignedIn::begin(session, person, how, visit).await?;
    match wish.typed {
        Some(body) => go_on(theme, ours(&wish.next), &body),
        None => Ok(Redirect::to(ours(&wish.next)).into_response()),
    }
}

fn form(theme: Theme, half: &Half, wish: Wish) -> CodePage {
    CodePage {
        theme,
        person: half.name.clone(),
        code: Field::text("secret.code", "Code")
            .help("Six digits out of your app, or one of your recovery codes")
            .autocomplete("one-time-code")
            .required(),
        problem: None,
        next: ours(&wish.next).to_owned(),
        typed: wish.typed,
    }
}

async fn half(web: &Web, session: &Session) -> Result<Option<Half>> {
    let half: Option<Half> = session.get(HALF).await?;
    Ok(half.filter(|half| half.at + PATIENCE > web.engine.clock().now()))
}

/// The form, for somebody who showed a password.
pub async fn show(State(web): State<Web>, session: Session, headers: HeaderMap) -> Result<Response> {
    match half(&web, &session).await? {
        Some(half) => page_with(StatusCode::OK, &form(Theme::of(&headers), &half, Wish::default())),
        None => Ok(Redirect::to("/sign-in").into_response()),
    }
}

/// Signs in.
pub async fn enter(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let theme = Theme::of(&headers);
    let wish = Wish {
        next: typed.next,
        typed: typed.typed,
    };
    let Some(half) = half(&web, &session).await? else {
        let mut page = super::sign_in::form(&web, theme, "", &wish.next).await?;
        page.typed = wish.typed;
        page.problem = Some("The first half of this sign-in is too long ago. Sign in again.".to_owned());
        return page_with(StatusCode::UNAUTHORIZED, &page);
    };
    let entered = web
        .engine
        .enter_code(&half.person, &half.how, &typed.code, &visit.from)
        .await;
    match entered {
        Ok(person) => begin(&session, &person, &half.how, &visit, (theme, wish)).await,
        Err(
            error @ (engine::Error::WrongCode
            | engine::Error::TooManyFailures { .. }
            | engine::Error::SignInOver),
        ) => {
            let problem = Problem::from(error);
            let mut page = form(theme, &half, wish);
            page.problem = Some(format!("{}.", problem.what));
            page_with(problem.status, &page)
        }
        Err(error) => Err(error.into()),
    }
}
