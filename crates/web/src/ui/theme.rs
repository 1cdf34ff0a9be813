//! Light, dark, or as the system has it.

use crate::ui::frame::back_to;
use axum::extract::Form;
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use std::fmt;

const COOKIE_NAME: &str = "theme";

/// The colours a person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// What this browser chose.
    pub fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|c| c.to_str().ok());
        let chosen = cookies
            .flat_map(|c| c.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE_NAME);
        match chosen {
            Some((_, "light")) => Self::Light,
            Some((_, "dark")) => Self::Dark,
            _ => Self::Auto,
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

#[derive(Deserialize)]
pub struct Choice {
    theme: Theme,
    #[serde(default)]
    back: String,
}

/// Remembers a choice in this browser.
pub async fn choose(Form(Choice { theme, back }): Form<Choice>) -> impl IntoResponse {
    let cookie = format!("{COOKIE_NAME}={theme}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    ([(SET_COOKIE, cookie)], Redirect::to(back_to(&back)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_two_words_are_taken_from_the_cookie() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(text));
            Theme::of(&headers)
        };
        assert_eq!(of("a=b; theme=dark"), Theme::Dark);
        assert_eq!(of("theme=light"), Theme::Light);
        assert_eq!(of("theme=\"><script>"), Theme::Auto);
        assert_eq!(Theme::of(&HeaderMap::new()), Theme::Auto);
    }
}
