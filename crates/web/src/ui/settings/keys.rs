//! API keys: those there are, making one, revoking one.

use super::{Tabs, tabs};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::form::{Field, Sent};
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page, page_with};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::SettingProblem;
use engine::api_keys::{MOST_DAYS, NewKey};
use model::{ActorRole, ApiKey, KeyScope};
use secrecy::ExposeSecret as _;

const HERE: &str = "/settings/keys";

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct KeysPage {
    frame: Frame,
    tabs: Tabs,
    rows: Vec<Row>,
    name: Field,
    scopes: Vec<Scope>,
    scopes_wrong: Option<String>,
    days: Field,
    hub: Option<Field>,
}

/// A key as a line of the list.
struct Row {
    id: String,
    /// The id of the question before it is revoked.
    dialog: String,
    name: String,
    prefix: String,
    whose: String,
    scopes: Vec<KeyScope>,
    expired: bool,
    soon: bool,
    expires: When,
    used: Option<When>,
}

/// A scope that can be ticked.
struct Scope {
    scope: KeyScope,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "settings/made_key.html")]
struct MadePage {
    frame: Frame,
    key: ApiKey,
    secret: String,
    expires: When,
    address: String,
}

async fn show_with(
    web: &Web,
    signed_in: &SignedIn,
    sent: &Sent,
    problems: &[SettingProblem],
) -> Result<Response> {
    let now = web.engine.clock().now();
    let keys = web.engine.api_keys(&signed_in.actor).await?;
    let rows = keys.into_iter().map(|key| Row {
        expired: key.expires <= now,
        soon: now.duration_until(key.expires).as_hours() < 14 * 24,
        expires: When::new(key.expires, now),
        used: key.used.map(|used| When::new(used, now)),
        whose: key.person.unwrap_or_else(|| "The hub".to_owned()),
        dialog: format!("revoke-{}", key.id),
        id: key.id,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes,
    });
    let begun = sent.is_empty();
    let mine = KeyScope::ALL
        .into_iter()
        .filter(|scope| signed_in.may(scope.role()));
    let days = [
        ("30", "30 days"),
        ("90", "90 days"),
        ("365", "One year"),
        ("730", "Two years"),
    ];
    let wrong = problems.iter().find(|problem| problem.key == "scopes");
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let owner = signed_in.may(ActorRole::Owner);
    page_with(
        status,
        &KeysPage {
            frame: signed_in.frame("API keys", Section::Settings).await?,
            tabs: tabs(signed_in, HERE),
            rows: rows.collect(),
            name: Field::text("name", "Name")
                .help("The program that will use it. What it does is noted under this name")
                .placeholder("Grafana")
                .value(sent.get("name"))
                .required()
                .problem_of("name", problems),
            scopes: mine
                .map(|scope| Scope {
                    ticked: sent.all("scope").any(|word| word == scope.as_str())
                        || (begun && scope == KeyScope::Read),
                    scope,
                })
                .collect(),
            scopes_wrong: wrong.map(|problem| problem.message.clone()),
            days: Field::choice("days", "Works for", days)
                .value(if begun { "90" } else { sent.get("days") })
                .required()
                .problem_of("days", problems),
            hub: owner.then(|| {
                Field::tick("hub", "It belongs to the hub", begun || sent.has("hub"))
                    .help("It goes on when you leave. Otherwise it is yours and does no more than you may")
            }),
        },
    )
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    show_with(&web, &signed_in, &Sent::default(), &[]).await
}

/// Makes a key and shows it, this once.
pub async fn make(State(web): State<Web>, signed_in: SignedIn, Form(sent): Form<Sent>) -> Result<Response> {
    let new = NewKey {
        name: sent.get("name").to_owned(),
        scopes: sent.all("scope").filter_map(KeyScope::named).collect(),
        // What is no number is no length a key may have.
        days: sent.get("days").trim().parse().unwrap_or(MOST_DAYS + 1),
        for_hub: sent.has("hub"),
    };
    match web.engine.make_api_key(&signed_in.actor, new).await {
        Ok((key, secret)) => page(&MadePage {
            frame: signed_in
                .frame(format!("The key {}", key.name), Section::Settings)
                .await?,
            expires: When::new(key.expires, web.engine.clock().now()),
            key,
            secret: secret.expose_secret().to_owned(),
            address: web.site.address("/api/v1"),
        }),
        Err(engine::Error::Input { problems }) => show_with(&web, &signed_in, &sent, &problems).await,
        Err(error) => Err(error.into()),
    }
}

/// Revokes a key.
pub async fn revoke(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    web.engine.revoke_api_key(&signed_in.actor, &id).await?;
    signed_in
        .flash(Tone::Good, "The key is revoked: it works no more from here on.")
        .await?;
    Ok(Redirect::to(HERE).into_response())
}
