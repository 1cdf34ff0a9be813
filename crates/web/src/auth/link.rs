//! Signing in by a link that works once.
//!
//! Opening the link only shows a button: mail scanners and browsers fetch links ahead, which would use it up.

use super::code::{Wish, let_in};
use super::visit::Visit;
use crate::Web;
use crate::problem::Result;
use crate::ui::{Theme, page, page_with};
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tower_sessions::Session;

#[derive(Template)]
#[template(path = "auth/link.html")]
struct LinkPage {
    theme: Theme,
    token: String,
    works: bool,
}

#[derive(Deserialize)]
pub struct Token {
    #[serde(default)]
    token: String,
}

/// The button.
pub async fn show(
    State(web): State<Web>,
    headers: HeaderMap,
    Query(Token { token }): Query<Token>,
) -> Result<Response> {
    let works = web.engine.sign_in_token_works(&token).await?;
    let status = if works {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    let theme = Theme::of(&headers);
    page_with(status, &LinkPage { theme, token, works })
}

/// Signs in.
pub async fn enter(
    State(web): State<Web>,
    session: Session,
    visit: Visit,
    headers: HeaderMap,
    Form(Token { token }): Form<Token>,
) -> Result<Response> {
    match web.engine.sign_in_by_token(&token).await {
        Ok(entry) => {
            let wish = (Theme::of(&headers), Wish::default());
            let_in(&web, &session, entry, "link", &visit, wish).await
        }
        Err(engine::Error::TokenUsed) => page(&LinkPage {
            theme: Theme::of(&headers),
            token: String::new(),
            works: false,
        })
        .map(|page| (StatusCode::UNAUTHORIZED, page).into_response()),
        Err(error) => Err(error.into()),
    }
}
