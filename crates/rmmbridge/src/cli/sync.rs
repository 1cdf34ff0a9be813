//! `sync`: read, plan, apply within the brakes.

use super::handing::{self, Followed};
use super::{exit, matching};
use crate::output::Output;
use crate::session::Session;
use clap::Args;
use jobs::{JobKind, JobResult, SyncResult};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct SyncArguments {
    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,

    /// Sync one client only, by name or id
    #[arg(long)]
    client: Option<String>,

    /// Apply even what the brakes would stop
    #[arg(long)]
    confirm: bool,
}

pub async fn run(session: &Session, arguments: SyncArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
    let whole = arguments.client.is_none();
    let client = match arguments.client {
        Some(name) => Some(engine.find_client(actor, &bridge, &name).await?.id),
        None => None,
    };
    let (confirm, work) = (arguments.confirm, session.work());
    let report = match handing::runner_or_worker(session).await? {
        Some(runner) => {
            let report = match &client {
                None => engine.sync(actor, &runner, &bridge, confirm, work).await,
                Some(client) => {
                    engine
                        .sync_client(actor, &runner, &bridge, client, confirm, work)
                        .await
                }
            };
            runner.leave().await;
            SyncResult::from(report?)
        }
        None => {
            let kind = JobKind::Sync {
                bridge: bridge.id.clone(),
                client,
                confirmed: confirm,
            };
            match handing::hand_over(session, &kind).await? {
                Followed::Result(JobResult::Sync(result)) => *result,
                other => return handing::unfinished(other),
            }
        }
    };
    session.progress.clear();
    let SyncResult {
        read,
        plan,
        run,
        stopped,
        skipped_fields: skipped,
    } = report;
    // What waits for a person is among what the plan leaves alone.
    let open = if whole && plan.counts.skips > 0 {
        matching::open_questions(&engine.matching(actor, &bridge).await?)
    } else {
        0
    };
    let document = serde_json::json!({
        "read": read, "plan": plan, "run": run, "stopped": stopped, "open_questions": open,
        "skipped_fields": skipped,
    });
    output.show(&document, || {
        let mut text = format!("Read {} devices in {} requests.\n", read.devices, read.requests);
        for line in &read.unreadable {
            text.push_str(&format!("  not readable: {}\n", plan::render::visible(line)));
        }
        text.push_str(&plan::render::summary(&plan.counts, &plan.warnings));
        text.push_str(&super::plan::render_skipped(&skipped));
        if let Some(run) = &run {
            text.push_str(&format!(
                "Run {}: {} written, {} failed\n",
                run.id, run.counts.done, run.counts.failed
            ));
        }
        if let Some(stopped) = &stopped {
            text.push_str(&format!("{stopped}\n"));
            if !plan.warnings.is_empty() {
                text.push_str(&format!("To write it: rmmbridge apply {} --confirm\n", plan.id));
            }
        }
        if open > 0 {
            text.push_str(&format!(
                "{open} organization(s) wait for you to decide which client they are: rmmbridge match\n"
            ));
        }
        text
    })?;
    Ok(match run {
        _ if stopped.is_some() => ExitCode::from(exit::PERSON),
        Some(run) if run.counts.failed + run.counts.unknown + run.counts.skipped > 0 => {
            ExitCode::from(exit::RECORDS_FAILED)
        }
        _ if open > 0 => ExitCode::from(exit::PERSON),
        _ => ExitCode::SUCCESS,
    })
}
