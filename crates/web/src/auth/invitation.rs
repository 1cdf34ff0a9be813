//! Accepting an invitation: choosing a password by a link that works once. Opening it uses nothing up.

use super::code::{Wish, let_in};
use super::visit::Visit;
use crate::Web;
use crate::problem::Result;
use crate::ui::form::{Field, new_password};
use crate::ui::{Theme, page_with};
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

#[derive(Template)]
#[template(path = "auth/invitation.html")]
struct InvitationPage {
    theme: Theme,
    token: String,
    /// Who it is for; `None` when it works no more.
    name: Option<String>,
    fields: [Field; 2],
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
    password: String,
    #[serde(default)]
    again: String,
}

fn form(theme: Theme, token: String, name: Option<String>) -> InvitationPage {
    InvitationPage {
        theme,
        token,
        name,
        fields: new_password("password", "again"),
    }
}

/// The form.
pub async fn show(
    State(web): State<Web>,
    headers: HeaderMap,
    Query(Token { token }): Query<Token>,
) -> Result<Response> {
    let invited = web.engine.invited(&token).await?;
    let status = match invited {
        Some(_) => StatusCode::OK,
        None => StatusCode::UNAUTHORIZED,
    };
    let name = invited.map(|person| person.name);
    page_with(status, &form(Theme::of(&headers), token, name))
}

/// Chooses the password and signs in.
pub async fn accept(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let theme = Theme::of(&headers);
    let invited = web.engine.invited(&typed.token).await?;
    let name = invited.map(|person| person.name);
    if name.is_none() {
        return page_with(StatusCode::UNAUTHORIZED, &form(theme, String::new(), None));
    }
    let mut page = form(theme, typed.token.clone(), name);
    if typed.password != typed.again {
        page.fields[1].error = Some("This is not the same password".to_owned());
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let password = SecretString::from(typed.password);
    match web.engine.accept_invitation(&typed.token, password).await {
        Ok(person) => {
            let entry = web.engine.signed_in_as(person, "invitation").await?;
            let_in(
                &web,
                &session,
                entry,
                "invitation",
                &visit,
                (theme, Wish::default()),
            )
            .await
        }
        Err(engine::Error::Input { problems }) => {
            page.fields[0] = page.fields[0].clone().problem_of("password", &problems);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(engine::Error::TokenUsed) => {
            page_with(StatusCode::UNAUTHORIZED, &form(theme, String::new(), None))
        }
        Err(error) => Err(error.into()),
    }
}
