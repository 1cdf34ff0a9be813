//! Who may sign in, inviting somebody, and whether everybody needs a second factor.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Result, in_words};
use crate::ui::form::{Field, Sent};
use crate::ui::frame::role_in_words;
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use jiff::Timestamp;
use model::{ActorRole, Person};
use secrecy::{ExposeSecret as _, SecretString};

const HERE: &str = "/settings/people";

#[derive(Template)]
#[template(path = "settings/people.html")]
struct PeoplePage {
    frame: Frame,
    tabs: Tabs,
    rows: Vec<Row>,
    required: bool,
    without: usize,
    name: Field,
    role: Field,
    mail: Option<Field>,
}

/// A person as a line of the list.
struct Row {
    id: String,
    name: String,
    role: &'static str,
    is_me: bool,
    tone: Tone,
    state: &'static str,
    second_factor: bool,
    seen: Option<When>,
}

#[derive(Template)]
#[template(path = "settings/invited.html")]
pub(super) struct InvitedPage {
    pub frame: Frame,
    pub name: String,
    pub link: String,
    pub until: When,
    /// What became of the mail, if one was asked for.
    pub mailed: Option<(Tone, String)>,
}

/// How a person stands, in a word and a colour.
pub(super) fn standing(person: &Person) -> (Tone, &'static str) {
    match (person.disabled, person.seen, person.has_password) {
        (true, _, _) => (Tone::Bad, "Switched off"),
        (false, None, _) => (Tone::Busy, "Invited"),
        (false, Some(_), false) => (Tone::Warn, "No password"),
        (false, Some(_), true) => (Tone::Good, "Active"),
    }
}

/// The choice of a role.
pub(super) fn role_field(chosen: ActorRole) -> Field {
    let choices = [
        ("viewer", "Viewer: sees everything, changes nothing"),
        ("technician", "Technician: matches, maps, plans and applies"),
        (
            "owner",
            "Owner: everything, with connections, settings and people",
        ),
    ];
    Field::choice("role", "Role", choices)
        .required()
        .value(role_word(chosen))
}

fn role_word(role: ActorRole) -> &'static str {
    match role {
        ActorRole::Viewer => "viewer",
        ActorRole::Technician => "technician",
        ActorRole::Owner => "owner",
    }
}

/// The role of a word that was sent.
pub(super) fn role_of(word: &str) -> Option<ActorRole> {
    [ActorRole::Viewer, ActorRole::Technician, ActorRole::Owner]
        .into_iter()
        .find(|role| role_word(*role) == word)
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    sent: &Sent,
    problems: &[SettingProblem],
) -> Result<Response> {
    let now = web.engine.clock().now();
    let people = web.engine.people(&signed_in.actor).await?;
    let mail = web.engine.mail_server(&signed_in.actor).await?;
    let row = |person: &Person| {
        let (tone, state) = standing(person);
        Row {
            id: person.id.clone(),
            name: person.name.clone(),
            role: role_in_words(person.role),
            is_me: person.id == signed_in.person.id,
            tone,
            state,
            second_factor: person.second_factor,
            seen: person.seen.map(|seen| When::new(seen, now)),
        }
    };
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let role = role_of(sent.get("role")).unwrap_or(ActorRole::Technician);
    page_with(
        status,
        &PeoplePage {
            frame: signed_in.frame("People", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            rows: people.iter().map(row).collect(),
            required: web.engine.second_factor_required().await?,
            without: people.iter().filter(|p| !p.disabled && !p.second_factor).count(),
            name: Field::text("name", "Name")
                .help("What they sign in with: a short name or their e-mail address")
                .placeholder("ada@example.com")
                .value(sent.get("name"))
                .required()
                .problem_of("name", problems),
            role: role_field(role).problem_of("role", problems),
            mail: mail.map(|host| {
                Field::tick("mail", "Send the link by e-mail, too", sent.has("mail"))
                    .help(&format!("Through {host}, if the name is an e-mail address"))
            }),
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, &Sent::default(), &[]).await
}

/// Invites somebody.
pub async fn invite(State(web): State<Web>, signed_in: SignedIn, Form(sent): Form<Sent>) -> Result<Response> {
    let Some(role) = role_of(sent.get("role")) else {
        // Who may not invite learns that, not how to.
        web.engine.people(&signed_in.actor).await?;
        let problem = SettingProblem {
            key: "role".to_owned(),
            message: "Choose a role".to_owned(),
        };
        return show_with(&web, &signed_in, &sent, &[problem]).await;
    };
    match web.engine.invite(&signed_in.actor, sent.get("name"), role).await {
        Ok((person, token)) => invited(&web, &signed_in, &person, &token, sent.has("mail")).await,
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, &sent, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// The page that shows an invitation, this once.
pub(super) async fn invited(
    web: &Web,
    signed_in: &SignedIn,
    person: &Person,
    token: &SecretString,
    mail: bool,
) -> Result<Response> {
    let now: Timestamp = web.engine.clock().now();
    let link = web
        .site
        .address(&format!("/sign-in/invitation?token={}", token.expose_secret()));
    let mailed = match mail {
        true => Some(
            match web
                .engine
                .mail_invitation(&signed_in.actor, &person.name, &link)
                .await
            {
                Ok(answer) => (
                    Tone::Good,
                    format!(
                        "It is on its way to {}. The mail server said: {answer}",
                        person.name
                    ),
                ),
                Err(error) => (
                    Tone::Bad,
                    format!(
                        "It could not be sent by e-mail. {}. Give them the link yourself.",
                        in_words(&error)
                    ),
                ),
            },
        ),
        false => None,
    };
    page(&InvitedPage {
        frame: signed_in
            .frame(format!("Invitation for {}", person.name), Section::Settings)
            .await?,
        name: person.name.clone(),
        link,
        until: When::new(now + engine::INVITATION_WORKS, now),
        mailed,
    })
}

/// Says whether everybody needs a second factor.
pub async fn require_second_factor(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let required = sent.get("required") == "true";
    web.engine
        .require_second_factor(&signed_in.actor, required)
        .await?;
    let said = match required {
        true => "Everybody needs a second factor now. Whoever has none is led to setting one up.",
        false => "A second factor is up to everybody now.",
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(HERE).into_response())
}
