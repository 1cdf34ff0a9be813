//! `pause` and `resume`: the switch that stops all writes.

use crate::output::Output;
use crate::session::Session;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct PauseArguments {
    /// Why, for whoever meets it
    #[arg(long)]
    reason: String,
}

pub async fn pause(session: &Session, arguments: PauseArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let before = engine.write_pause(actor).await?;
    let pause = engine.pause_writes(actor, &arguments.reason).await?;
    output.show(&serde_json::json!({ "pause": pause }), || {
        let shown = plan::render::visible(&pause.to_string());
        match before {
            Some(_) => format!("That was so before: {shown}.\nTo let writes go on: rmmbridge resume"),
            None => {
                let mut shown = shown;
                if let Some(first) = shown.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                format!(
                    "{shown}.\nNo run begins, and one under way stops before its next group of records. Reads, plans and \
                     drift go on.\nTo let writes go on: rmmbridge resume"
                )
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

pub async fn resume(session: &Session, output: Output) -> anyhow::Result<ExitCode> {
    let ended = session.engine.resume_writes(&session.actor).await?;
    output.show(&serde_json::json!({ "ended": ended }), || match &ended {
        Some(pause) => format!(
            "Writes go on. {} had paused them: {}\nJobs that waited for it go on by themselves.",
            plan::render::visible(&pause.by),
            plan::render::visible(&pause.reason)
        ),
        None => "Writes were not paused.".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a command that would write, or shows what would be written, says while all writes are paused; empty otherwise.
pub async fn notice(session: &Session) -> anyhow::Result<String> {
    let pause = session.engine.write_pause(&session.actor).await?;
    Ok(pause.map_or_else(String::new, |pause| {
        format!(
            "Note: {}. To let them go on: rmmbridge resume\n",
            plan::render::visible(&pause.to_string())
        )
    }))
}
