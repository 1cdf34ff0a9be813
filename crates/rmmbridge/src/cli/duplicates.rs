//! `duplicates`: records there are several of, and which one it is.

use super::exit;
use super::handing::{self, Followed};
use super::record::{record, typed};
use crate::output::Output;
use crate::session::Session;
use clap::{Args, Subcommand};
use engine::duplicates::Duplicate;
use jobs::{JobKind, JobResult};
use model::RecordId;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
A device is listed when several assets may be it, when several devices may be one asset, when it seems to take the place
of one that is gone, or when our mark was found on more than one record. Linking writes nothing to the destination: the
next plan does what differs. The other records stay as they are, and the audit log names them; merge or archive them in
the destination if you like.";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct DuplicatesArguments {
    #[command(subcommand)]
    command: Option<DuplicatesCommand>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DuplicatesCommand {
    /// Say which record it is
    Link {
        /// The record, by its id in the source: a device's id, or client:ID, site:ID, asset_type:ID
        record: String,

        /// The destination's record that it is
        is: String,

        /// The bridge; not needed while there is one
        #[arg(long)]
        bridge: Option<String>,
    },
}

pub async fn run(
    session: &Session,
    arguments: DuplicatesArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match arguments.command {
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let duplicates = engine.duplicates(actor, &bridge).await?;
            output.show(&duplicates, || text(&duplicates))?;
            Ok(match duplicates.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(exit::PERSON),
            })
        }
        Some(DuplicatesCommand::Link {
            record: id,
            is,
            bridge,
        }) => {
            let bridge = engine.find_bridge(actor, bridge.as_deref()).await?;
            let (kind, source) = record(&id)?;
            let is = RecordId(is);
            match handing::runner_or_worker(session).await? {
                Some(runner) => {
                    let linked = engine
                        .link_duplicate(actor, &runner, &bridge, (kind, &source), &is, session.work())
                        .await;
                    runner.leave().await;
                    linked?;
                }
                None => {
                    let job = JobKind::LinkDuplicate {
                        bridge: bridge.id,
                        record: kind,
                        source: source.clone(),
                        is: is.clone(),
                    };
                    match handing::hand_over(session, &job).await? {
                        Followed::Result(JobResult::Linked { .. }) => {}
                        other => return handing::unfinished(other),
                    }
                }
            }
            session.progress.clear();
            let document = serde_json::json!({ "kind": kind, "source": source, "record": is });
            output.show(&document, || {
                format!(
                    "{} is {} now. What differs is written by the next plan: rmmbridge plan",
                    plan::render::visible(&id),
                    plan::render::visible(is.as_str())
                )
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn text(duplicates: &[Duplicate]) -> String {
    if duplicates.is_empty() {
        return "Nothing is there more than once, as far as it is known.".to_owned();
    }
    let visible = plan::render::visible;
    let mut text = String::new();
    for of in duplicates {
        let client = match of.client.is_empty() {
            true => String::new(),
            false => format!(" ({})", visible(&of.client)),
        };
        text.push_str(&format!(
            "{}  {}{client}\n    {}\n",
            visible(&typed(of.kind, &of.source)),
            visible(&of.label),
            visible(&of.reason)
        ));
        if let Some(url) = &of.source_url {
            text.push_str(&format!("    {}\n", visible(url)));
        }
        for candidate in &of.candidates {
            let name = candidate
                .name
                .as_deref()
                .map_or(String::new(), |name| format!("  {}", visible(name)));
            let url = candidate
                .url
                .as_deref()
                .map_or(String::new(), |url| format!("  {}", visible(url)));
            text.push_str(&format!(
                "      {}{name}{url}\n",
                visible(candidate.record.as_str())
            ));
        }
    }
    text.push_str(&format!(
        "\n{} record(s). Say which one it is: rmmbridge duplicates link <ID> <RECORD>\n",
        duplicates.len()
    ));
    text
}
