//! The list of runs, newest first.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::bridges::tabs::{Head, Tab};
use crate::ui::jobs::queue::Queue;
use crate::ui::table::{Ask, Chip, Column, PER_PAGE, Table};
use crate::ui::time::{When, count, lasting};
use crate::ui::words::plainly;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::runs::RunFilter;
use jiff::Timestamp;
use model::{Actor, Bridge, BridgeId, Connection, ConnectionId, Run, RunKind, RunState};

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

#[derive(Template)]
#[template(path = "runs/of_bridge.html")]
struct BridgeRunsPage {
    frame: Frame,
    head: Head,
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

fn filter(word: &str, bridge: Option<BridgeId>) -> RunFilter {
    RunFilter {
        kind: ["read", "apply", "undo"].into_iter().find(|kind| *kind == word),
        trouble: word == "trouble",
        bridge,
    }
}

/// Runs by what they did: what stands in the address, and what people see. A bridge reads nothing, its source does.
const CHIPS: [(&str, &str); 5] = [
    ("", "All"),
    ("apply", "Written"),
    ("read", "Read"),
    ("undo", "Undone"),
    ("trouble", "With trouble"),
];

/// A page of the list, of all runs or those of a bridge.
async fn listed(web: &Web, actor: &Actor, ask: Ask, bridge: Option<BridgeId>) -> Result<(Table, Vec<Row>)> {
    let limit = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    let chips = CHIPS
        .into_iter()
        .filter(|(value, _)| bridge.is_none() || *value != "read")
        .map(|(value, label)| Chip {
            value: value.to_owned(),
            label: label.to_owned(),
            count: None,
        });
    let chips = chips.collect();
    let (runs, total) = web
        .engine
        .run_page(actor, &filter(&ask.filter, bridge), ask.offset(PER_PAGE), limit)
        .await?;
    let (bridges, connections) = (
        web.engine.bridges(actor).await?,
        web.engine.connections(actor).await?,
    );
    let now = web.engine.clock().now();
    let rows = runs.iter().map(|run| Row::new(run, &bridges, &connections, now));
    let rows = rows.collect();
    Ok((Table::new("Runs", ask, &COLUMNS, total).with_chips(chips), rows))
}

/// The page of all.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let (table, rows) = listed(&web, &signed_in.actor, ask, None).await?;
    page(&RunsPage {
        frame: signed_in.frame("Runs", Section::Runs).await?,
        queue: Queue::now(&web, &signed_in.actor).await?.render()?,
        table,
        rows,
    })
}

/// The page of those of a bridge.
pub async fn of_bridge(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<BridgeId>,
    ask: Ask,
) -> Result<Response> {
    let (detail, head) = Head::of(&web, &signed_in, &id, Tab::Runs).await?;
    let (table, rows) = listed(&web, &signed_in.actor, ask, Some(id)).await?;
    page(&BridgeRunsPage {
        frame: signed_in.bridge_frame(&detail).await?,
        head,
        table,
        rows,
    })
}
