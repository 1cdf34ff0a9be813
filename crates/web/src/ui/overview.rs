//! Overview: how every bridge stands.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::bridges::tabs::{FIRST, address};
use crate::ui::chart::Days;
use crate::ui::time::{When, count};
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::overview::BridgeStanding;
use engine::queueing::NextTick;
use jiff::Timestamp;
use model::{ActorRole, Connection, ConnectionState, RunState};

/// Days of the chart.
const DAYS: u8 = 30;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    bridges: Vec<BridgeCard>,
    chart: Option<Days>,
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
    /// The address of the newest plan.
    plan: Option<String>,
    step: Step,
}

/// What somebody who looks after a bridge does next.
struct Step {
    label: String,
    address: String,
    /// Whether something waits for it.
    waits: bool,
}

struct LastRun {
    address: String,
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
    let days = web.engine.changes_by_day(&signed_in.actor, DAYS).await?;
    let days: Vec<_> = days.iter().map(|d| (d.day, d.written, d.not_written)).collect();
    let waits = web.engine.instance(&signed_in.actor).await?.waits;
    page(&OverviewPage {
        frame: signed_in.frame("Overview", Section::Overview).await?,
        chart: Days::new("Changes", ("written", "not written"), &days),
        bridges: standings.iter().map(|s| card(s, &ticks, now)).collect(),
        connections: connections
            .iter()
            .filter(|c| c.kind != engine::bridges::REGISTRY)
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
                address: format!("/runs/{}", run.id),
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
        waiting: waiting(standing),
        plan: standing.plan.as_ref().map(|plan| format!("/plans/{}", plan.id)),
        step: step(standing),
    }
}

/// What the newest plan would write and no run wrote yet.
fn waiting(standing: &BridgeStanding) -> u32 {
    let all = standing.plan.as_ref().map_or(0, |plan| plan.counts.writes());
    all.saturating_sub(u32::try_from(standing.written).unwrap_or(u32::MAX))
}

fn step(standing: &BridgeStanding) -> Step {
    let bridge = &standing.bridge.id;
    let usable = standing.source.state == ConnectionState::Connected;
    let (label, address, waits) = match (&standing.snapshot, &standing.plan) {
        _ if !usable => (
            format!("Look at {}", standing.source.name),
            format!("/connections/{}", standing.source.id),
            true,
        ),
        (None, _) => ("Read it".to_owned(), address(bridge, FIRST), true),
        (Some(_), None) => ("Match clients".to_owned(), address(bridge, FIRST), true),
        (Some(_), Some(plan)) => match waiting(standing) {
            0 => ("Open".to_owned(), address(bridge, FIRST), false),
            1 => (
                "Review one change".to_owned(),
                format!("/plans/{}", plan.id),
                true,
            ),
            n => (
                format!("Review {} changes", count(n)),
                format!("/plans/{}", plan.id),
                true,
            ),
        },
    };
    Step {
        label,
        address,
        waits,
    }
}
