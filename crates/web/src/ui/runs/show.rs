//! One run: how far it is, what went wrong and why, every record, and the way back.

use super::items::{self, ItemRow, page_of};
use super::list::what;
use crate::Web;
use crate::auth::SignedIn;
use crate::live::{Told, follow};
use crate::problem::Result;
use crate::ui::jobs::{Going, left};
use crate::ui::plans::words;
use crate::ui::record::named;
use crate::ui::table::{Ask, Chip, PER_PAGE, Table};
use crate::ui::time::{When, lasting};
use crate::ui::words::plainly;
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::bridges::REGISTRY;
use engine::row_errors::record_of;
use engine::runs::ItemQuery;
use engine::trouble::{Standing, Trouble};
use model::{Actor, ActorRole, Bridge, Connection, Run, RunKind, RunState};

#[derive(Template)]
#[template(path = "runs/show.html")]
struct RunPage {
    frame: Frame,
    id: String,
    started: When,
    actor: String,
    progress: String,
    live: bool,
    /// The job that is at it, for who may stop it.
    stops: Option<String>,
    plan: Option<String>,
    undoes: Option<String>,
    may_undo: bool,
    may_act: bool,
    once: i64,
    trouble: Vec<Group>,
    table: Option<Table>,
    rows: Vec<ItemRow>,
}

/// Records that were not written for one cause.
struct Group {
    tone: Tone,
    state: &'static str,
    said: String,
    count: usize,
    records: Vec<Troubled>,
    more: Option<String>,
}

struct Troubled {
    number: u32,
    label: String,
    client: String,
    what: &'static str,
    said: String,
    record: String,
    /// The page of the asset or client, where there is one of ours.
    address: Option<String>,
    standing: Standing,
    source_url: Option<String>,
    record_url: Option<String>,
}

