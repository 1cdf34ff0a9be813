//! `connection`: what connections there are, and switching one off and on.

use crate::output::{Output, table, time};
use crate::session::Session;
use clap::{Args, Subcommand};
use model::Connection;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum ConnectionCommand {
    /// List connections, how they stand, and which may be written to
    List,
    /// Send nothing to a connection any more, neither reads nor writes
    Pause(SwitchArguments),
    /// Let a paused connection go on
    Resume {
        /// The connection
        name: String,
    },
    /// Read a connection and never write to it; plans are made all the same
    ReadOnly(SwitchArguments),
    /// Let a read-only connection be written to
    Writable {
        /// The connection
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct SwitchArguments {
    /// The connection
    name: String,

    /// Why, for the audit log
    #[arg(long)]
    reason: Option<String>,
}

pub async fn run(session: &Session, command: ConnectionCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let find = async |name: &str| engine.find_connection(actor, Some(name)).await;
    let (connection, said) = match command {
        ConnectionCommand::List => {
            let all = engine.connections(actor).await?;
            output.show(&all, || list(&all))?;
            return Ok(ExitCode::SUCCESS);
        }
        ConnectionCommand::Pause(arguments) => {
            let id = find(&arguments.name).await?.id;
            let connection = engine
                .pause_connection(actor, &id, arguments.reason.as_deref())
                .await?;
            (connection, "is paused: nothing is sent to it")
        }
        ConnectionCommand::Resume { name } => {
            let id = find(&name).await?.id;
            (engine.resume_connection(actor, &id).await?, "is not paused")
        }
        ConnectionCommand::ReadOnly(arguments) => {
            let id = find(&arguments.name).await?.id;
            let connection = engine
                .set_read_only(actor, &id, true, arguments.reason.as_deref())
                .await?;
            (connection, "is read-only: nothing is written to it")
        }
        ConnectionCommand::Writable { name } => {
            let id = find(&name).await?.id;
            let connection = engine.set_read_only(actor, &id, false, None).await?;
            (connection, "may be written to")
        }
    };
    output.show(&connection, || {
        format!(
            "Connection `{}` {said}. Its state: {}",
            plan::render::visible(&connection.name),
            plan::render::visible(&connection.state.to_string())
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Connections for people.
pub fn list(all: &[Connection]) -> String {
    if all.is_empty() {
        return "No connections yet. Make one with: rmmbridge connect".to_owned();
    }
    let rows = all.iter().map(|c| {
        let success = c.last_success.map_or_else(|| "never".to_owned(), time);
        let writes = if c.read_only { "no (read-only)" } else { "yes" };
        vec![
            c.name.clone(),
            c.kind.clone(),
            c.state.to_string(),
            writes.to_owned(),
            success,
        ]
    });
    table(&["name", "kind", "state", "writes", "last success"], rows)
}
