//! `export` and `import`: the configuration as YAML; clients, assets and contacts one already has as CSV.

use super::exit;
use crate::output::Output;
use crate::session::Session;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use engine::import::ImportReport;
use engine::portable::Configuration;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The file to write; standard output when not given
    file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// A configuration that `rmmbridge export` wrote; secrets have to be given again
    Config {
        /// The YAML file
        file: PathBuf,
    },
    /// Clients you already have: a CSV file with a column `name`
    Clients {
        /// The CSV file
        file: PathBuf,
    },
    /// Assets you already have: a CSV file with the columns `client` and `name`, and fields such as `serialNumber`
    Assets {
        /// The CSV file
        file: PathBuf,
    },
    /// Contacts you already have: a CSV file with the columns `client` and `name`, and `email` and `phone`
    Contacts {
        /// The CSV file
        file: PathBuf,
    },
}

pub async fn export(
    session: &Session,
    arguments: ExportArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let configuration = session.engine.export_configuration(&session.actor).await?;
    let yaml = serde_saphyr::to_string(&configuration).context("writing the configuration as YAML")?;
    match arguments.file {
        Some(path) => {
            std::fs::write(&path, yaml).with_context(|| format!("writing {}", path.display()))?;
            let document = serde_json::json!({
                "file": path,
                "connections": configuration.connections.keys().collect::<Vec<_>>(),
                "bridges": configuration.bridges.keys().collect::<Vec<_>>(),
            });
            output.show(&document, || {
                format!("Wrote {}. It holds no secrets.", path.display())
            })?;
        }
        None => output.show(&configuration, || yaml)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn import(session: &Session, command: ImportCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        ImportCommand::Config { file } => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let configuration: Configuration = serde_saphyr::from_str(&text).map_err(|error| {
                // The first line names the place; what follows is a drawing of it.
                let error = error.to_string();
                let why = error.lines().next().unwrap_or_default();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                anyhow::anyhow!(
                    "{} is no configuration of rmmbridge: {why}. Correct it, or write a new one: rmmbridge export",
                    file.display()
                )
            })?;
            let report = engine.import_configuration(actor, configuration).await?;
            let document = serde_json::json!({
                "connections": report.connections, "bridges": report.bridges,
                "to_authorize": report.to_authorize, "left_out": report.left_out,
            });
            output.show(&document, || {
                let mut text = format!(
                    "Connections: {}\nBridges: {}\n",
                    list(&report.connections),
                    list(&report.bridges)
                );
                for line in &report.left_out {
                    text.push_str(&format!("Left out: {line}\n"));
                }
                text
            })?;
            Ok(if report.left_out.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(exit::PERSON)
            })
        }
        ImportCommand::Clients { file } => {
            let report = engine.import_clients(actor, &name(&file), open(&file)?).await?;
            show(&report, "clients", output)
        }
        ImportCommand::Assets { file } => {
            let report = engine.import_assets(actor, &name(&file), open(&file)?).await?;
            show(&report, "assets", output)
        }
        ImportCommand::Contacts { file } => {
            let report = engine.import_contacts(actor, &name(&file), open(&file)?).await?;
            show(&report, "contacts", output)
        }
    }
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("reading {}", file.display()))
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn show(report: &ImportReport, what: &str, output: Output) -> anyhow::Result<ExitCode> {
    let bad: Vec<_> = report
        .bad_lines
        .iter()
        .map(|(line, why)| serde_json::json!({ "line": line, "problem": why }))
        .collect();
    let document = serde_json::json!({ "added": report.added, "present": report.present, "bad_lines": bad });
    output.show(&document, || {
        let mut text = format!(
            "{} {what} added, {} were there already.\n",
            report.added, report.present
        );
        for (line, why) in &report.bad_lines {
            text.push_str(&format!("line {line} left out: {}\n", plan::render::visible(why)));
        }
        text
    })?;
    Ok(if report.bad_lines.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::RECORDS_FAILED)
    })
}

#[cfg(test)]
mod tests {
    use engine::portable::PortableDecision;
    use model::Verdict;
    use std::collections::BTreeMap;

    #[test]
    fn ids_and_names_that_look_like_numbers_stay_texts() {
        let decisions: BTreeMap<String, PortableDecision> =
            ["17", "1e5", "0x1F", "no", "~", "a: b", "Müller # 1"]
                .into_iter()
                .map(|text| {
                    let client = text.into();
                    let decision = PortableDecision {
                        organization: Some(text.to_owned()),
                        verdict: Verdict::Matched { client },
                    };
                    (text.to_owned(), decision)
                })
                .collect();
        let yaml = serde_saphyr::to_string(&decisions).unwrap();
        let read: BTreeMap<String, PortableDecision> = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read, decisions, "{yaml}");
    }
}
