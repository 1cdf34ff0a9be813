//! Overview: how every bridge stands.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::time::{When, count};
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::overview::BridgeStanding;
use engine::queueing::NextTick;
use jiff::Timestamp;
use model::{ActorRole, Connection, ConnectionState, RunState};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    bridges: Vec<BridgeCard>,
    connections: Vec<Line>,
    may_connect: bool,
    waits: Option<String>,
}

/// A connection and how it stands.
struct Line {
    name: String,
    tone: Tone,
    state: String,
    reason: String,
}

/// One bridge.
struct BridgeCard {
    id: String,
    name: String,
    source: Line,
    destination: Line,
    paused: Option<String>,
    data: Option<When>,
    devices: String,
    last: Option<LastRun>,
    next: Next,
    open_questions: u32,
    waiting: u32,
}

struct LastRun {
    when: When,
    tone: Tone,
    said: String,
}

enum Next {
    At(When),
    Paused(String),
    ByHand,
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn) -> Result<Response> {
    let now = web.engine.clock().now();
    let connections = web.engine.connections(&signed_in.actor).await?;
    let standings = web.engine.overview(&signed_in.actor).await?;
    let ticks = web.jobs.next_ticks().await?;
    let waits = web.engine.instance(&signed_in.actor).await?.waits;
    page(&OverviewPage {
        frame: signed_in.frame("Overview", Section::Overview).await?,
        bridges: standings.iter().map(|s| card(s, &ticks, now)).collect(),
        connections: connections
            .iter()
            .filter(|c| c.kind != "registry")
            .map(line)
            .collect(),
        may_connect: signed_in.may(ActorRole::Owner),
        waits,
    })
}

/// How a connection stands, in a word and a colour.
pub fn state_in_words(state: &ConnectionState) -> (Tone, String) {
    let (tone, words) = match state {
        ConnectionState::NotConfigured => (Tone::Plain, "Not configured"),
        ConnectionState::NeedsAuthorization => (Tone::Warn, "Needs authorization"),
        ConnectionState::Connected => (Tone::Good, "Connected"),
        ConnectionState::NeedsAttention { .. } => (Tone::Bad, "Needs attention"),
        ConnectionState::NotEnabled { part, .. } => return (Tone::Bad, format!("{part} is not enabled")),
        ConnectionState::Paused => (Tone::Plain, "Paused"),
    };
    (tone, words.to_owned())
}

fn line(connection: &Connection) -> Line {
    let (tone, state) = state_in_words(&connection.state);
    Line {
        name: connection.name.clone(),
        tone,
        state,
        reason: connection.state.reason().unwrap_or_default().to_owned(),
    }
}

fn card(standing: &BridgeStanding, ticks: &[NextTick], now: Timestamp) -> BridgeCard {
    let snapshot = standing.snapshot.as_ref();
    let next = ticks.iter().find(|tick| tick.bridge == standing.bridge.id);
    BridgeCard {
        id: standing.bridge.id.to_string(),
        name: standing.bridge.name.clone(),
        source: line(&standing.source),
        destination: line(&standing.destination),
        paused: standing.bridge.paused.clone(),
        data: snapshot.map(|s| When::new(s.finished, now)),
        devices: snapshot.map_or_else(String::new, |s| count(s.devices)),
        last: standing.last_run.as_ref().map(|run| {
            let c = run.counts;
            let (tone, said) = match &run.state {
                RunState::Running => (Tone::Busy, "Under way".to_owned()),
                RunState::Failed { .. } => (Tone::Bad, "Failed".to_owned()),
                RunState::Finished if c.failed + c.unknown > 0 => (
                    Tone::Warn,
                    format!("{} written, {} not", count(c.done), count(c.failed + c.unknown)),
                ),
                RunState::Finished => (Tone::Good, format!("{} written", count(c.done))),
            };
            LastRun {
                when: When::new(run.finished.unwrap_or(run.started), now),
                tone,
                said,
            }
        }),
        next: match next {
            Some(NextTick {
                paused: Some(reason), ..
            }) => Next::Paused(reason.clone()),
            Some(NextTick { at: Some(at), .. }) => Next::At(When::new(*at, now)),
            _ => Next::ByHand,
        },
        open_questions: standing.plan.as_ref().map_or(0, |plan| plan.counts.reviews),
        waiting: standing.plan.as_ref().map_or(0, |plan| plan.counts.writes()),
    }
}
