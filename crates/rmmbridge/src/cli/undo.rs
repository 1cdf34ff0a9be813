//! `undo`: taking back what a run wrote.

use super::handing::{self, Followed};
use super::record::records;
use super::{apply, pause, plan as plan_command};
use crate::output::{Output, table, time};
use crate::session::Session;
use clap::Args;
use engine::applying::ApplyOptions;
use engine::undoing::UndoScope;
use jobs::{JobKind, JobResult};
use model::{Operation, PlanSummary, Run, RunKind};
use std::process::ExitCode;

const AFTER_HELP: &str = "\
What a run wrote goes back where it still stands as it was written: values and places return to what they were,
created assets are archived, archived ones come back, and links are taken away. What somebody changed since stays and
is listed. Nothing is deleted: created clients, sites and asset types stay.

Undone records are left alone by later plans until you release them, and the bridge's schedule is paused:
  rmmbridge undo --list              what waits for a release
  rmmbridge undo --release all       let all of it be written again, or: --release 1042,client:7
  rmmbridge bridge resume            let the schedule go on";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct UndoArguments {
    /// The run to take back, by the beginning of its id; rmmbridge runs lists them
    #[arg(required_unless_present_any = ["list", "release"])]
    run: Option<String>,

    /// Only this record, by its id in the source: a device's id, or client:ID, site:ID, asset_type:ID
    #[arg(long, value_name = "ID", value_delimiter = ',', requires = "run")]
    record: Vec<String>,

    /// Only this operation, by its number in the plan the run applied
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', requires = "run")]
    operation: Vec<u32>,

    /// Write it; without this, the plan of the undo is shown and nothing is written
    #[arg(long, requires = "run")]
    yes: bool,

    /// Take it back although all writes are paused
    #[arg(long, requires = "yes")]
    while_paused: bool,

    /// How many operations to show, and how many of what stays
    #[arg(long, default_value_t = 20, value_name = "N")]
    show: usize,

    /// Show all operations
    #[arg(long, conflicts_with = "show")]
    all: bool,

    /// List the records that were undone and wait for a release
    #[arg(long, conflicts_with_all = ["run", "release"])]
    list: bool,

    /// Let undone records be planned and written again: ids as for --record, or all
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "run")]
    release: Vec<String>,

    /// The bridge whose records are listed or released; not needed while there is one
    #[arg(long, conflicts_with = "run")]
    bridge: Option<String>,
}

