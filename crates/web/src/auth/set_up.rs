//! The first start: whoever holds the console's token becomes the first Owner.

use super::signed_in::SignedIn;
use super::visit::Visit;
use crate::Web;
use crate::problem::Result;
use crate::ui::form::{Field, new_password};
use crate::ui::{Theme, page_with};
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

#[derive(Template)]
#[template(path = "auth/set_up.html")]
struct SetUpPage {
    theme: Theme,
    token: String,
    works: bool,
    name: Field,
    password: Field,
    again: Field,
}

#[derive(Deserialize)]
pub struct Token {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

fn form(theme: Theme, token: String, works: bool, name: &str) -> SetUpPage {
    let [password, again] = new_password("password", "again");
    SetUpPage {
        theme,
        token,
        works,
        name: Field::text("name", "Your name")
            .help("What you sign in with: a short name or your e-mail address")
            .value(name)
            .autocomplete("username")
            .required(),
        password,
        again,
    }
}

/// The form, while nobody can sign in yet.
pub async fn show(
    State(web): State<Web>,
    headers: HeaderMap,
    Query(Token { token }): Query<Token>,
) -> Result<Response> {
    if !web.engine.needs_set_up().await? {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    let works = web.engine.set_up_token_works(&token).await?;
    let status = if works {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    page_with(status, &form(Theme::of(&headers), token, works, ""))
}

/// Adds the first Owner and signs them in.
pub async fn enter(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let theme = Theme::of(&headers);
    let mut form = form(theme, typed.token.clone(), true, &typed.name);
    let same = typed.password == typed.again;
    if !same {
        form.again = form.again.error("This is not the same password");
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form);
    }
    let password = SecretString::from(typed.password);
    match web.engine.set_up(&typed.token, &typed.name, password).await {
        Ok(person) => {
            SignedIn::begin(&session, &person, "set-up", &visit).await?;
            Ok(Redirect::to("/").into_response())
        }
        Err(engine::Error::Input { problems }) => {
            for problem in &problems {
                match problem.key.as_str() {
                    "name" => form.name = form.name.error(&problem.message),
                    _ => form.password = form.password.error(&problem.message),
                }
            }
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &form)
        }
        Err(engine::Error::TokenUsed) if !web.engine.needs_set_up().await? => {
            Ok(Redirect::to("/sign-in").into_response())
        }
        Err(engine::Error::TokenUsed) => {
            form.works = false;
            page_with(StatusCode::UNAUTHORIZED, &form)
        }
        Err(error) => Err(error.into()),
    }
}
