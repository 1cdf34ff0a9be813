//! `apply`: writing what a plan says.

use super::exit;
use super::handing::{self, Followed};
use crate::output::Output;
use crate::session::Session;
use anyhow::Context as _;
use clap::Args;
use engine::applying::ApplyOptions;
use engine::runs::FailedItem;
use jobs::{JobKind, JobResult};
use model::{PlanId, Run};
use std::collections::BTreeSet;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The plan; the newest one when not given
    plan: Option<String>,

    /// The bridge whose newest plan is meant; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,

    /// Only the first so many records; apply again for the rest
    #[arg(long, value_name = "N")]
    first: Option<u32>,

    /// Leave these operations out, by number: 3,7-9
    #[arg(long, value_name = "NUMBERS")]
    except: Option<String>,

    /// You have seen what made the brakes stop, and go on
    #[arg(long)]
    confirm: bool,

    /// For the plan of an undo: take it back although all writes are paused
    #[arg(long)]
    while_paused: bool,
}

pub async fn run(session: &Session, arguments: ApplyArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let id = match arguments.plan {
        Some(id) => PlanId::from(id),
        // What made the brakes stop was seen in one plan; the newest may be another by now.
        None if arguments.confirm => {
            anyhow::bail!("--confirm needs the plan you looked at: rmmbridge apply <PLAN> --confirm")
        }
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let newest = engine.newest_plan(actor, &bridge).await?;
            newest
                .context("there is no plan yet. Make one with: rmmbridge plan --read")?
                .id
        }
    };
    let deselected = arguments
        .except
        .as_deref()
        .map(numbers)
        .transpose()?
        .unwrap_or_default();
    let options = ApplyOptions {
        first: arguments.first,
        deselected,
        confirmed: arguments.confirm,
        in_doubt: false,
        despite_pause: arguments.while_paused,
        selection: None,
    };
    match write(session, &id, options).await? {
        Ok(run) => show(session, &run, output).await,
        Err(other) => handing::unfinished(other),
    }
}

/// Applies a plan, here or at the worker that has the database: the run, or what became of the job instead.
pub async fn write(
    session: &Session,
    id: &PlanId,
    options: ApplyOptions,
) -> anyhow::Result<Result<Run, Followed>> {
    let (engine, actor) = (&session.engine, &session.actor);
    let run = match handing::runner_or_worker(session).await? {
        Some(runner) => {
            let run = engine.apply(actor, &runner, id, options, session.work()).await;
            runner.leave().await;
            Ok(run?)
        }
        None => {
            let kind = JobKind::Apply {
                bridge: engine.plan(actor, id).await?.bridge,
                plan: id.clone(),
                first: options.first,
                deselected: options.deselected,
                confirmed: options.confirmed,
                in_doubt: options.in_doubt,
                despite_pause: options.despite_pause,
                selection: options.selection,
            };
            match handing::hand_over(session, &kind).await? {
                Followed::Result(JobResult::Apply { run }) => Ok(run),
                other => Err(other),
            }
        }
    };
    session.progress.clear();
    Ok(run)
}

/// Prints a run and why records failed; the exit code that goes with it.
pub async fn show(session: &Session, run: &Run, output: Output) -> anyhow::Result<ExitCode> {
    let failed = session.engine.failed_items(&session.actor, run).await?;
    output.show(run, || text(run, &failed))?;
    Ok(code(&failed))
}

/// A run for people, with the first of what failed.
pub fn text(run: &Run, failed: &[FailedItem]) -> String {
    let c = &run.counts;
    let mut text = format!("Run {}: {} written", run.id, c.done);
    for (count, word) in [
        (c.failed, "failed"),
        (c.skipped, "changed meanwhile and left alone"),
        (c.unknown, "in doubt"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text.push('\n');
    for item in failed.iter().take(20) {
        text.push_str(&super::runs::failed_line(item));
    }
    if failed.len() > 20 {
        text.push_str(&format!(
            "... and {} more: rmmbridge runs {}\n",
            failed.len() - 20,
            run.id
        ));
    }
    text
}

/// The exit code of a run.
pub fn code(failed: &[FailedItem]) -> ExitCode {
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::RECORDS_FAILED)
    }
}

/// `3,7-9` as a set.
fn numbers(text: &str) -> anyhow::Result<BTreeSet<u32>> {
    let wrong = || format!("--except {text}: write numbers and ranges, e.g. 3,7-9");
    let mut numbers = BTreeSet::new();
    for part in text.split(',') {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (from, to): (u32, u32) = (from.parse().with_context(wrong)?, to.parse().with_context(wrong)?);
        anyhow::ensure!(from <= to && to - from < 1_000_000, wrong());
        numbers.extend(from..=to);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges() {
        assert_eq!(numbers("3, 7-9").unwrap(), BTreeSet::from([3, 7, 8, 9]));
        assert!(numbers("9-7").is_err());
        assert!(numbers("1-4000000000").is_err());
        assert!(numbers("three").unwrap_err().to_string().contains("3,7-9"));
    }
}
