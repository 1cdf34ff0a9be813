//! The switch that pauses all writes.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::form::{Field, Sent};
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use model::{ActorRole, WritePause};

const HERE: &str = "/settings/pause";

#[derive(Template)]
#[template(path = "settings/pause.html")]
struct PausePage {
    frame: Frame,
    tabs: Tabs,
    pause: Option<(WritePause, When)>,
    reason: Field,
    may_pause: bool,
    may_resume: bool,
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    typed: &str,
    problems: &[SettingProblem],
) -> Result<Response> {
    let now = web.engine.clock().now();
    let pause = web.engine.write_pause(&signed_in.actor).await?;
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &PausePage {
            frame: signed_in.frame("Pause writes", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            pause: pause.map(|pause| {
                let since = When::new(pause.since, now);
                (pause, since)
            }),
            reason: Field::text("reason", "Why")
                .help("Everybody sees it on every page, and whoever wonders why nothing is written")
                .placeholder("Wrong tenant connected, see ticket 4711")
                .value(typed)
                .required()
                .problem_of("reason", problems),
            may_pause: signed_in.may(ActorRole::Technician),
            may_resume: signed_in.may(ActorRole::Owner),
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, "", &[]).await
}

/// Pauses.
pub async fn begin(State(web): State<Web>, signed_in: SignedIn, Form(sent): Form<Sent>) -> Result<Response> {
    match web
        .engine
        .pause_writes(&signed_in.actor, sent.get("reason"))
        .await
    {
        Ok(_) => Ok(Redirect::to(HERE).into_response()),
        Err(engine::Error::Input { problems }) => {
            show_with(&web, &signed_in, sent.get("reason"), &problems).await
        }
        Err(engine::Error::NoReason { .. }) => {
            let problem = SettingProblem {
                key: "reason".to_owned(),
                message: "Say why, for whoever meets it later".to_owned(),
            };
            show_with(&web, &signed_in, "", &[problem]).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets writes go on.
pub async fn end(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let ended = web.engine.resume_writes(&signed_in.actor).await?;
    let said = match ended {
        Some(_) => "Writes go on. Jobs that waited for it go on by themselves.",
        None => "Writes were not paused.",
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(HERE).into_response())
}
