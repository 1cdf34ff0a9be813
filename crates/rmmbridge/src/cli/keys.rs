//! `keys`: the master key.

use crate::output::Output;
use crate::session::Session;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a new master key and wrap every secret with it while everything goes on; run it again after a stop
    Rotate {
        /// Only make the new key, so that the key file can be copied to other machines before it is used
        #[arg(long)]
        prepare: bool,
    },
}

pub async fn run(session: &Session, command: KeysCommand, output: Output) -> anyhow::Result<ExitCode> {
    let KeysCommand::Rotate { prepare } = command;
    let done = session
        .engine
        .rotate_key(&session.actor, prepare, session.work())
        .await?;
    let document = serde_json::json!({
        "master_key": done.key, "wrapped": done.wrapped, "resumed": done.resumed,
        "prepared_only": done.prepared_only, "retired": done.retired,
    });
    output.show(&document, || {
        if done.prepared_only {
            return format!(
                "The new master key {} is in the key file, and nothing is sealed with it yet. Copy the key file to every\n\
                 other machine of this database, then run: rmmbridge keys rotate\n",
                done.key
            );
        }
        let mut text = if done.resumed {
            "Finished the rotation that was begun before.\n".to_owned()
        } else {
            String::new()
        };
        text.push_str(&format!(
            "The master key is now {}; {} secrets were wrapped again.\n\
             Backups made from now on need the new key: keep a copy of it.\n",
            done.key, done.wrapped
        ));
        for path in &done.retired {
            text.push_str(&format!(
                "The old key is in {}: older backups need it. Move it to where you keep keys.\n",
                path.display()
            ));
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
