//! `bridge set`: the brakes, the archive rule, what happens to new organizations, and what comes (`bridge_scope`).

use super::bridge_scope::{self, ScopeArguments};
use crate::output::Output;
use crate::session::Session;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use model::{Archive, BridgeSettings, NewOrganizations};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct SetArguments {
    /// The bridge; not needed while there is one
    name: Option<String>,

    /// Largest share of the linked assets one plan may archive without asking, e.g. 5%
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    archive_share: Option<f64>,

    /// Most assets one plan may archive without asking, or none for no such limit
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    archive_most: Option<Limit>,

    /// Largest share of the linked assets one plan may change without asking, e.g. 50%
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    change_share: Option<f64>,

    /// Most linked assets one plan may change without asking, or none
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    change_most: Option<Limit>,

    /// Most assets one plan may create without asking, or none
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    create_most: Option<Limit>,

    /// Below this number of records the shares do not bind
    #[arg(long, value_name = "NUMBER")]
    at_least: Option<u32>,

    /// Archive an asset whose device was absent from so many complete reads; with --archive-after-days
    #[arg(long, value_name = "READS", value_parser = clap::value_parser!(u32).range(1..))]
    archive_after_reads: Option<u32>,

    /// ... and for so many days
    #[arg(long, value_name = "DAYS")]
    archive_after_days: Option<u32>,

    /// Never archive assets of vanished devices
    #[arg(long, conflicts_with_all = ["archive_after_reads", "archive_after_days"])]
    archive_never: bool,

    /// What happens to organizations that nothing decided
    #[arg(long, value_enum)]
    new_organizations: Option<Asked>,

    #[command(flatten)]
    scope: ScopeArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Asked {
    /// They wait for a person
    Ask,
    /// A client is created for each that resembles none
    Create,
}

/// A number, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit(Option<u32>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        number => number
            .parse()
            .map(|number| Limit(Some(number)))
            .map_err(|_| "write a whole number, or none".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let wrong = || "write a percentage between 0% and 100%, e.g. 5%".to_owned();
    let percent: f64 = text
        .strip_suffix('%')
        .ok_or_else(wrong)?
        .trim()
        .parse()
        .map_err(|_| wrong())?;
    (0.0..=100.0)
        .contains(&percent)
        .then_some(percent / 100.0)
        .ok_or_else(wrong)
}

pub async fn run(session: &Session, arguments: SetArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    let bridge = engine.find_bridge(actor, arguments.name.as_deref()).await?;
    let settings = arguments.over(arguments.scope.over(bridge.settings.clone())?)?;
    let changed = match settings == bridge.settings {
        true => bridge,
        false => engine.change_bridge(actor, &bridge, settings).await?,
    };
    output.show(&changed, || {
        format!("Bridge `{}`\n{}", changed.name, text(&changed.settings))
    })?;
    Ok(ExitCode::SUCCESS)
}

impl SetArguments {
    /// The settings with what was given in place of what stood there.
    fn over(&self, mut settings: BridgeSettings) -> anyhow::Result<BridgeSettings> {
        let brakes = &mut settings.brakes;
        brakes.archive_share = self.archive_share.unwrap_or(brakes.archive_share);
        brakes.change_share = self.change_share.unwrap_or(brakes.change_share);
        brakes.at_least = self.at_least.unwrap_or(brakes.at_least);
        for (given, limit) in [
            (self.archive_most, &mut brakes.archive_most),
            (self.change_most, &mut brakes.change_most),
            (self.create_most, &mut brakes.create_most),
        ] {
            if let Some(Limit(given)) = given {
                *limit = given;
            }
        }
        if self.archive_never {
            settings.archive = None;
        }
        if self.archive_after_reads.is_some() || self.archive_after_days.is_some() {
            let both = "an archive rule takes both --archive-after-reads and --archive-after-days";
            let was = settings.archive;
            settings.archive = Some(Archive {
                after_snapshots: self
                    .archive_after_reads
                    .or(was.map(|was| was.after_snapshots))
                    .context(both)?,
                after_days: self
                    .archive_after_days
                    .or(was.map(|was| was.after_days))
                    .context(both)?,
            });
        }
        match self.new_organizations {
            Some(Asked::Ask) => settings.new_organizations = NewOrganizations::Ask,
            Some(Asked::Create) => settings.new_organizations = NewOrganizations::Create,
            None => {}
        }
        Ok(settings)
    }
}

/// What stops and asks, and what is archived, for people.
pub fn text(settings: &BridgeSettings) -> String {
    let brakes = &settings.brakes;
    let number = |most: Option<u32>| most.map_or_else(String::new, |most| format!(", or more than {most}"));
    let archive = match settings.archive {
        None => "never".to_owned(),
        Some(rule) => format!(
            "after {} complete reads without their device, and {} days",
            rule.after_snapshots, rule.after_days
        ),
    };
    let create = brakes
        .create_most
        .map_or_else(|| "any number".to_owned(), |most| format!("at most {most}"));
    let new = match settings.new_organizations {
        NewOrganizations::Ask => "wait for a person",
        NewOrganizations::Create => "get a client of their own unless one resembles them",
    };
    format!(
        "A plan stops and asks where it would\n  archive more than {} % of the linked assets{}\n  change more than {} % of \
         them{}\n  (a share binds from {} records on)\nCreations without asking: {create}\nAssets of vanished devices \
         are archived: {archive}\nNew organizations {new}\n{}",
        Trimmed(brakes.archive_share * 100.0),
        number(brakes.archive_most),
        Trimmed(brakes.change_share * 100.0),
        number(brakes.change_most),
        brakes.at_least,
        bridge_scope::text(settings),
    )
}

/// A number without zeros at its end.
struct Trimmed(f64);

impl std::fmt::Display for Trimmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.2}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("100 %"), Ok(1.0));
        for wrong in ["5", "0.05", "101%", "-1%", "NaN%", "%"] {
            assert!(share(wrong).unwrap_err().contains("5%"), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!(limit("none"), Ok(Limit(None)));
        assert_eq!(limit("25"), Ok(Limit(Some(25))));
        assert!(limit("many").is_err() && limit("-1").is_err());
    }
}
