//! `backup` and `restore`: the whole hub in one file.

use crate::output::{self, Output};
use crate::platform::SystemRandom;
use crate::session::Session;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{BackupOptions, BackupReport, KeyRing};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupArguments {
    /// The file to write
    #[arg(required = true)]
    file: Option<PathBuf>,

    /// Replace a backup of that name
    #[arg(long)]
    replace: bool,

    /// Write devices and names in the clear; secrets stay sealed
    #[arg(long)]
    unencrypted: bool,

    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Read a backup from its first byte to its last, and say what is in it
    Verify(FileArguments),
}

#[derive(Debug, Args)]
pub struct FileArguments {
    /// The backup
    file: PathBuf,

    /// The master key file it was made with, when that is not the one of this hub
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl BackupArguments {
    /// Whether a backup is only read, which takes no hub but a key.
    pub fn verifies(&self) -> bool {
        self.command.is_some()
    }
}

pub async fn run(session: &Session, arguments: BackupArguments, output: Output) -> anyhow::Result<ExitCode> {
    if let Some(BackupCommand::Verify(arguments)) = arguments.command {
        return verify(session, arguments, output).await;
    }
    let file = arguments.file.context("give the file to write")?;
    let options = BackupOptions {
        unencrypted: arguments.unencrypted,
        replace: arguments.replace,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let report = session
        .engine
        .back_up(&session.actor, &file, &options, session.work())
        .await?;
    show(&report, output, |what| {
        let key = match &report.key {
            Some(key) => format!(
                "It opens with the master key {key} alone: keep a copy of that key, and not beside the backup."
            ),
            None => "It is not encrypted: whoever has it can read devices and names.".to_owned(),
        };
        format!("Backed up to {} and read back: {what}.\n{key}\n", file.display())
    })
}

async fn verify(session: &Session, arguments: FileArguments, output: Output) -> anyhow::Result<ExitCode> {
    let keys = more_keys(arguments.key_file.as_deref())?;
    let report = session
        .engine
        .verify_backup(&session.actor, &arguments.file, keys.as_ref(), session.work())
        .await?;
    show(&report, output, |what| {
        let file = arguments.file.display();
        let (program, made) = (&report.program, output::time(report.created));
        format!("{file} is sound: {what}, made on {made} by rmmbridge {program}.\n")
    })
}

pub async fn restore(
    session: &Session,
    arguments: FileArguments,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let keys = more_keys(arguments.key_file.as_deref())?;
    let report = session
        .engine
        .restore(&session.actor, &arguments.file, keys.as_ref(), session.work())
        .await?;
    show(&report, output, |what| {
        let made = output::time(report.created);
        format!(
            "Restored: {what}, as of {made}.\n\
             This hub now waits: it reads and writes nothing outside until you say that it is the one that works.\n\
             Make sure that the one it was made of is switched off. Then run: rmmbridge instance confirm\n"
        )
    })
}

fn more_keys(file: Option<&Path>) -> anyhow::Result<Option<KeyRing>> {
    let Some(file) = file else { return Ok(None) };
    // A file that is not there would be made with a new key.
    std::fs::metadata(file).with_context(|| format!("master key file `{}`", file.display()))?;
    Ok(Some(KeyRing::from_file(file, &SystemRandom)?))
}

fn show(
    report: &BackupReport,
    output: Output,
    text: impl FnOnce(String) -> String,
) -> anyhow::Result<ExitCode> {
    let tables: serde_json::Map<_, _> = report
        .tables
        .iter()
        .map(|(name, rows)| (name.clone(), (*rows).into()))
        .collect();
    let document = serde_json::json!({
        "schema": report.schema, "created": report.created, "program": report.program,
        "master_key": report.key, "rows": report.rows(), "bytes": report.bytes, "tables": tables,
    });
    output.show(&document, || {
        text(format!(
            "{} rows of {} tables, {} KB",
            report.rows(),
            report.tables.len(),
            report.bytes.div_ceil(1000)
        ))
    })?;
    Ok(ExitCode::SUCCESS)
}
