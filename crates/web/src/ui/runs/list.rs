//! The list of runs, newest first.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::jobs::queue::Queue;
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::{When, count, lasting};
use crate::ui::words::plainly;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::runs::RunFilter;
use jiff::Timestamp;
use model::{Bridge, BridgeId, Connection, ConnectionId, Run, RunKind, RunState};

const COLUMNS: [Column; 6] = [
    Column::text("", "Started"),
    Column::text("", "What"),
    Column::text("", "How it ended"),
    Column::number("", "Records"),
    Column::text("", "Took"),
    Column::text("", "Asked by"),
];

#[derive(Template)]
#[template(path = "runs/list.html")]
struct RunsPage {
    frame: Frame,
    queue: String,
    table: Table,
    rows: Vec<Row>,
}

/// A run as a line of a table.
pub struct Row {
    /// The address of its page.
    pub address: String,
    /// When it began.
    pub started: When,
    /// What was executed, in words.
    pub what: String,
    /// How it stands, in a colour.
    pub tone: Tone,
    /// The same in words.
    pub state: String,
    /// How many records were read or written.
    pub records: String,
    /// How long it took, or takes.
    pub took: String,
    /// Who asked for it.
    pub actor: String,
}

impl Row {
    /// `run`, seen from `now`.
    pub fn new(run: &Run, bridges: &[Bridge], connections: &[Connection], now: Timestamp) -> Self {
        let counts = run.counts;
        let troubled = counts.failed + counts.unknown;
        let (tone, state) = match &run.state {
            RunState::Running => (Tone::Busy, "Under way".to_owned()),
            RunState::Failed { .. } => (Tone::Bad, "Failed".to_owned()),
            RunState::Finished if troubled > 0 => (Tone::Warn, format!("Done, {} not", count(troubled))),
            RunState::Finished => (Tone::Good, "Done".to_owned()),
        };
        Self {
            address: format!("/runs/{}", run.id),
            started: When::new(run.started, now),
            what: what(&run.kind, bridges, connections),
            tone,
            state,
            records: count(counts.done),
            took: lasting(run.started.duration_until(run.finished.unwrap_or(now))),
            actor: plainly(&run.actor),
        }
    }
}

/// What was executed, in words.
pub fn what(kind: &RunKind, bridges: &[Bridge], connections: &[Connection]) -> String {
    let bridge = |id: &BridgeId| {
        bridges
            .iter()
            .find(|b| b.id == *id)
            .map_or("a bridge that is gone", |b| b.name.as_str())
    };
    let source = |id: &ConnectionId| {
        connections
            .iter()
            .find(|c| c.id == *id)
            .map_or("a connection that is gone", |c| c.name.as_str())
    };
    match kind {
        RunKind::Read { connection } => format!("Read {}", source(connection)),
        RunKind::Apply { bridge: id, .. } => format!("Write {}", bridge(id)),
        RunKind::Undo { bridge: id, .. } => format!("Undo in {}", bridge(id)),
    }
}

fn filter(word: &str) -> RunFilter {
    RunFilter {
        kind: ["read", "apply", "undo"].into_iter().find(|kind| *kind == word),
        trouble: word == "trouble",
        bridge: None,
    }
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let actor = &signed_in.actor;
    let limit = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    let (runs, total) = web
        .engine
        .run_page(actor, &filter(&ask.filter), ask.offset(PER_PAGE), limit)
        .await?;
    let (bridges, connections) = (
        web.engine.bridges(actor).await?,
        web.engine.connections(actor).await?,
    );
    let chips = [
        ("", "All"),
        ("apply", "Written"),
        ("read", "Read"),
        ("undo", "Undone"),
        ("trouble", "With trouble"),
    ];
    let chips = chips.into_iter().map(|(value, label)| Chip {
        value: value.to_owned(),
        label: label.to_owned(),
        count: None,
    });
    let now = web.engine.clock().now();
    page(&RunsPage {
        frame: signed_in.frame("Runs", Section::Runs).await?,
        queue: Queue::now(&web, actor).await?.render()?,
        table: Table::new("Runs", ask, &COLUMNS, total).with_chips(chips.collect()),
        rows: runs
            .iter()
            .map(|run| Row::new(run, &bridges, &connections, now))
            .collect(),
    })
}
