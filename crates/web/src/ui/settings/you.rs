//! One's own account: the password, the second factor, and the browsers that are signed in.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::{SignedIn, Visit, known_of};
use crate::problem::Result;
use crate::ui::form::{Field, Sent, new_password};
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use engine::identities::LinkedIdentity;
use engine::second_factor::FactorState;
use jiff::Timestamp;
use url::Url;

const HERE: &str = "/settings/you";

#[derive(Template)]
#[template(path = "settings/you.html")]
struct YouPage {
    frame: Frame,
    tabs: Tabs,
    name: String,
    role: &'static str,
    factor: FactorState,
    since: Option<When>,
    old: Option<Field>,
    fields: [Field; 2],
    /// One's accounts at the identity provider, where there is one or was.
    identities: Option<Identities>,
    sessions: Vec<Row>,
    others: usize,
}

/// Accounts at the identity provider.
struct Identities {
    name: String,
    linked: Vec<Linked>,
    may_link: bool,
}

/// An account at an identity provider.
pub(super) struct Linked {
    pub(super) email: Option<String>,
    pub(super) host: String,
    pub(super) since: When,
}

/// Accounts as a page shows them.
pub(super) fn linked(linked: Vec<LinkedIdentity>, now: Timestamp) -> Vec<Linked> {
    let host = |issuer: &str| {
        let url = Url::parse(issuer).ok();
        url.and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_else(|| issuer.to_owned())
    };
    linked
        .into_iter()
        .map(|linked| Linked {
            host: host(&linked.issuer),
            since: When::new(linked.linked, now),
            email: linked.email,
        })
        .collect()
}

/// A signed-in browser.
struct Row {
    id: String,
    here: bool,
    browser: String,
    from: String,
    how: String,
    began: When,
    seen: When,
}

async fn show_with(web: &Web, signed_in: &SignedIn, problems: &[SettingProblem]) -> Result<Response> {
    let now = web.engine.clock().now();
    let factor = web.engine.my_second_factor(&signed_in.actor).await?;
    let mine = web.engine.my_identities(&signed_in.actor).await?;
    let identities = (mine.label.is_some() || !mine.linked.is_empty()).then(|| Identities {
        name: mine.label.unwrap_or_else(|| "a provider".to_owned()),
        linked: linked(mine.linked, now),
        may_link: mine.may_link,
    });
    let sessions = web
        .engine
        .my_sessions(&signed_in.actor, &signed_in.session_id())
        .await?;
    let [password, again] = new_password("secret.password", "secret.again");
    let old = Field::password("secret.old", "Your password now")
        .autocomplete("current-password")
        .required()
        .problem_of("old", problems);
    let rows: Vec<Row> = sessions
        .into_iter()
        .map(|mine| {
            let known = known_of(&mine.session.data);
            Row {
                id: mine.id,
                here: mine.here,
                browser: known.browser,
                from: known.from,
                how: known.how,
                began: When::new(mine.session.created, now),
                seen: When::new(mine.session.seen, now),
            }
        })
        .collect();
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(
        status,
        &YouPage {
            frame: signed_in.frame("Your account", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            name: signed_in.person.name.clone(),
            role: signed_in.role_in_words(),
            since: factor.since.map(|since| When::new(since, now)),
            factor,
            old: signed_in.person.has_password.then_some(old),
            fields: [
                password.problem_of("password", problems),
                again.problem_of("again", problems),
            ],
            identities,
            others: rows.iter().filter(|row| !row.here).count(),
            sessions: rows,
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, &[]).await
}

/// Changes the password.
pub async fn change_password(
    State(web): State<Web>,
    signed_in: SignedIn,
    visit: Visit,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    if sent.get("secret.password") != sent.get("secret.again") {
        let problem = SettingProblem {
            key: "again".to_owned(),
            message: "This is not the same password".to_owned(),
        };
        return show_with(&web, &signed_in, &[problem]).await;
    }
    let changed = web
        .engine
        .change_password(
            &signed_in.actor,
            sent.secret("secret.old"),
            sent.secret("secret.password"),
            (&signed_in.session_id(), &visit.from),
        )
        .await;
    match changed {
        Ok(()) => {
            signed_in
                .flash(
                    Tone::Good,
                    "Your password is changed. Other browsers are signed out.",
                )
                .await?;
            Ok(Redirect::to(HERE).into_response())
        }
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// Ends one session, or all others.
pub async fn end_sessions(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(sent): Form<Sent>,
) -> Result<Response> {
    let one = Some(sent.get("session")).filter(|id| !id.is_empty());
    let ended = web
        .engine
        .end_my_sessions(&signed_in.actor, one, &signed_in.session_id())
        .await?;
    let said = match (ended, one) {
        (0, _) => "No other browser was signed in.".to_owned(),
        (1, _) => "That browser is signed out.".to_owned(),
        (ended, _) => format!("{ended} other browsers are signed out."),
    };
    signed_in.flash(Tone::Good, said).await?;
    Ok(Redirect::to(HERE).into_response())
}
