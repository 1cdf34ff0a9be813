//! The pages of those who are signed in, and what pages are made of.
//!
//! A page is a file with a handler and a template of the same name (`README.md`, "How a page is made"). What pages share
//! is in `frame`, `table`, `form`, `flash`, `icon`, `time`, `words` and the macros of `templates/parts.html`.

mod assets;
pub mod away;
mod bridges;
pub mod chart;
pub mod checked;
mod clients;
mod connections;
pub mod csv;
mod differences;
mod fields;
pub(crate) mod flash;
pub mod form;
pub(crate) mod frame;
pub mod icon;
mod incoming;
pub mod jobs;
pub(crate) mod overview;
mod plans;
mod qr;
mod questions;
mod record;
mod runs;
pub(crate) mod settings;
pub mod table;
mod theme;
pub mod time;
pub(crate) mod words;

pub use flash::{Flash, Tone};
pub use frame::{Frame, Section};
pub use theme::Theme;

use crate::Web;
use crate::problem::Result;
use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};

/// Every page for which one has to be signed in. One line a page.
pub fn routes(web: &Web) -> Router<Web> {
    Router::new()
        .route("/", get(overview::show))
        .merge(connections::routes(web))
        .merge(bridges::routes())
        .merge(runs::routes())
        .merge(plans::routes())
        .merge(questions::routes())
        .merge(differences::routes())
        .merge(fields::routes())
        .route("/bridges/{id}/types", get(incoming::show).post(incoming::save))
        .route("/clients", get(clients::list::show))
        .route("/clients/{id}", get(clients::show::show))
        .route("/clients/{id}/sync", post(clients::sync::start))
        .route(
            "/clients/{id}/source",
            get(clients::source::show).post(clients::source::change),
        )
        .merge(assets::routes())
        .merge(settings::routes())
        .route("/theme", post(theme::choose))
}

/// A rendered page.
pub fn page(template: &impl Template) -> Result<Response> {
    page_with(StatusCode::OK, template)
}

/// A rendered page with another status.
pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Response> {
    Ok((status, Html(template.render()?)).into_response())
}
