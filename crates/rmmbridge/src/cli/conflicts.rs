//! `conflicts`: fields both sides changed, and whose values stand.

use super::exit;
use crate::output::{Output, time};
use crate::session::Session;
use clap::{Args, Subcommand};
use engine::conflicts::{ConflictChoice, Conflicts, OpenConflict};
use model::{ConflictDecision, ConflictVerdict, PlanId, SourceId};
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Only fields whose rule has the owner `ask` are asked about. A value that is taken is written by the next plan; one that
is kept is asked about again only when one of the two sides changes again.

  rmmbridge conflicts take 1042             all fields of one device, from the source
  rmmbridge conflicts keep 1042 --field os  one field, as it stands in the destination
  rmmbridge conflicts take --field os       that field of all devices
  rmmbridge conflicts keep --all            everything that is open";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct ConflictsArguments {
    #[command(subcommand)]
    command: Option<ConflictsCommand>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ConflictsCommand {
    /// Let the source's values be written
    Take(Chosen),
    /// Let the destination's values stand
    Keep(Chosen),
}

#[derive(Debug, Args)]
struct Chosen {
    /// The devices, by their ids in the source
    #[arg(required_unless_present_any = ["field", "all"])]
    devices: Vec<String>,

    /// Only this field; several are separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    field: Vec<String>,

    /// Everything that is open
    #[arg(long, conflicts_with_all = ["devices", "field"])]
    all: bool,

    /// Only if this is still the plan whose conflicts you looked at
    #[arg(long, value_name = "PLAN")]
    seen: Option<String>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,
}

pub async fn run(
    session: &Session,
    arguments: ConflictsArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let (chosen, verdict) = match arguments.command {
        Some(ConflictsCommand::Take(chosen)) => (chosen, ConflictVerdict::Take),
        Some(ConflictsCommand::Keep(chosen)) => (chosen, ConflictVerdict::Keep),
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let conflicts = engine.conflicts(actor, &bridge).await?;
            output.show(&conflicts, || text(&conflicts))?;
            return Ok(match conflicts.open.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(exit::PERSON),
            });
        }
    };
    let bridge = engine.find_bridge(actor, chosen.bridge.as_deref()).await?;
    let choice = ConflictChoice {
        devices: chosen.devices.into_iter().map(SourceId).collect(),
        fields: chosen.field,
        seen: chosen.seen.map(PlanId),
        ..ConflictChoice::default()
    };
    let decided = engine.decide_conflicts(actor, &bridge, &choice, verdict).await?;
    output.show(&decided, || decided_text(&decided, verdict))?;
    Ok(ExitCode::SUCCESS)
}

fn text(conflicts: &Conflicts) -> String {
    let of = format!("As of plan {} of {}.\n", conflicts.plan, time(conflicts.planned));
    if conflicts.open.is_empty() {
        return format!("No open conflicts. {of}");
    }
    let mut text = String::new();
    for conflict in &conflicts.open {
        text.push_str(&one(conflict));
    }
    text.push_str(&format!(
        "\n{} field(s). {of}Whose values stand: rmmbridge conflicts take <DEVICE>, or keep <DEVICE>; --help shows more\n",
        conflicts.open.len()
    ));
    text
}

fn one(conflict: &OpenConflict) -> String {
    let visible = plan::render::visible;
    let value = plan::render::value;
    let mut text = format!(
        "{}  {} ({})  {}\n    source:      {}\n    destination: {}\n",
        visible(conflict.device.as_str()),
        visible(&conflict.label),
        visible(&conflict.client),
        visible(&conflict.field),
        value(&conflict.source_value),
        value(&conflict.destination_value)
    );
    match &conflict.written {
        Some(written) => text.push_str(&format!(
            "    last written: {} by run {} on {}\n",
            value(&written.value),
            written.run,
            time(written.at)
        )),
        None => text.push_str("    never written by this bridge\n"),
    }
    for url in conflict.source_url.iter().chain(&conflict.record_url) {
        text.push_str(&format!("    {}\n", visible(url)));
    }
    text
}

fn decided_text(decided: &[ConflictDecision], verdict: ConflictVerdict) -> String {
    match verdict {
        ConflictVerdict::Take => format!(
            "{} field(s) are the source's now. The next plan writes them: rmmbridge plan",
            decided.len()
        ),
        ConflictVerdict::Keep => format!(
            "{} field(s) stay as they are in the destination until one of the two sides changes again",
            decided.len()
        ),
    }
}
