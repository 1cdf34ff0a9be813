//! One connection: how it stands, its check, its switches, its settings.

use super::form::{Fields, Typed};
use super::save::{connector, redirects};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::checked::Checked;
use crate::ui::overview::state_in_words;
use crate::ui::time::When;
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::{GuideStep, SettingProblem};
use model::{ActorRole, Connection, ConnectionId, ConnectionState};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "connections/show.html")]
struct ConnectionPage {
    frame: Frame,
    id: String,
    kind: &'static str,
    tone: Tone,
    state: String,
    reason: String,
    last_success: Option<When>,
    read_only: bool,
    paused: bool,
    authorizes: bool,
    complete: bool,
    may_change: bool,
    may_check: bool,
    save: &'static str,
    /// Whether it is ready to be bridged and no bridge reads from it yet.
    unbridged: bool,
    checked: Option<Checked>,
    fields: Fields,
    guide: Vec<GuideStep>,
}

/// The connection of that id.
pub(super) async fn find(web: &Web, signed_in: &SignedIn, id: &ConnectionId) -> Result<Connection> {
    let all = web.engine.connections(&signed_in.actor).await?;
    all.into_iter()
        .find(|connection| connection.id == *id)
        .ok_or_else(|| Problem::missing("There is no such connection."))
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    connection: &Connection,
    fields: Fields,
    checked: Option<Checked>,
    status: StatusCode,
) -> Result<Response> {
    let now = web.engine.clock().now();
    let connector = connector(web, &connection.kind)?;
    let (tone, state) = state_in_words(&connection.state);
    let may_change = signed_in.may(ActorRole::Owner);
    let mode = if may_change {
        web.engine
            .authorization_mode(&signed_in.actor, &connection.id)
            .await
            .unwrap_or_default()
    } else {
        None
    };
    let complete = connection.state == ConnectionState::Connected;
    let unbridged = complete && may_change && connector.is_source() && {
        let bridges = web.engine.bridges(&signed_in.actor).await?;
        bridges.iter().all(|bridge| bridge.source != connection.id)
    };
    page_with(
        status,
        &ConnectionPage {
            frame: signed_in
                .frame(connection.name.clone(), Section::Connections)
                .await?,
            id: connection.id.to_string(),
            kind: connector.label(),
            tone,
            state,
            reason: connection.state.reason().unwrap_or_default().to_owned(),
            last_success: connection.last_success.map(|at| When::new(at, now)),
            read_only: connection.read_only,
            paused: connection.state == ConnectionState::Paused,
            authorizes: mode.is_some(),
            complete,
            save: connector.save_label().unwrap_or("Save"),
            unbridged,
            may_change,
            may_check: signed_in.may(ActorRole::Technician),
            checked,
            fields,
            guide: connector.guide(&connection.settings, &redirects(web)),
        },
    )
}

fn stored_fields(web: &Web, connection: &Connection) -> Result<Fields> {
    let connector = connector(web, &connection.kind)?;
    Ok(Fields::new(
        connector.as_ref(),
        &Typed::stored(connection),
        false,
        &[],
    ))
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
) -> Result<Response> {
    let connection = find(&web, &signed_in, &id).await?;
    let fields = stored_fields(&web, &connection)?;
    render(&web, &signed_in, &connection, fields, None, StatusCode::OK).await
}

/// The page with what a person typed and what is wrong with it.
pub(super) async fn with_form(
    web: &Web,
    signed_in: &SignedIn,
    connection: &Connection,
    typed: &Typed,
    problems: &[SettingProblem],
    status: StatusCode,
) -> Result<Response> {
    let connector = connector(web, &connection.kind)?;
    let fields = Fields::new(connector.as_ref(), typed, false, problems);
    render(web, signed_in, connection, fields, None, status).await
}

/// Checks the connection and shows the page with what came of it.
pub async fn check(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
) -> Result<Response> {
    find(&web, &signed_in, &id).await?;
    let checked = match web.engine.check(&signed_in.actor, &id).await {
        Ok(points) => Checked::from(points),
        Err(error @ engine::Error::Forbidden { .. }) => return Err(error.into()),
        Err(error) => Checked::failed(in_words(&error)),
    };
    // As the check left it.
    let connection = find(&web, &signed_in, &id).await?;
    let fields = stored_fields(&web, &connection)?;
    render(
        &web,
        &signed_in,
        &connection,
        fields,
        Some(checked),
        StatusCode::OK,
    )
    .await
}

/// Pauses the connection.
pub async fn pause(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
) -> Result<Response> {
    let connection = web.engine.pause_connection(&signed_in.actor, &id, None).await?;
    let sentence = format!(
        "{} is paused: nothing is read from it or written to it.",
        connection.name
    );
    back(&signed_in, &id, sentence).await
}

/// Lets it go on.
pub async fn resume(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
) -> Result<Response> {
    let connection = web.engine.resume_connection(&signed_in.actor, &id).await?;
    back(
        &signed_in,
        &id,
        format!("{} goes on: {}.", connection.name, connection.state),
    )
    .await
}

#[derive(Deserialize)]
pub struct ReadOnly {
    read_only: bool,
}

/// Says whether it may be written to.
pub async fn read_only(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<ConnectionId>,
    Form(ReadOnly { read_only }): Form<ReadOnly>,
) -> Result<Response> {
    let connection = web
        .engine
        .set_read_only(&signed_in.actor, &id, read_only, None)
        .await?;
    let sentence = match read_only {
        true => format!(
            "{} is read-only: plans are made, nothing is written.",
            connection.name
        ),
        false => format!("{} may be written to.", connection.name),
    };
    back(&signed_in, &id, sentence).await
}

async fn back(signed_in: &SignedIn, id: &ConnectionId, sentence: String) -> Result<Response> {
    signed_in.flash(Tone::Good, sentence).await?;
    Ok(Redirect::to(&format!("/connections/{id}")).into_response())
}
