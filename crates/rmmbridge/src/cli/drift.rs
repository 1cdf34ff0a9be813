//! `drift`: where the two sides differ.

use super::exit;
use super::record::{record, typed};
use crate::output::{Output, time};
use crate::session::Session;
use anyhow::bail;
use clap::{Args, Subcommand};
use engine::drift::{Differing, DriftReport};
use model::{DifferenceKey, Drift, RecordKind, Side, SourceId};
use std::process::ExitCode;

const AFTER_HELP: &str = "\
The report is the newest plan of the whole bridge, read as a comparison; a plan that is scheduled and not applied keeps it
fresh: rmmbridge schedule set --plan-only ... A difference that is fine as it is can be accepted for a reason. It is then
shown as accepted and not counted, until either side changes; plans go on to write what they would have written.

  rmmbridge drift accept 1042 --field os --reason \"reinstalled next week\"
  rmmbridge drift accept asset-of-destination:019bc0e2-... --reason \"a printer, not in NinjaOne\"
  rmmbridge drift unaccept 1042 --field os";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct DriftArguments {
    #[command(subcommand)]
    command: Option<DriftCommand>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,

    /// How many differences of each sort to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    show: usize,

    /// Show all of them
    #[arg(long, conflicts_with = "show")]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum DriftCommand {
    /// Say that a difference is fine as it is
    Accept {
        #[command(flatten)]
        which: Which,

        /// Why, in a few words
        #[arg(long)]
        reason: String,
    },
    /// Take that back
    Unaccept {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// The record, as the report names it: a device's id, client:ID, site:ID, asset_type:ID, or
    /// asset-of-destination:ID
    record: String,

    /// The field that differs; without it, the record as a whole
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,

    /// The bridge; not needed while there is one
    #[arg(long)]
    bridge: Option<String>,
}

pub async fn run(session: &Session, arguments: DriftArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match arguments.command {
        None => {
            let bridge = engine.find_bridge(actor, arguments.bridge.as_deref()).await?;
            let report = engine.drift(actor, &bridge).await?;
            let limit = if arguments.all { usize::MAX } else { arguments.show };
            output.show(&report, || text(&report, limit))?;
            Ok(match report.counts.is_none() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(exit::PERSON),
            })
        }
        Some(DriftCommand::Accept { which, reason }) => {
            let bridge = engine.find_bridge(actor, which.bridge.as_deref()).await?;
            let key = key(&which)?;
            let accepted = engine.accept_differences(actor, &bridge, &[key], &reason).await?;
            output.show(&accepted, || {
                "Accepted until either side changes: the report shows it and does not count it.".to_owned()
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Some(DriftCommand::Unaccept { which }) => {
            let bridge = engine.find_bridge(actor, which.bridge.as_deref()).await?;
            let count = engine
                .unaccept_differences(actor, &bridge, &[key(&which)?])
                .await?;
            output.show(&serde_json::json!({ "unaccepted": count }), || {
                "It counts as a difference again.".to_owned()
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What an asset that the source does not have is called.
const OF_DESTINATION: &str = "asset-of-destination";

fn key(which: &Which) -> anyhow::Result<DifferenceKey> {
    let field = which.field.clone().unwrap_or_default();
    if let Some((OF_DESTINATION, id)) = which.record.split_once(':') {
        if id.is_empty() {
            bail!("{}: write the id after the colon", which.record);
        }
        return Ok(DifferenceKey {
            side: Side::Destination,
            kind: RecordKind::Asset,
            record: id.to_owned(),
            field,
        });
    }
    let (kind, source) = record(&which.record)?;
    Ok(DifferenceKey {
        side: Side::Source,
        kind,
        record: source.to_string(),
        field,
    })
}

fn named(key: &DifferenceKey) -> String {
    match key.side {
        Side::Source => typed(key.kind, &SourceId(key.record.clone())),
        Side::Destination => format!("{OF_DESTINATION}:{}", key.record),
    }
}

fn text(report: &DriftReport, limit: usize) -> String {
    let mut text = String::new();
    let c = &report.counts;
    for (drift, heading, count) in [
        (Drift::OnlySource, "Only in the source", c.only_source),
        (
            Drift::OnlyDestination,
            "Only in the destination",
            c.only_destination,
        ),
        (Drift::Differs, "Fields that differ", c.differing),
        (Drift::Unlinked, "On both sides, and not linked", c.unlinked),
    ] {
        let of_sort: Vec<&Differing> = report
            .differences
            .iter()
            .filter(|d| d.difference.drift == drift)
            .collect();
        if of_sort.is_empty() {
            continue;
        }
        let accepted = of_sort.iter().filter(|d| d.accepted.is_some()).count();
        let also = match accepted {
            0 => String::new(),
            n => format!(", and {n} accepted"),
        };
        text.push_str(&format!("{heading}: {count}{also}\n"));
        for differing in of_sort.iter().take(limit) {
            text.push_str(&one(differing));
        }
        if of_sort.len() > limit {
            text.push_str(&format!(
                "  ... and {} more: rmmbridge drift --all\n",
                of_sort.len() - limit
            ));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("The two sides are the same.\n");
    }
    text.push_str(&format!(
        "As of plan {} of {}. Compare anew: rmmbridge plan --read\n",
        report.plan,
        time(report.planned)
    ));
    text
}

fn one(differing: &Differing) -> String {
    let visible = plan::render::visible;
    let difference = &differing.difference;
    let client = match difference.client.is_empty() {
        true => String::new(),
        false => format!(" ({})", visible(&difference.client)),
    };
    let what = match difference.key.field.is_empty() {
        true => String::new(),
        false => format!(
            "  {}",
            plan::render::change(&model::Change {
                field: difference.key.field.clone(),
                before: difference.destination_value.clone(),
                after: difference.source_value.clone(),
            })
        ),
    };
    let mut text = format!(
        "  {}  {}{client}{what}\n",
        visible(&named(&difference.key)),
        visible(&difference.label)
    );
    match &differing.accepted {
        Some(accepted) => text.push_str(&format!(
            "    accepted by {} on {}: {}\n",
            visible(&accepted.by),
            time(accepted.at),
            visible(&accepted.reason)
        )),
        None if difference.key.field.is_empty() => {
            text.push_str(&format!("    ({})\n", visible(&difference.reason)));
        }
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_as_the_report_names_them() {
        let which = |record: &str, field: Option<&str>| Which {
            record: record.to_owned(),
            field: field.map(str::to_owned),
            bridge: None,
        };
        for name in ["1042", "client:7", "asset-of-destination:a-1"] {
            assert_eq!(named(&key(&which(name, None)).unwrap()), name);
        }
        assert_eq!(key(&which("1042", Some("os"))).unwrap().field, "os");
        assert!(key(&which("asset-of-destination:", None)).is_err());
    }
}
