//! Making a bridge.

use super::settings_form::{NEW_ORGANIZATIONS, SCHEDULES, new_organizations, schedule_of};
use super::tabs::{FIRST, address};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::{Problem, Result, in_words};
use crate::ui::form::Field;
use crate::ui::{Frame, Section, Tone, page_with};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use engine::bridges::REGISTRY;
use engine::bridges::{NewBridge, PRESETS};
use engine::{SettingProblem, StoreError};
use model::{ActorRole, Connection, ConnectionState};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "bridges/new.html")]
struct NewPage {
    frame: Frame,
    sources: bool,
    fields: Vec<Field>,
    problem: Option<String>,
}

/// What a person chose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    source: String,
    destination: String,
    preset: String,
    new_organizations: String,
    devices: String,
    schedule: String,
}

/// The source somebody comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CameFrom {
    source: String,
}

/// The form.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Query(CameFrom { source }): Query<CameFrom>,
) -> Result<Response> {
    if !signed_in.may(ActorRole::Owner) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "An Owner makes bridges."));
    }
    let taken = web.engine.bridges(&signed_in.actor).await?;
    let connections = web.engine.connections(&signed_in.actor).await?;
    let mut kinds = connections
        .iter()
        .filter(|connection| source.is_empty() || connection.id.as_str() == source)
        .filter_map(|connection| web.engine.connectors().get(&connection.kind).ok());
    let called = match kinds.find(|connector| connector.is_source()) {
        Some(connector) => format!("{} assets", connector.label()),
        None => "Assets".to_owned(),
    };
    let free = (1..)
        .map(|number| match number {
            1 => called.clone(),
            n => format!("{called} {n}"),
        })
        .find(|name| taken.iter().all(|bridge| bridge.name != *name));
    let typed = Typed {
        name: free.unwrap_or_default(),
        preset: PRESETS.first().map_or("", |about| about.preset).to_owned(),
        new_organizations: "ask".to_owned(),
        devices: "on".to_owned(),
        source,
        ..Typed::default()
    };
    render(&web, &signed_in, &typed, &[]).await
}

async fn render(
    web: &Web,
    signed_in: &SignedIn,
    typed: &Typed,
    problems: &[SettingProblem],
) -> Result<Response> {
    let connections = web.engine.connections(&signed_in.actor).await?;
    let takes = |part: fn(&dyn engine::Connector) -> bool| {
        let connectors = web.engine.connectors();
        connections.iter().filter_map(move |connection| {
            let connector = connectors.get(&connection.kind).ok()?;
            part(connector.as_ref()).then(|| (connection, label(connection, connector.label())))
        })
    };
    // A connection nobody authorized yet cannot be read.
    let sources: Vec<(&Connection, String)> = takes(|c| c.is_source())
        .filter(|(connection, _)| {
            let state = &connection.state;
            !matches!(
                state,
                ConnectionState::NotConfigured | ConnectionState::NeedsAuthorization
            )
        })
        .collect();
    let destinations: Vec<(&Connection, String)> = takes(|c| c.is_destination()).collect();
    let mut into: Vec<(&str, &str)> = destinations
        .iter()
        .map(|(connection, label)| (connection.id.as_str(), label.as_str()))
        .collect();
    if destinations
        .iter()
        .all(|(connection, _)| connection.kind != REGISTRY)
    {
        into.insert(0, (REGISTRY, "The built-in registry"));
    }
    let from = sources.iter().map(|(c, label)| (c.id.as_str(), label.as_str()));
    let presets = PRESETS
        .iter()
        .map(|about| (about.preset, about.label, about.says));
    let fields = vec![
        Field::text("name", "Name")
            .help("What you call it")
            .value(&typed.name)
            .required(),
        Field::choice("source", "From", from)
            .help("Where organizations and devices are read")
            .value(&typed.source)
            .required(),
        Field::choice("destination", "To", into)
            .help("Where clients and assets are kept")
            .value(&typed.destination)
            .required(),
        Field::radio("preset", "It starts as", presets)
            .value(&typed.preset)
            .required(),
        Field::radio("new_organizations", "New organizations", NEW_ORGANIZATIONS)
            .value(&typed.new_organizations)
            .required(),
        Field::tick("devices", "Enable Device Sync", !typed.devices.is_empty())
            .help("Off, only clients are matched and created; their devices are not imported"),
        Field::choice("schedule", "Sync by itself", SCHEDULES)
            .help("Times are UTC; Settings has other times and time zones. A plan that would change too much waits for you")
            .value(&typed.schedule),
    ];
    let known = |key: &str| fields.iter().any(|field| field.name == key);
    let others: Vec<&str> = problems
        .iter()
        .filter(|problem| !known(&problem.key))
        .map(|problem| problem.message.as_str())
        .collect();
    let page = NewPage {
        frame: signed_in.frame("Build a bridge", Section::Overview).await?,
        sources: !sources.is_empty(),
        problem: (!others.is_empty()).then(|| others.join("; ")),
        fields: fields
            .into_iter()
            .map(|field| {
                let key = field.name.clone();
                field.problem_of(&key, problems)
            })
            .collect(),
    };
    let status = match problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page_with(status, &page)
}

fn label(connection: &Connection, kind: &str) -> String {
    format!("{} ({kind})", connection.name)
}

/// Makes the bridge.
pub async fn build(
    State(web): State<Web>,
    signed_in: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let (engine, actor) = (&web.engine, &signed_in.actor);
    let mut problems = Vec::new();
    let mut miss = |key: &str, message: &str| {
        problems.push(SettingProblem {
            key: key.to_owned(),
            message: message.to_owned(),
        });
    };
    if typed.source.is_empty() {
        miss("source", "Choose where devices are read");
    }
    if typed.destination.is_empty() {
        miss("destination", "Choose where assets are kept");
    }
    if PRESETS.iter().all(|about| about.preset != typed.preset) {
        miss("preset", "Choose one of these");
    }
    let new_organizations = new_organizations(&typed.new_organizations);
    if new_organizations.is_none() {
        miss("new_organizations", "Choose one of these");
    }
    if !problems.is_empty() {
        return render(&web, &signed_in, &typed, &problems).await;
    }
    let destination = match typed.destination.as_str() {
        REGISTRY => engine.registry_connection(actor).await?.id,
        id => id.into(),
    };
    let new = NewBridge {
        name: typed.name.clone(),
        source: typed.source.as_str().into(),
        destination,
        preset: typed.preset.clone(),
        new_organizations,
        devices: Some(!typed.devices.is_empty()),
    };
    let bridge = match engine.build_bridge(actor, new).await {
        Ok(bridge) => bridge,
        Err(error) => {
            let key = match &error {
                engine::Error::Input { problems } | engine::Error::Settings { problems, .. } => {
                    return render(&web, &signed_in, &typed, problems).await;
                }
                engine::Error::Store(StoreError::Taken { .. }) => "name",
                engine::Error::Outside { .. } | engine::Error::NotUsable { .. } => "",
                _ => return Err(error.into()),
            };
            let problem = SettingProblem {
                key: key.to_owned(),
                message: in_words(&error),
            };
            return render(&web, &signed_in, &typed, &[problem]).await;
        }
    };
    if let Some(schedule) = schedule_of(&typed.schedule, "UTC") {
        web.jobs
            .set_sync_schedule(actor, &bridge.id, Some(&schedule))
            .await?;
    }
    let sentence = format!(
        "{} is built. Nothing is written before you have seen what it would be.",
        bridge.name
    );
    signed_in.flash(Tone::Good, sentence).await?;
    Ok(Redirect::to(&address(&bridge.id, FIRST)).into_response())
}