/// How a run stands: the part of its page that goes on.
#[derive(Template)]
#[template(path = "runs/progress.html")]
struct ProgressPart {
    tone: Tone,
    state: &'static str,
    reason: String,
    going: Option<Going>,
    figures: Vec<(&'static str, Tone, u64)>,
    took: String,
    reads: bool,
}

/// What is said of an outcome, in a word.
pub fn outcome_in_words(state: &str) -> (Tone, &'static str) {
    match state {
        "done" => (Tone::Good, "Written"),
        "failed" => (Tone::Bad, "Failed"),
        "skipped" => (Tone::Warn, "Left alone"),
        _ => (Tone::Warn, "In doubt"),
    }
}

async fn progress(web: &Web, actor: &Actor, run: &Run) -> Result<ProgressPart> {
    let now = web.engine.clock().now();
    let since = run.started.duration_until(run.finished.unwrap_or(now));
    let (tone, state, reason) = match &run.state {
        RunState::Running => (Tone::Busy, "Under way", String::new()),
        RunState::Failed { reason } => (Tone::Bad, "Failed", plainly(reason)),
        RunState::Finished if run.counts.failed + run.counts.unknown > 0 => (
            Tone::Warn,
            "Done, with records that were not written",
            String::new(),
        ),
        RunState::Finished => (Tone::Good, "Done", String::new()),
    };
    let reads = matches!(run.kind, RunKind::Read { .. });
    let c = run.counts;
    let mut going = None;
    if run.state == RunState::Running {
        let job = web.engine.job_of_run(actor, run).await?;
        let told = job.and_then(|job| job.progress);
        going = match (&run.kind, told) {
            (RunKind::Apply { plan, .. } | RunKind::Undo { plan, .. }, told) => {
                let told = told.map(|text| Going::new(&text, None));
                let total = match told {
                    Some(Going { total, .. }) if total > 0 => total,
                    _ => u64::from(web.engine.plan(actor, plan).await?.counts.writes()),
                };
                let done = c.done + c.failed + c.skipped + c.unknown;
                Some(Going {
                    phase: "Writing".to_owned(),
                    done,
                    total,
                    left: left(done, total, since),
                })
            }
            (RunKind::Read { .. }, Some(text)) => Some(Going::new(&text, Some(since))),
            (RunKind::Read { .. }, None) => Some(Going {
                phase: "Reading".to_owned(),
                ..Going::default()
            }),
        };
    }
    let figures = if reads {
        vec![("Devices read", Tone::Good, c.done)]
    } else {
        vec![
            ("Written", Tone::Good, c.done),
            ("Failed", Tone::Bad, c.failed),
            ("Left alone", Tone::Warn, c.skipped),
            ("In doubt", Tone::Warn, c.unknown),
        ]
    };
    Ok(ProgressPart {
        tone,
        state,
        reason,
        going,
        figures,
        took: lasting(since),
        reads,
    })
}

/// Whether what the run writes is in the registry, whose records have pages here.
fn is_of_registry(run: &Run, bridges: &[Bridge], connections: &[Connection]) -> bool {
    let (RunKind::Apply { bridge, .. } | RunKind::Undo { bridge, .. }) = &run.kind else {
        return false;
    };
    let bridge = bridges.iter().find(|known| known.id == *bridge);
    bridge.is_some_and(|bridge| {
        let destination = connections.iter().find(|c| c.id == bridge.destination);
        destination.is_some_and(|c| c.kind == REGISTRY)
    })
}

fn group(run: &Run, trouble: Trouble, is_registry: bool) -> Group {
    let (tone, state) = outcome_in_words(trouble.state);
    let more =
        (trouble.count > trouble.records.len()).then(|| format!("/runs/{}?f={}", run.id, trouble.state));
    let records = trouble.records.into_iter().map(|record| {
        let subject = &record.operation.subject;
        Troubled {
            number: record.operation.number,
            label: subject.label.clone(),
            client: record.operation.client_label.clone(),
            what: words::action(&record.operation),
            said: record.said,
            record: named(subject.kind, &subject.source_id),
            address: record_of(&record.operation.action)
                .and_then(|of| page_of(subject.kind, of, is_registry)),
            standing: record.standing,
            source_url: record.source_url,
            record_url: record.record_url,
        }
    });
    Group {
        tone,
        state,
        said: trouble.said,
        count: trouble.count,
        records: records.collect(),
        more,
    }
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    ask: Ask,
) -> Result<Response> {
    let actor = &signed_in.actor;
    let run = web.engine.run_now(actor, &id).await?;
    let bridges = web.engine.bridges(actor).await?;
    let connections = web.engine.connections(actor).await?;
    let is_registry = is_of_registry(&run, &bridges, &connections);
    let now = web.engine.clock().now();
    let live = run.state == RunState::Running;
    let may_act = signed_in.may(ActorRole::Technician);
    let stops = match live && may_act {
        true => web.engine.job_of_run(actor, &run).await?,
        false => None,
    };
    let (plan, undoes) = match &run.kind {
        RunKind::Read { .. } => (None, None),
        RunKind::Apply { plan, .. } => (Some(plan), None),
        RunKind::Undo { plan, run, .. } => (Some(plan), Some(run.to_string())),
    };
    let wrote = run.counts.done > 0 && matches!(run.kind, RunKind::Apply { .. });
    let (mut table, mut rows) = (None, Vec::new());
    if plan.is_some() {
        let query = ItemQuery {
            state: items::state(&ask.filter),
            search: ask.search.clone(),
            offset: ask.offset(PER_PAGE),
            limit: PER_PAGE,
        };
        let (items, total) = web.engine.run_item_page(actor, &run, &query).await?;
        rows = items
            .iter()
            .map(|item| ItemRow::new(item, may_act && !live && wrote, is_registry))
            .collect();
        table = Some(
            Table::new("Records", ask, &items::COLUMNS, total)
                .searched_by("record, client or id")
                .with_chips(chips(&run)),
        );
    }
    let trouble = web.engine.trouble(actor, &run).await?;
    page(&RunPage {
        frame: signed_in
            .frame(what(&run.kind, &bridges, &connections), Section::Runs)
            .await?,
        progress: progress(&web, actor, &run).await?.render()?,
        id: run.id.to_string(),
        started: When::new(run.started, now),
        actor: plainly(&run.actor),
        live,
        stops: stops.map(|job| job.id),
        plan: plan.map(|plan| format!("/plans/{plan}")),
        undoes,
        may_undo: may_act && !live && wrote,
        may_act: may_act && !live,
        once: now.as_microsecond(),
        trouble: trouble.into_iter().map(|t| group(&run, t, is_registry)).collect(),
        table,
        rows,
    })
}

fn chips(run: &Run) -> Vec<Chip> {
    let c = run.counts;
    let all = [
        ("", "All", c.done + c.failed + c.skipped + c.unknown),
        ("done", "Written", c.done),
        ("failed", "Failed", c.failed),
        ("skipped", "Left alone", c.skipped),
        ("unknown", "In doubt", c.unknown),
    ];
    let shown = all
        .into_iter()
        .filter(|(value, _, count)| value.is_empty() || *count > 0);
    shown
        .map(|(value, label, count)| Chip {
            value: value.to_owned(),
            label: label.to_owned(),
            count: Some(count),
        })
        .collect()
}

/// The same as it goes on.
pub async fn live(State(web): State<Web>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Response> {
    let actor = signed_in.actor.clone();
    let run = web.engine.find_run(&actor, &id).await?;
    Ok(follow(&web, format!("run:{}", run.id), move |web| {
        let (actor, id) = (actor.clone(), run.id.clone());
        async move {
            let run = web.engine.run_now(&actor, id.as_str()).await.ok()?;
            let end = (run.state != RunState::Running).then(|| format!("/runs/{id}"));
            let html = progress(&web, &actor, &run).await.ok()?.render().ok()?;
            Some(Told { html, end })
        }
    }))
}
