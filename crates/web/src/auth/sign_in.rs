//! Signing in by name and password, and out.

use super::code::{Wish, let_in};
use super::signed_in::SignedIn;
use super::visit::Visit;
use crate::Web;
use crate::problem::{Problem, Result};
use crate::ui::form::Field;
use crate::ui::{Theme, page, page_with};
use askama::Template;
use axum::body::to_bytes;
use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::people::Attempt;
use serde::Deserialize;
use tower_sessions::Session;

/// Most bytes of a form that are kept over a sign-in.
const KEPT: usize = 256 << 10;
/// Fields of this prefix are secrets and are typed again.
pub const SECRET: &str = "secret.";

#[derive(Template)]
#[template(path = "auth/sign_in.html")]
pub(super) struct SignInPage {
    theme: Theme,
    name: Field,
    password: Field,
    /// What the identity provider is called, where there is one.
    provider: Option<String>,
    pub(super) problem: Option<String>,
    next: String,
    /// A form that was sent after the session had ended.
    pub(super) typed: Option<String>,
}

#[derive(Template)]
#[template(path = "auth/go_on.html")]
struct GoOnPage {
    theme: Theme,
    action: String,
    fields: Vec<(String, String)>,
    secrets_left_out: bool,
}

#[derive(Debug, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    typed: Option<String>,
}

/// The address that brings a person back to `asked` once they signed in.
pub fn address_for(asked: &str) -> String {
    if asked == "/" {
        return "/sign-in".to_owned();
    }
    let query: String = url::form_urlencoded::byte_serialize(asked.as_bytes()).collect();
    format!("/sign-in?next={query}")
}

/// A page of ours and nothing else: a link that signs in must not lead elsewhere.
pub(super) fn ours(next: &str) -> &str {
    let path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if path { next } else { "/" }
}

pub(super) async fn form(web: &Web, theme: Theme, name: &str, next: &str) -> Result<SignInPage> {
    Ok(SignInPage {
        theme,
        name: Field::text("name", "Name")
            .value(name)
            .autocomplete("username")
            .required(),
        password: Field::password("password", "Password")
            .autocomplete("current-password")
            .required(),
        provider: web.engine.sign_in_provider_label().await?,
        problem: None,
        next: ours(next).to_owned(),
        typed: None,
    })
}

/// The form.
pub async fn show(
    State(web): State<Web>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<Next>,
) -> Result<Response> {
    if web.engine.needs_set_up().await? {
        return Ok(Redirect::to("/set-up").into_response());
    }
    if SignedIn::of(&web, &session).await?.is_some() {
        return Ok(Redirect::to(ours(&query.next)).into_response());
    }
    page(&form(&web, Theme::of(&headers), "", &query.next).await?)
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
    let attempt = Attempt {
        name: typed.name.clone(),
        password: typed.password.into(),
        from: visit.from.clone(),
    };
    match web.engine.sign_in(attempt).await {
        Ok(entry) => {
            let wish = Wish {
                next: typed.next,
                typed: typed.typed,
            };
            let_in(&web, &session, entry, "password", &visit, (theme, wish)).await
        }
        Err(error @ (engine::Error::SignIn | engine::Error::TooManyFailures { .. })) => {
            let problem = Problem::from(error);
            let mut form = form(&web, theme, &typed.name, &typed.next).await?;
            form.typed = typed.typed;
            form.problem = Some(format!("{}.", problem.what));
            page_with(problem.status, &form)
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the session.
pub async fn leave(session: Session) -> Result<Redirect> {
    session.flush().await?;
    Ok(Redirect::to("/sign-in"))
}

/// The sign-in form for somebody whose session ended while they typed: what they sent is in it.
pub async fn with_what_was_typed(
    web: &Web,
    asked: String,
    theme: Theme,
    request: Request,
) -> Result<Response> {
    let is_form = request
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let mut sign_in = form(web, theme, "", &asked).await?;
    sign_in.problem = Some("Your session has ended. Sign in to go on.".to_owned());
    if is_form && let Ok(body) = to_bytes(request.into_body(), KEPT).await {
        // A secret does not go through another page: it is typed again.
        let kept = url::form_urlencoded::parse(&body)
            .filter(|(key, value)| !key.starts_with(SECRET) || value.is_empty());
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .finish();
        sign_in.problem =
            Some("Your session has ended. Sign in to go on; what you typed is kept.".to_owned());
        sign_in.typed = Some(body);
    }
    page_with(StatusCode::UNAUTHORIZED, &sign_in)
}

pub(super) fn go_on(theme: Theme, action: &str, body: &str) -> Result<Response> {
    let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    page(&GoOnPage {
        theme,
        action: action.to_owned(),
        secrets_left_out: action.starts_with("/connections") || action.starts_with("/settings"),
        fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere_by_a_sign_in_link() {
        for elsewhere in [
            "https://example.com",
            "//example.com",
            "/\\example.com",
            "javascript:1",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(ours(elsewhere), "/", "{elsewhere:?}");
        }
        assert_eq!(ours("/runs?page=2"), "/runs?page=2");
    }

    #[test]
    fn the_page_that_was_asked_for_comes_after_signing_in() {
        assert_eq!(address_for("/"), "/sign-in");
        assert_eq!(
            address_for("/runs?q=a&page=2"),
            "/sign-in?next=%2Fruns%3Fq%3Da%26page%3D2"
        );
    }
}
