//! `bridge`: joining a source to a destination.

use super::bridge_set;
use crate::output::{Output, table};
use crate::session::Session;
use clap::Subcommand;
use model::{Connection, Owner, RuleValue, SourceId};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum BridgeCommand {
    /// Join a source to a destination
    Add {
        /// What you call the bridge
        #[arg(long, default_value = "assets")]
        name: String,
        /// The connection devices are read from; not needed while there is one
        #[arg(long)]
        from: Option<String>,
        /// The connection clients and assets are kept in; the built-in registry when not given
        #[arg(long)]
        to: Option<String>,
        /// The settings it starts from: default, humanizeit, passportal
        #[arg(long, default_value = "default")]
        preset: String,
    },
    /// List bridges
    List,
    /// Show a bridge's settings and its mapping, on a live device when one is given
    Show {
        /// The bridge; not needed while there is one
        name: Option<String>,
        /// Id of a device of the last read: shows what the mapping makes of it
        #[arg(long)]
        device: Option<String>,
    },
    /// Set what makes a plan stop and ask, when assets are archived, what happens to new organizations, and which devices come
    Set(bridge_set::SetArguments),
    /// Let the schedule of a bridge go on after an undo paused it
    Resume {
        /// The bridge; not needed while there is one
        name: Option<String>,
    },
}

pub async fn run(session: &Session, command: BridgeCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        BridgeCommand::Add {
            name,
            from,
            to,
            preset,
        } => {
            let source = engine.find_connection(actor, from.as_deref()).await?;
            let destination = match to {
                Some(to) => engine.find_connection(actor, Some(&to)).await?,
                None => registry(session).await?,
            };
            let bridge = engine
                .add_bridge(actor, &name, &source.id, &destination.id, &preset)
                .await?;
            output.show(&bridge, || {
                format!(
                    "Bridge `{}`: {} → {}, preset {}\nNext: rmmbridge plan --read",
                    bridge.name, source.name, destination.name, bridge.preset
                )
            })?;
        }
        BridgeCommand::List => {
            let bridges = engine.bridges(actor).await?;
            let connections = engine.connections(actor).await?;
            let name_of = |id: &model::ConnectionId| {
                connections
                    .iter()
                    .find(|c| &c.id == id)
                    .map_or_else(String::new, |c| c.name.clone())
            };
            output.show(&bridges, || {
                if bridges.is_empty() {
                    return "No bridges yet. Make one with: rmmbridge bridge add".to_owned();
                }
                let rows = bridges.iter().map(|b| {
                    vec![
                        b.name.clone(),
                        name_of(&b.source),
                        name_of(&b.destination),
                        b.preset.clone(),
                    ]
                });
                table(&["name", "from", "to", "preset"], rows)
            })?;
        }
        BridgeCommand::Show { name, device } => {
            show(session, name.as_deref(), device.as_deref(), output).await?
        }
        BridgeCommand::Set(arguments) => return bridge_set::run(session, arguments, output).await,
        BridgeCommand::Resume { name } => {
            let bridge = engine.find_bridge(actor, name.as_deref()).await?;
            let was = bridge.paused.is_some();
            let bridge = engine.resume_bridge(actor, &bridge).await?;
            output.show(&bridge, || match was {
                true => format!("The schedule of `{}` goes on.", bridge.name),
                false => format!("The schedule of `{}` was not paused.", bridge.name),
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(
    session: &Session,
    name: Option<&str>,
    device: Option<&str>,
    output: Output,
) -> anyhow::Result<()> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, name).await?;
    let preview = match device {
        Some(device) => Some(engine.preview(actor, &bridge, &SourceId::from(device)).await?),
        None => None,
    };
    let shown = serde_json::json!({
        "bridge": bridge,
        "preview": preview.as_ref().map(|p| serde_json::json!({ "label": p.label, "fields": p.fields, "faults": p.faults })),
    });
    output.show(&shown, || {
        let mapping = &bridge.settings.mapping;
        let fixed = mapping
            .fixed_by
            .as_ref()
            .map_or_else(String::new, |by| format!(", fixed by the preset {by}"));
        let mut text = format!("Bridge `{}`, preset {}{fixed}\n\n", bridge.name, bridge.preset);
        if let Some(reason) = &bridge.paused {
            let reason = plan::render::visible(reason);
            text.push_str(&format!(
                "Its schedule is paused: {reason}. To let it go on: rmmbridge bridge resume\n\n"
            ));
        }
        text.push_str(&bridge_set::text(&bridge.settings));
        text.push('\n');
        let rows = mapping.rules.iter().map(|rule| {
            let value = match &rule.value {
                RuleValue::Expression(expression) => expression.clone(),
                RuleValue::Constant(value) => format!("always {value}"),
            };
            let live = preview
                .as_ref()
                .map(|p| p.fields.get(&rule.target).map_or_else(|| "—".to_owned(), text_of));
            let owner = match rule.owner {
                Owner::Source => "source",
                Owner::DestinationIfSet => "destination if set",
                Owner::Locked => "locked",
                Owner::Ask => "ask",
            };
            let mut row = vec![rule.target.clone(), value, owner.to_owned()];
            row.extend(live);
            row
        });
        let mut heading = vec!["field", "from", "owner"];
        heading.extend(preview.as_ref().map(|p| p.label.as_str()));
        text.push_str(&table(&heading, rows));
        for fault in preview.iter().flat_map(|p| &p.faults) {
            text.push_str(&format!(
                "skipped {}: {}\n",
                fault.path,
                plan::render::visible(&fault.message)
            ));
        }
        text
    })
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The built-in registry's connection, made when it is first needed.
pub async fn registry(session: &Session) -> anyhow::Result<Connection> {
    Ok(session.engine.registry_connection(&session.actor).await?)
}
