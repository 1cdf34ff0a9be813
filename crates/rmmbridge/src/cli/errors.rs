//! `errors`: records that could not be written, over all runs, and what to do about one of them.

use super::handing::{self, Followed};
use super::record::{record, records, typed};
use super::{apply, exit, plan as plan_command};
use crate::output::{Output, table, time};
use crate::session::Session;
use clap::{Args, Subcommand};
use engine::row_errors::RowError;
use jobs::{JobKind, JobResult};
use model::{Bridge, Ignored, Outcome, PlanSummary, Run};
use std::process::ExitCode;

const AFTER_HELP: &str = "\
A record is listed while its last write did not end well and it still needs that write: one that was written since, or
that a newer plan has nothing to write for, is not. Records are named by their id in the source: a device's id, or
client:ID, site:ID, asset_type:ID.

  rmmbridge errors retry 1042                            plan this record anew and write it alone
  rmmbridge errors ignore 1042 --reason \"a lab machine\"  leave it alone from now on
  rmmbridge errors --ignored                             what is ignored, by whom and why
  rmmbridge errors unignore 1042                         let it be planned again
  rmmbridge why 1042                                     everything known about one device";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct ErrorsArguments {
    #[command(subcommand)]
    command: Option<ErrorsCommand>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,

    /// List what is ignored instead
    #[arg(long)]
    ignored: bool,
}

#[derive(Debug, Subcommand)]
enum ErrorsCommand {
    /// Plan one record anew, with what it stands on, and write it alone
    Retry {
        /// The record, by its id in the source: a device's id, or client:ID, site:ID, asset_type:ID
        record: String,

        /// The bridge; not needed while there is one
        #[arg(long)]
        bridge: Option<String>,
    },
    /// Leave records alone from now on, for a reason that everybody sees
    Ignore {
        /// The records, by their ids in the source
        #[arg(required = true)]
        records: Vec<String>,

        /// Why, in a few words
        #[arg(long)]
        reason: String,

        /// The bridge; not needed while there is one
        #[arg(long)]
        bridge: Option<String>,
    },
    /// Let ignored records be planned again
    Unignore {
        /// The records, by their ids in the source
        #[arg(required = true)]
        records: Vec<String>,

        /// The bridge; not needed while there is one
        #[arg(long)]
        bridge: Option<String>,
    },
}

pub async fn run(session: &Session, arguments: ErrorsArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match arguments.command {
        None if arguments.ignored => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let ignored = engine.ignored_records(actor, &bridge).await?;
            output.show(&ignored, || ignored_text(&ignored))?;
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let errors = engine.row_errors(actor, &bridge).await?;
            output.show(&errors, || text(&errors))?;
            Ok(match errors.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(exit::RECORDS_FAILED),
            })
        }
        Some(ErrorsCommand::Retry { record: id, bridge }) => {
            let bridge = engine.find_bridge(actor, bridge.as_deref()).await?;
            retry(session, &bridge, &id, output).await
        }
        Some(ErrorsCommand::Ignore {
            records: ids,
            reason,
            bridge,
        }) => {
            let bridge = engine.find_bridge(actor, bridge.as_deref()).await?;
            let records = records(&ids)?;
            let ignored = engine.ignore_records(actor, &bridge, &records, &reason).await?;
            output.show(&ignored, || {
                let labels: Vec<String> = ignored.iter().map(|i| plan::render::visible(&i.label)).collect();
                format!(
                    "{} will be left alone. Plans made before are out of date; the next one says so: rmmbridge plan",
                    labels.join(", ")
                )
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Some(ErrorsCommand::Unignore { records: ids, bridge }) => {
            let bridge = engine.find_bridge(actor, bridge.as_deref()).await?;
            let count = engine.unignore_records(actor, &bridge, &records(&ids)?).await?;
            output.show(&serde_json::json!({ "unignored": count }), || {
                format!("{count} record(s) will be planned again: rmmbridge plan")
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn retry(session: &Session, bridge: &Bridge, id: &str, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let (kind, source) = record(id)?;
    let (plan, run) = match handing::runner_or_worker(session).await? {
        Some(runner) => {
            let tried = engine
                .retry_record(actor, &runner, bridge, (kind, &source), session.work())
                .await;
            runner.leave().await;
            let tried = tried?;
            (tried.plan, tried.run)
        }
        None => {
            let kind = JobKind::Retry {
                bridge: bridge.id.clone(),
                record: kind,
                source,
            };
            match handing::hand_over(session, &kind).await? {
                Followed::Result(JobResult::Retry { plan, run }) => (plan, run),
                other => return handing::unfinished(other),
            }
        }
    };
    session.progress.clear();
    show_tried(session, &plan, run.as_ref(), output).await
}

async fn show_tried(
    session: &Session,
    plan: &PlanSummary,
    run: Option<&Run>,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (operations, _) = plan_command::operations(session, plan, &[], usize::MAX).await?;
    let failed = match run {
        Some(run) => session.engine.failed_items(&session.actor, run).await?,
        None => Vec::new(),
    };
    let document = serde_json::json!({ "plan": plan, "operations": operations, "run": run });
    output.show(&document, || {
        let mut text: String = operations.iter().map(plan::render::operation).collect();
        match run {
            Some(run) => text.push_str(&apply::text(run, &failed)),
            None => text.push_str("Nothing to write for this record.\n"),
        }
        text
    })?;
    Ok(apply::code(&failed))
}

fn text(errors: &[RowError]) -> String {
    if errors.is_empty() {
        return "No record waits for anything: every write ended well, or was overcome since.".to_owned();
    }
    let mut text = String::new();
    for error in errors {
        let (word, message) = match &error.outcome {
            Outcome::Done { .. } => ("written", ""),
            Outcome::Failed { message } => ("failed", message.as_str()),
            Outcome::Skipped { message } => ("left alone, since it had changed", message.as_str()),
            Outcome::Unknown { message } => ("in doubt", message.as_str()),
        };
        let visible = plan::render::visible;
        let client = match error.client.is_empty() {
            true => String::new(),
            false => format!(" ({})", visible(&error.client)),
        };
        text.push_str(&format!(
            "{}  {}{client}  {} {word}\n    {}\n",
            visible(&typed(error.kind, &error.source)),
            visible(&error.label),
            error.action,
            visible(message)
        ));
        let since = match error.times {
            0 | 1 => String::new(),
            n => format!(", {n} times since {}", time(error.first)),
        };
        text.push_str(&format!(
            "    last {}{since}, run {}\n",
            time(error.last),
            error.run
        ));
        for url in error.source_url.iter().chain(&error.record_url) {
            text.push_str(&format!("    {}\n", visible(url)));
        }
        if let Some(run) = &error.undoes {
            text.push_str(&format!(
                "    this was an undo; once more: rmmbridge undo {run} --record {}\n",
                visible(&typed(error.kind, &error.source))
            ));
        }
    }
    text.push_str(&format!(
        "\n{} record(s). One of them once more: rmmbridge errors retry <ID>; leave it alone: rmmbridge errors ignore \
         <ID> --reason ...\n",
        errors.len()
    ));
    text
}

fn ignored_text(ignored: &[Ignored]) -> String {
    if ignored.is_empty() {
        return "Nothing is ignored.".to_owned();
    }
    let rows = ignored.iter().map(|i| {
        vec![
            typed(i.kind, &i.source),
            i.label.clone(),
            i.reason.clone(),
            i.by.clone(),
            time(i.at),
        ]
    });
    table(&["record", "name", "reason", "by", "when"], rows)
}
