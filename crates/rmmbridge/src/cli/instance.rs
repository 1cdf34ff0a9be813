//! `instance`: which hub this is, and saying that it is the one that works.

use super::exit;
use crate::output::Output;
use crate::session::Session;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum InstanceCommand {
    /// Show which hub this is, and why it waits if it does
    Show,
    /// Say that this hub is the one that works from now on, after a restore, a copy or a move
    Confirm,
}

pub async fn run(session: &Session, command: InstanceCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let confirming = matches!(command, InstanceCommand::Confirm);
    let instance = if confirming {
        engine.confirm_instance(actor).await?
    } else {
        engine.instance(actor).await?
    };
    let document = serde_json::json!({
        "id": instance.id, "epoch": instance.epoch, "waits": instance.waits,
    });
    output.show(&document, || {
        let name = format!("Hub {}, epoch {}", instance.id, instance.epoch);
        match &instance.waits {
            Some(reason) => format!(
                "{name}, waits for an Owner: {reason}.\nIf it is the one that works from now on, run: rmmbridge instance confirm\n"
            ),
            None if confirming => format!("{name}: confirmed. It is the one that works.\n"),
            None => format!("{name}: it is the one that works.\n"),
        }
    })?;
    Ok(if instance.waits.is_some() {
        ExitCode::from(exit::PERSON)
    } else {
        ExitCode::SUCCESS
    })
}
