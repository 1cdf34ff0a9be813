//! Making a connection and changing its settings. Where a person has to agree, the vendor's page comes next.

use super::consent;
use super::form::{Fields, Typed};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result};
use crate::ui::words::is_direction;
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::connecting::ConnectionRequest;
use engine::{Connector, GuideStep, Mode, SettingProblem, StoreError};
use model::{ActorRole, Connection, ConnectionId, ConnectionState};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "connections/new.html")]
struct NewPage {
    frame: Frame,
    kind: &'static str,
    label: &'static str,
    tabs: Vec<(&'static str, String, bool)>,
    fields: Fields,
    guide: Vec<GuideStep>,
    save: &'static str,
    demo: Option<String>,
}

#[derive(Deserialize)]
pub struct Kind {
    #[serde(default)]
    kind: String,
}

pub(super) fn connector(web: &Web, kind: &str) -> Result<Arc<dyn Connector>> {
    let found = web.engine.connectors().get(kind).cloned();
    found.map_err(|_| Problem::missing(format!("There is no kind of connection called {kind:?}.")))
}

/// The redirect URIs to register: this hub's, and its other installations'.
pub(super) fn redirects(web: &Web) -> Vec<String> {
    let mut all = vec![web.site.redirect_uri()];
    all.extend(web.site.other_redirects.iter().cloned());
    all
}

async fn new_page(
    web: &Web,
    signed_in: &SignedIn,
    connector: &dyn Connector,
    typed: &Typed,
    problems: &[SettingProblem],
) -> Result<Response> {
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let tabs = web.engine.connectors().iter().map(|c| {
        let address = format!("/connections/new?kind={}", c.kind());
        (c.label(), address, c.kind() == connector.kind())
    });
    let settings = typed.settings(connector, None);
    let guide = connector.guide(&settings, &redirects(web));
    let demo = web.site.prefill.as_ref().filter(|p| p.kind == connector.kind());
    page_with(
        status,
        &NewPage {
            frame: signed_in
                .frame(format!("Connect {}", connector.label()), Section::Connections)
                .await?,
            kind: connector.kind(),
            label: connector.label(),
            tabs: tabs.collect(),
            fields: Fields::new(connector, typed, true, problems),
            save: connector.save_label().unwrap_or(match guide.is_empty() {
                true => "Save",
                false => "Save and authorize",
            }),
            guide,
            demo: demo.map(|p| p.note.clone()),
        },
    )
}

/// The form of a new connection.
pub async fn show_new(
    State(web): State<Web>,
    signed_in: SignedIn,
    Query(Kind { kind }): Query<Kind>,
) -> Result<Response> {
    if !signed_in.may(ActorRole::Owner) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "An Owner makes connections."));
    }
    let connector = connector(&web, &kind)?;
    let taken = web.engine.connections(&signed_in.actor).await?;
    let free = (1..)
        .map(|number| {
            if number == 1 {
                kind.clone()
            } else {
                format!("{kind}-{number}")
            }
        })
        .find(|name| taken.iter().all(|c| c.name != *name));
    let mut typed = Typed::default().with("name", &free.unwrap_or_default());
    if let Some(prefill) = web.site.prefill.as_ref().filter(|p| p.kind == kind) {
        for (key, value) in &prefill.fields {
            typed = typed.with(key, value);
        }
    }
    new_page(&web, &signed_in, connector.as_ref(), &typed, &[]).await
}

/// Makes a connection.
pub async fn add(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let typed = Typed::new(pairs);
    let connector = connector(&web, typed.get("kind"))?;
    let name = typed.get("name").trim().to_owned();
    let mut problems = Vec::new();
    let mut at_name = |message: &str| {
        problems.push(SettingProblem {
            key: "name".to_owned(),
            message: message.to_owned(),
        });
    };
    if name.is_empty() {
        at_name("Enter a name");
    } else if name.chars().count() > 60 || name.chars().any(|c| c.is_control() || is_direction(c)) {
        at_name("At most 60 letters, without control characters");
    } else if web
        .engine
        .connections(&signed_in.actor)
        .await?
        .iter()
        .any(|c| c.name == name)
    {
        at_name("A connection has this name already");
    }
    if !problems.is_empty() {
        // The other problems are shown too: nobody likes to correct a form twice.
        if let Err(more) = connector.validate(
            &typed.settings(connector.as_ref(), None),
            &typed.secrets(connector.as_ref()),
            typed.private_hosts(),
        ) {
            problems.extend(more);
        }
        return new_page(&web, &signed_in, connector.as_ref(), &typed, &problems).await;
    }
    let request = ConnectionRequest {
        kind: connector.kind().to_owned(),
        name,
        settings: typed.settings(connector.as_ref(), None),
        secrets: typed.secrets(connector.as_ref()),
        allow_private_hosts: typed.private_hosts(),
    };
    match web.engine.save_connection(&signed_in.actor, request).await {
        Ok(connection) => go_on(&web, &signed_in, &connection).await,
        Err(engine::Error::Settings { problems, .. }) => {
            new_page(&web, &signed_in, connector.as_ref(), &typed, &problems).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes a connection's settings.
pub async fn change(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let connection = super::show::find(&web, &signed_in, &id).await?;
    let typed = Typed::new(pairs);
    let connector = connector(&web, &connection.kind)?;
    let request = ConnectionRequest {
        kind: connection.kind.clone(),
        name: connection.name.clone(),
        settings: typed.settings(connector.as_ref(), Some(&connection.settings)),
        secrets: typed.secrets(connector.as_ref()),
        allow_private_hosts: typed.private_hosts(),
    };
    match web.engine.save_connection(&signed_in.actor, request).await {
        Ok(saved) => {
            // Keys that were not accepted yet are tried at once.
            let mode = web.engine.authorization_mode(&signed_in.actor, &saved.id).await?;
            let untried =
                saved.state == ConnectionState::NeedsAuthorization && matches!(mode, Some(Mode::Machine));
            if saved.state != connection.state || untried {
                return go_on(&web, &signed_in, &saved).await;
            }
            signed_in.flash(Tone::Good, "Settings saved.").await?;
            Ok(Redirect::to(&format!("/connections/{id}")).into_response())
        }
        Err(engine::Error::Settings { problems, .. }) => {
            super::show::with_form(
                &web,
                &signed_in,
                &connection,
                &typed,
                &problems,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(engine::Error::Store(StoreError::Moved { .. })) => Err(Problem::new(
            StatusCode::CONFLICT,
            "Somebody else changed this connection while you typed; nothing was saved.",
        )
        .advise("Go back, look at what they changed, and save again")),
        Err(error) => Err(error.into()),
    }
}

/// What comes after saving: the consent, the machine's own grant, or nothing.
async fn go_on(web: &Web, signed_in: &SignedIn, connection: &Connection) -> Result<Response> {
    match web
        .engine
        .authorization_mode(&signed_in.actor, &connection.id)
        .await?
    {
        None => {
            signed_in
                .flash(Tone::Good, format!("{} is connected.", connection.name))
                .await?;
            Ok(Redirect::to("/connections").into_response())
        }
        Some(Mode::Consent | Mode::Machine) => consent::authorize(web, signed_in, connection).await,
    }
}
