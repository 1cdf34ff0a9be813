//! One's own second factor: setting it up, recovery codes, doing away with it.

use super::SECOND_FACTOR;
use crate::Web;
use crate::auth::{SignedIn, Visit};
use crate::problem::{Problem, Result};
use crate::ui::form::{Field, Sent};
use crate::ui::{Frame, Section, Tone, page, page_with, qr};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use engine::second_factor::FactorState;
use secrecy::{ExposeSecret as _, SecretString};

#[derive(Template)]
#[template(path = "settings/factor.html")]
struct FactorPage {
    frame: Frame,
    factor: FactorState,
    /// How many recovery codes are left, in words.
    left: String,
    /// The password is asked for first, from somebody who has one.
    password: Option<Field>,
    code: Field,
    renew: Field,
    setting_up: Option<SettingUp>,
}

/// A key that is being set up.
struct SettingUp {
    qr: String,
    key: String,
}

#[derive(Template)]
#[template(path = "settings/codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<String>,
    is_new: bool,
}

/// Which of the page's forms a problem belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Confirm,
    Renew,
}

async fn show_with(web: &Web, signed_in: &SignedIn, at: At, problems: &[SettingProblem]) -> Result<Response> {
    let factor = web.engine.my_second_factor(&signed_in.actor).await?;
    let of = |form: At| if form == at { problems } else { &[] };
    let code = |name: &str, label: &str| {
        Field::text(name, label)
            .autocomplete("one-time-code")
            .placeholder("123 456")
            .required()
    };
    let setting_up = match &factor.setting_up {
        Some(new) => Some(SettingUp {
            qr: qr::svg(new.address.expose_secret(), "QR code for your app")
                .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error))?,
            key: in_groups(new.key.expose_secret()),
        }),
        None => None,
    };
    let password = Field::password("secret.old", "Your password")
        .autocomplete("current-password")
        .required()
        .problem_of("old", of(At::Begin));
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &FactorPage {
            frame: signed_in.frame("Second factor", Section::Settings).await?,
            password: signed_in.person.has_password.then_some(password),
            code: code("secret.code", "The code your app shows now").problem_of("code", of(At::Confirm)),
            renew: code("secret.code-2", "A code of your app, or a recovery code")
                .problem_of("code", of(At::Renew)),
            setting_up,
            left: format!("{} left", factor.codes_left),
            factor,
        },
    )
}

/// Letters in groups of four, which people copy without losing their place.
fn in_groups(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

async fn codes(signed_in: &SignedIn, codes: Vec<SecretString>, is_new: bool) -> Result<Response> {
    page(&CodesPage {
        frame: signed_in.frame("Recovery codes", Section::Settings).await?,
        codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect(),
        is_new,
    })
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, At::Begin, &[]).await
}

/// Begins, with a new key.
pub async fn begin(
    State(web): State<Web>,
    signed_in: SignedIn,
    visit: Visit,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let begun = web
        .engine
        .begin_second_factor(&signed_in.actor, sent.secret("secret.old"), &visit.from)
        .await;
    match begun {
        Ok(()) => Ok(Redirect::to(SECOND_FACTOR).into_response()),
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, At::Begin, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// Takes the first code, and shows the recovery codes once.
pub async fn confirm(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let done = web
        .engine
        .finish_second_factor(&signed_in.actor, sent.get("secret.code"), &signed_in.session_id())
        .await;
    match done {
        Ok(made) => codes(&signed_in, made, true).await,
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, At::Confirm, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// Makes new recovery codes.
pub async fn renew(
    State(web): State<Web>,
    signed_in: SignedIn,
    visit: Visit,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let made = web
        .engine
        .renew_recovery_codes(&signed_in.actor, sent.get("secret.code-2"), &visit.from)
        .await;
    match made {
        Ok(made) => codes(&signed_in, made, false).await,
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, At::Renew, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// Does away with it.
pub async fn remove(
    State(web): State<Web>,
    signed_in: SignedIn,
    visit: Visit,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let removed = web
        .engine
        .drop_second_factor(&signed_in.actor, sent.get("secret.code-2"), &visit.from)
        .await;
    match removed {
        Ok(()) => {
            signed_in
                .flash(Tone::Warn, "You sign in by your password alone now.")
                .await?;
            Ok(Redirect::to("/settings/you").into_response())
        }
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, At::Renew, &problems).await,
        Err(error) => Err(error.into()),
    }
}
