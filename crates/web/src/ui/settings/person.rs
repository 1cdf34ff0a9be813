//! One person, and what an Owner may do about them.

use super::people::{invited, role_field, role_of, standing};
use super::you::{Linked, linked};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::form::{Field, Sent};
use crate::ui::frame::role_in_words;
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use model::Person;

#[derive(Template)]
#[template(path = "settings/person.html")]
struct PersonPage {
    frame: Frame,
    id: String,
    name: String,
    is_me: bool,
    disabled: bool,
    has_password: bool,
    second_factor: bool,
    linked: Vec<Linked>,
    tone: Tone,
    state: &'static str,
    role: Field,
    added: When,
    seen: Option<When>,
    can_mail: bool,
}

async fn person(web: &Web, signed_in: &SignedIn, id: &str) -> Result<Person> {
    let people = web.engine.people(&signed_in.actor).await?;
    let found = people.into_iter().find(|person| person.id == id);
    found
        .ok_or_else(|| Problem::missing("There is nobody of this id (any more).").advise("Go back to People"))
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let person = person(&web, &signed_in, &id).await?;
    let now = web.engine.clock().now();
    let (tone, state) = standing(&person);
    let identities = web.engine.identities_of(&signed_in.actor, &id).await?;
    let mail = web.engine.mail_server(&signed_in.actor).await?;
    page(&PersonPage {
        frame: signed_in.frame(person.name.clone(), Section::Settings).await?,
        is_me: person.id == signed_in.person.id,
        disabled: person.disabled,
        has_password: person.has_password,
        second_factor: person.second_factor,
        linked: linked(identities, now),
        tone,
        state,
        role: role_field(person.role),
        added: When::new(person.created, now),
        seen: person.seen.map(|seen| When::new(seen, now)),
        can_mail: mail.is_some() && person.name.contains('@'),
        id: person.id,
        name: person.name,
    })
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/settings/people/{id}")).into_response()
}

/// Gives them another role.
pub async fn change_role(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let Some(role) = role_of(sent.get("role")) else {
        web.engine.people(&signed_in.actor).await?;
        let what = "That is no role.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what).advise("Choose one of the three"));
    };
    let changed = web.engine.change_role(&signed_in.actor, &id, role).await?;
    let said = format!("{} is {} now.", changed.name, role_in_words(role));
    signed_in.flash(Tone::Good, said).await?;
    Ok(back(&id))
}

/// A new link, to choose a password.
pub async fn invite_again(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let (person, token) = web.engine.invite_again(&signed_in.actor, &id).await?;
    invited(&web, &signed_in, &person, &token, sent.has("mail")).await
}

/// Takes their second factor away.
pub async fn remove_second_factor(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let had = web.engine.remove_second_factor_of(&signed_in.actor, &id).await?;
    let said = match had {
        true => "Their second factor is gone. They can set up a new one.",
        false => "They had no second factor.",
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(back(&id))
}

/// Unlinks their accounts at the identity provider.
pub async fn unlink(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let said = match web.engine.unlink_identities_of(&signed_in.actor, &id).await? {
        0 => "They had no account linked.",
        _ => "Their account is unlinked, and they are signed out everywhere.",
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(back(&id))
}

/// Lets them sign in no more.
pub async fn switch_off(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let person = web.engine.switch_person(&signed_in.actor, &id, true).await?;
    let said = format!(
        "{} is signed out everywhere and cannot sign in any more.",
        person.name
    );
    signed_in.flash(Tone::Good, said).await?;
    Ok(back(&id))
}

/// Lets them sign in again.
pub async fn switch_on(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let person = web.engine.switch_person(&signed_in.actor, &id, false).await?;
    signed_in
        .flash(Tone::Good, format!("{} can sign in again.", person.name))
        .await?;
    Ok(back(&id))
}

/// Removes them.
pub async fn remove(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let person = web.engine.remove_person(&signed_in.actor, &id).await?;
    let said = format!(
        "{} is removed. What they did stays in the audit log.",
        person.name
    );
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to("/settings/people").into_response())
}
