//! Signing in through the identity provider: away to it, and back. What a person links to their account comes back here,
//! too.

use super::code::{Wish, let_in};
use super::sign_in::{form, ours};
use super::signed_in::SignedIn;
use super::visit::Visit;
use crate::Web;
use crate::problem::{Problem, Result};
use crate::ui::away::away;
use crate::ui::{Theme, Tone, flash, page_with};
use axum::extract::{Form, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::Kind;
use engine::people::Entry;
use engine::provider_sign_in::Arrival;
use serde::Deserialize;
use tower_sessions::Session;

/// Where the provider sends people back to, below the public address.
pub const CALLBACK: &str = "/sign-in/provider/callback";
/// Where a session keeps what somebody wants once they are signed in.
const WISH: &str = "wish";
/// Most bytes of a form that are kept meanwhile: strangers may send one.
const KEPT: usize = 64 << 10;

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    next: String,
    #[serde(default)]
    typed: Option<String>,
}

/// The session's id, which what comes back is bound to.
fn id_of(session: &Session) -> String {
    session.id().map(|id| id.to_string()).unwrap_or_default()
}

/// The sign-in page with what went wrong.
async fn refused(web: &Web, theme: Theme, wish: Wish, error: engine::Error) -> Result<Response> {
    let of_the_person = match &error {
        engine::Error::Outside { error, .. } => match error.kind {
            Kind::Forbidden => Some(StatusCode::FORBIDDEN),
            Kind::Auth => Some(StatusCode::UNAUTHORIZED),
            _ => None,
        },
        _ => None,
    };
    let mut problem = Problem::from(error);
    problem.status = of_the_person.unwrap_or(problem.status);
    let mut page = form(web, theme, "", &wish.next).await?;
    page.typed = wish.typed;
    page.problem = Some(format!("{}.", problem.what.trim_end_matches('.')));
    page_with(problem.status, &page)
}

/// Sends the browser to the provider.
pub async fn begin(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let theme = Theme::of(&headers);
    let wish = Wish {
        next: ours(&typed.next).to_owned(),
        typed: typed.typed.filter(|typed| typed.len() <= KEPT),
    };
    session.insert(WISH, &wish).await?;
    session.save().await?;
    let redirect = web.site.address(CALLBACK);
    let begun = web
        .engine
        .begin_provider_sign_in(&redirect, (&id_of(&session), &visit.from))
        .await;
    match begun {
        Ok(url) => away(theme, ("Sign in", "Sign in there", "/sign-in"), &url),
        Err(error) => refused(&web, theme, wish, error).await,
    }
}

/// The browser came back.
pub async fn finish(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let theme = Theme::of(&headers);
    let here = SignedIn::of(&web, &session).await?;
    let ended = web
        .engine
        .finish_provider_sign_in(
            &query.unwrap_or_default(),
            (&id_of(&session), &visit.from),
            here.as_ref(),
        )
        .await;
    match ended {
        Ok(Arrival::SignedIn { entry, label }) => {
            let wish = session.remove::<Wish>(WISH).await?.unwrap_or_default();
            let in_already = matches!(entry, Entry::In(_));
            let answer = let_in(&web, &session, entry, &label, &visit, (theme, wish)).await?;
            if in_already {
                SignedIn::came_by_provider(&session).await?;
            }
            Ok(answer)
        }
        Ok(Arrival::Linking(linked)) => {
            let (tone, said) = match linked {
                Ok(label) => (
                    Tone::Good,
                    format!("Your account at {label} is linked: you can sign in with it."),
                ),
                Err(error) => {
                    let what = Problem::from(error).what;
                    (Tone::Bad, format!("Not linked. {}.", what.trim_end_matches('.')))
                }
            };
            flash::leave(&session, tone, said).await?;
            Ok(Redirect::to("/settings/you").into_response())
        }
        Err(error) if here.is_some() => {
            Err(Problem::from(error).advise("You are signed in; nothing was changed"))
        }
        Err(error) => {
            let wish = session.remove::<Wish>(WISH).await?.unwrap_or_default();
            refused(&web, theme, wish, error).await
        }
    }
}
