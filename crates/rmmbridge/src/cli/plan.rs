//! `plan`: what would be written.

use super::handing::{self, Followed};
use crate::output::{Output, time};
use crate::session::Session;
use clap::Args;
use engine::Runner;
use jobs::{JobKind, JobResult, SkippedNumbers};
use model::{Bridge, Operation, PlanId, PlanSummary, RecordId};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// A stored plan to show; without it, a new one is made
    plan: Option<String>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,

    /// Read the source first
    #[arg(long, conflicts_with = "plan")]
    read: bool,

    /// Plan one client only, by name or id
    #[arg(long, conflicts_with = "plan")]
    client: Option<String>,

    /// How many operations to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    show: usize,

    /// Show all operations
    #[arg(long, conflicts_with = "show")]
    all: bool,

    /// Show only these actions, e.g. create_asset,update_asset,skip,review
    #[arg(long, value_delimiter = ',', value_name = "ACTIONS")]
    only: Vec<String>,
}

pub async fn run(session: &Session, arguments: PlanArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let (summary, skipped) = match &arguments.plan {
        Some(id) => {
            let stored = engine.plan(actor, &PlanId::from(id.as_str())).await?;
            (stored, SkippedNumbers::default())
        }
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let client = match &arguments.client {
                Some(name) => Some(engine.find_client(actor, &bridge, name).await?.id),
                None => None,
            };
            match handing::runner_or_worker(session).await? {
                Some(runner) => {
                    let made = make(session, &runner, &bridge, client.as_ref(), arguments.read).await;
                    runner.leave().await;
                    made?
                }
                None => {
                    let kind = JobKind::PlanOnly {
                        bridge: bridge.id,
                        client,
                        read: arguments.read,
                    };
                    match handing::hand_over(session, &kind).await? {
                        Followed::Result(JobResult::Plan { plan, skipped_fields }) => (plan, skipped_fields),
                        other => return handing::unfinished(other),
                    }
                }
            }
        }
    };
    session.progress.clear();
    let limit = if arguments.all { usize::MAX } else { arguments.show };
    let (operations, more) = operations(session, &summary, &arguments.only, limit).await?;
    let document = serde_json::json!({
        "plan": summary, "operations": operations, "more": more,
        "skipped_fields": skipped,
    });
    let mut notice = super::pause::notice(session).await?;
    if arguments.plan.is_some() && engine.is_forgotten(actor, &summary.id).await? {
        notice.push_str("Its rows are no longer kept (rmmbridge retention); the counts stand.\n");
    }
    output.show(&document, || {
        format!(
            "{}{}{notice}",
            render_skipped(&skipped),
            text(&summary, &operations, more)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn make(
    session: &Session,
    runner: &Runner,
    bridge: &Bridge,
    client: Option<&RecordId>,
    read: bool,
) -> anyhow::Result<(PlanSummary, SkippedNumbers)> {
    let (engine, actor) = (&session.engine, &session.actor);
    if read {
        let report = engine
            .read(actor, runner, &bridge.source, None, session.work())
            .await?;
        for line in &report.unreadable {
            tracing::warn!("Could not read {line}.");
        }
    }
    let (plan, skipped) = engine
        .make_plan_naming_skipped(actor, runner, bridge, client, session.work())
        .await?;
    Ok((plan, skipped.into()))
}

/// The first `limit` operations of a plan that are of the wanted actions, and whether there are more.
pub async fn operations(
    session: &Session,
    plan: &PlanSummary,
    only: &[String],
    limit: usize,
) -> anyhow::Result<(Vec<Operation>, bool)> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = session
            .engine
            .operations(&session.actor, &plan.id, after, 500)
            .await?;
        let Some(last) = page.last() else {
            return Ok((found, false));
        };
        after = last.number;
        for operation in page {
            if only.is_empty() || only.iter().any(|a| a == operation.action.name()) {
                if found.len() >= limit {
                    return Ok((found, true));
                }
                found.push(operation);
            }
        }
    }
}

/// The counts and warnings of a plan.
pub fn render_summary(summary: &PlanSummary) -> String {
    plan::render::summary(&summary.counts, &summary.warnings)
}

/// The fields that were left out since they could not be read; nothing when there are none.
pub fn render_skipped(skipped: &SkippedNumbers) -> String {
    if skipped.count == 0 {
        return String::new();
    }
    let mut text = format!("{} field(s) left out, since not readable:\n", skipped.count);
    for line in &skipped.first {
        text.push_str(&format!("  {}\n", plan::render::visible(line)));
    }
    let more = skipped.count - skipped.first.len();
    if more > 0 {
        text.push_str(&format!("  ... and {more} more\n"));
    }
    text
}

/// A plan for people.
pub fn text(summary: &PlanSummary, operations: &[Operation], more: bool) -> String {
    let mut text = format!("Plan {} of {}\n\n", summary.id, time(summary.created));
    text.push_str(&render_summary(summary));
    text.push('\n');
    for operation in operations {
        text.push_str(&plan::render::operation(operation));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    if more {
        text.push_str(&format!("...\nAll of it: rmmbridge plan {} --all\n", summary.id));
    }
    if summary.counts.writes() > 0 {
        text.push_str(&format!(
            "\nNothing was written. To write it: rmmbridge apply {}\n",
            summary.id
        ));
    }
    text
}
