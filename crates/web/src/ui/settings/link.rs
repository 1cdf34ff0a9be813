//! Linking one's account at the identity provider, and unlinking it.

use crate::Web;
use crate::auth::{SignedIn, Visit, provider};
use crate::problem::{Problem, Result};
use crate::ui::away::away;
use crate::ui::form::{Field, Sent};
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;

pub const HERE: &str = "/settings/you/link";

#[derive(Template)]
#[template(path = "settings/link.html")]
struct LinkPage {
    frame: Frame,
    label: String,
    /// Asked for first, from somebody who has one.
    password: Option<Field>,
    problem: Option<String>,
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    problems: &[SettingProblem],
    problem: Option<Problem>,
) -> Result<Response> {
    let mine = web.engine.my_identities(&signed_in.actor).await?;
    let Some(label) = mine.label.filter(|_| mine.may_link) else {
        return Ok(Redirect::to("/settings/you").into_response());
    };
    let password = Field::password("secret.old", "Your password")
        .autocomplete("current-password")
        .required()
        .problem_of("old", problems);
    let status = match (&problem, problems) {
        (Some(problem), _) => problem.status,
        (None, []) => StatusCode::OK,
        (None, _) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &LinkPage {
            frame: signed_in
                .frame(format!("Link sign-in of {label}"), Section::Settings)
                .await?,
            label,
            password: signed_in.person.has_password.then_some(password),
            problem: problem.map(|problem| format!("{}.", problem.what.trim_end_matches('.'))),
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, &[], None).await
}

/// Sends the browser to the provider.
pub async fn begin(
    State(web): State<Web>,
    signed_in: SignedIn,
    visit: Visit,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let redirect = web.site.address(provider::CALLBACK);
    let begun = web
        .engine
        .begin_identity_link(
            &signed_in.actor,
            sent.secret("secret.old"),
            &redirect,
            (&signed_in.session_id(), &visit.from),
        )
        .await;
    match begun {
        Ok(url) => away(signed_in.theme, ("Link", "Sign in there", "/settings/you"), &url),
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, &problems, None).await,
        Err(error) => show_with(&web, &signed_in, &[], Some(error.into())).await,
    }
}

/// Unlinks one's accounts.
pub async fn unlink(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let unlinked = web
        .engine
        .unlink_my_identities(&signed_in.actor, &signed_in.session_id())
        .await;
    let (tone, said) = match unlinked {
        Ok(0) => (Tone::Good, "Nothing was linked.".to_owned()),
        Ok(_) => (
            Tone::Good,
            "Your account is unlinked. Other browsers are signed out.".to_owned(),
        ),
        Err(engine::Error::Input { problems }) => {
            let why = problems.into_iter().map(|problem| problem.message);
            (Tone::Bad, format!("{}.", why.collect::<Vec<_>>().join(". ")))
        }
        Err(error) => return Err(error.into()),
    };
    signed_in.flash(tone, said).await?;
    Ok(Redirect::to("/settings/you").into_response())
}