pub async fn run(session: &Session, arguments: UndoArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let Some(id) = &arguments.run else {
        return match arguments.list {
            true => list(session, arguments.bridge.as_deref(), output).await,
            false => release(session, &arguments, output).await,
        };
    };
    let scope = UndoScope {
        records: records(&arguments.record)?,
        operations: arguments.operation.clone(),
    };
    let of = engine.find_run(actor, id).await?;
    let plan = match planned(session, &of, scope).await? {
        Ok(plan) => plan,
        Err(other) => return handing::unfinished(other),
    };
    let shown = Shown::of(
        session,
        &plan,
        if arguments.all { usize::MAX } else { arguments.show },
    )
    .await?;
    let mut document = serde_json::json!({
        "plan": plan, "operations": shown.writes, "stays": shown.stays, "more": shown.more, "run": null,
    });
    if !arguments.yes || plan.counts.writes() == 0 {
        let notice = pause::notice(session).await?;
        output.show(&document, || {
            shown.text(&of, &plan) + &advice(&arguments, &of, &plan) + &notice
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(&shown.text(&of, &plan))?;
    let options = ApplyOptions {
        despite_pause: arguments.while_paused,
        ..ApplyOptions::default()
    };
    let undone = match apply::write(session, &plan.id, options).await? {
        Ok(run) => run,
        Err(other) => return handing::unfinished(other),
    };
    let failed = engine.failed_items(actor, &undone).await?;
    document["run"] = serde_json::to_value(&undone)?;
    output.show(&document, || {
        format!(
            "{}Later plans leave these records alone, and the bridge's schedule is paused.\n\
             To have them written again: rmmbridge undo --release all; to let the schedule go on: rmmbridge bridge resume\n",
            apply::text(&undone, &failed)
        )
    })?;
    Ok(apply::code(&failed))
}

/// The plan that takes back what `of` wrote, made here or at the worker that has the database; or what became of the job.
async fn planned(
    session: &Session,
    of: &Run,
    scope: UndoScope,
) -> anyhow::Result<Result<PlanSummary, Followed>> {
    let (engine, actor) = (&session.engine, &session.actor);
    let plan = match (handing::runner_or_worker(session).await?, &of.kind) {
        (None, RunKind::Apply { bridge, .. } | RunKind::Undo { bridge, .. }) => {
            let kind = JobKind::PlanUndo {
                bridge: bridge.clone(),
                run: of.id.clone(),
                operations: scope.operations,
                records: scope.records,
            };
            match handing::hand_over(session, &kind).await? {
                Followed::Result(JobResult::Plan { plan, .. }) => Ok(plan),
                other => Err(other),
            }
        }
        (None, RunKind::Read { .. }) => {
            anyhow::bail!("run {} only read; nothing was written", of.id)
        }
        (Some(runner), _) => {
            let plan = engine.undo_plan(actor, &runner, of, &scope, session.work()).await;
            runner.leave().await;
            Ok(plan?)
        }
    };
    session.progress.clear();
    Ok(plan)
}

/// The part of an undo plan that is shown.
struct Shown {
    writes: Vec<Operation>,
    stays: Vec<Operation>,
    more: bool,
}

impl Shown {
    async fn of(session: &Session, plan: &PlanSummary, limit: usize) -> anyhow::Result<Self> {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let writing = named(&["update_asset", "restore_asset", "archive_asset", "unlink"]);
        let (writes, more) = plan_command::operations(session, plan, &writing, limit).await?;
        let staying = named(&["review", "skip"]);
        let (stays, more_stay) = plan_command::operations(session, plan, &staying, limit).await?;
        Ok(Self {
            writes,
            stays,
            more: more || more_stay,
        })
    }

    fn text(&self, of: &Run, plan: &PlanSummary) -> String {
        let mut text = format!(
            "Undo of run {} of {} by {}: plan {}\n\n{}\n",
            of.id,
            time(of.started),
            plan::render::visible(&of.actor),
            plan.id,
            plan_command::render_summary(plan)
        );
        if of.counts.unknown > 0 {
            text.push_str(&format!(
                "{} record(s) of the run are in doubt and not part of this: rmmbridge sync finds out what became of them\n",
                of.counts.unknown
            ));
        }
        for operation in &self.writes {
            text.push_str(&plan::render::operation(operation));
        }
        if !self.stays.is_empty() {
            text.push_str("\nStays:\n");
        }
        for operation in &self.stays {
            text.push_str(&plan::render::operation(operation));
        }
        if self.more {
            text.push_str(&format!("...\nAll of it: rmmbridge plan {} --all\n", plan.id));
        }
        text
    }
}

/// How to go on from a plan that was shown.
fn advice(arguments: &UndoArguments, of: &Run, plan: &PlanSummary) -> String {
    if plan.counts.writes() == 0 {
        return "\nThere is nothing to take back.\n".to_owned();
    }
    if !plan.warnings.is_empty() {
        return format!(
            "\nNothing was written. To write it: rmmbridge apply {} --confirm\n",
            plan.id
        );
    }
    let mut command = format!("rmmbridge undo {}", of.id);
    for record in &arguments.record {
        command.push_str(&format!(" --record {}", plan::render::visible(record)));
    }
    for operation in &arguments.operation {
        command.push_str(&format!(" --operation {operation}"));
    }
    format!("\nNothing was written. To write it: {command} --yes\n")
}

async fn list(session: &Session, bridge: Option<&str>, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, bridge).await?;
    let undone = engine.undone(actor, &bridge).await?;
    output.show(&undone, || {
        if undone.is_empty() {
            return "Nothing waits for a release.".to_owned();
        }
        let rows = undone.iter().map(|u| {
            vec![
                u.kind.as_str().to_owned(),
                u.source.to_string(),
                u.record.to_string(),
                u.by.clone(),
                time(u.at),
                u.run.to_string(),
            ]
        });
        table(
            &["kind", "source id", "record", "undone by", "at", "in run"],
            rows,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn release(session: &Session, arguments: &UndoArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
    let records = match arguments.release.as_slice() {
        [all] if all == "all" => None,
        ids => Some(records(ids)?),
    };
    let released = engine.release_undone(actor, &bridge, records.as_deref()).await?;
    let document = serde_json::json!({ "released": released, "paused": bridge.paused });
    output.show(&document, || {
        let paused = match &bridge.paused {
            Some(reason) => format!(
                "The bridge's schedule is still paused ({}). To let it go on: rmmbridge bridge resume\n",
                plan::render::visible(reason)
            ),
            None => String::new(),
        };
        format!("{released} record(s) released. What would be written: rmmbridge plan\n{paused}")
    })?;
    Ok(ExitCode::SUCCESS)
}
