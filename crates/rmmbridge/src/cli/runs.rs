//! `runs`: what was done, and why records failed.

use crate::output::{Output, table, time};
use crate::session::Session;
use clap::Args;
use engine::runs::FailedItem;
use model::{Outcome, Run, RunKind, RunState};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct RunsArguments {
    /// A run to look into, by the beginning of its id
    run: Option<String>,

    /// How many to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
}

pub async fn run(session: &Session, arguments: RunsArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    if let Some(id) = arguments.run {
        let run = engine.find_run(actor, &id).await?;
        let failed = engine.failed_items(actor, &run).await?;
        let items: Vec<_> = failed
            .iter()
            .map(|item| serde_json::json!({ "operation": item.operation, "outcome": item.outcome }))
            .collect();
        output.show(&serde_json::json!({ "run": run, "items": items }), || {
            let mut text = table(HEADING, [row(&run)]);
            if let RunState::Failed { reason } = &run.state {
                text.push_str(&format!("\n{}\n", plan::render::visible(reason)));
            }
            for item in &failed {
                text.push_str(&failed_line(item));
            }
            text
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let runs = engine.runs(actor, arguments.last).await?;
    output.show(&runs, || {
        if runs.is_empty() {
            "No runs yet.".to_owned()
        } else {
            table(HEADING, runs.iter().map(row))
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

const HEADING: &[&str] = &["run", "what", "started", "took", "state", "done", "failed", "by"];

fn row(run: &Run) -> Vec<String> {
    let what = match run.kind {
        RunKind::Read { .. } => "read",
        RunKind::Apply { .. } => "apply",
        RunKind::Undo { .. } => "undo",
    };
    let took = run.finished.map_or_else(String::new, |end| {
        let seconds = run.started.duration_until(end).as_secs_f64();
        format!("{seconds:.1} s")
    });
    let state = match &run.state {
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Failed { .. } => "failed",
    };
    let failed = run.counts.failed + run.counts.unknown + run.counts.skipped;
    vec![
        run.id.to_string(),
        what.to_owned(),
        time(run.started),
        took,
        state.to_owned(),
        run.counts.done.to_string(),
        failed.to_string(),
        run.actor.clone(),
    ]
}

/// One failed item in words.
pub fn failed_line(item: &FailedItem) -> String {
    let subject = item.operation.as_ref().map_or_else(
        || "an operation of a plan that is no longer kept".to_owned(),
        |o| {
            format!(
                "#{} {} {} ({})",
                o.number,
                o.subject.kind.as_str(),
                o.subject.label,
                o.client_label
            )
        },
    );
    let (word, message) = match &item.outcome {
        Outcome::Done { .. } => ("written", ""),
        Outcome::Failed { message } => ("failed", message.as_str()),
        Outcome::Skipped { message } => ("left alone", message.as_str()),
        Outcome::Unknown { message } => ("in doubt", message.as_str()),
    };
    format!(
        "  {word}: {}: {}\n",
        plan::render::visible(&subject),
        plan::render::visible(message)
    )
}
