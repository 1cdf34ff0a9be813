//! `retention`: for how long rows of plans and runs are kept.

use crate::output::Output;
use crate::session::Session;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct RetentionArguments {
    /// Keep rows of plans and runs for so many days from now on; at least 7
    #[arg(long)]
    days: Option<u32>,

    /// Forget now what is older, instead of waiting for the worker, which does so once a day
    #[arg(long)]
    forget_now: bool,
}

pub async fn run(
    session: &Session,
    arguments: RetentionArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    if let Some(days) = arguments.days {
        engine.keep_for(actor, days).await?;
    }
    let days = engine.kept_days(actor).await?;
    let forgotten = match arguments.forget_now {
        true => Some(engine.forget_old_rows(actor, session.work()).await?),
        false => None,
    };
    session.progress.clear();
    output.show(&serde_json::json!({ "days": days, "forgotten": forgotten }), || {
        let mut text = format!(
            "Rows of plans and runs are kept for {days} days: an undo reaches back so far. Their counts, the audit log, \
             links and what is known of each written record are kept for ever.\n"
        );
        if let Some(forgotten) = forgotten {
            text.push_str(&format!(
                "Forgotten: {} rows of {} plans, {} rows of runs, {} notifications.\n",
                forgotten.operations, forgotten.plans, forgotten.items, forgotten.notifications
            ));
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
