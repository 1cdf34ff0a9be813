//! `audit`: who did what, and whether the log is whole.

use crate::cli::exit;
use crate::output::{Output, table, time};
use crate::session::Session;
use clap::Subcommand;
use engine::auditing::{AuditCheck, AuditEnd};
use std::process::ExitCode;
use store::{AuditEntry, Verified};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show who did what, newest first
    List {
        /// How many entries
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: usize,

        /// Only entries before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<i64>,
    },
    /// Check that no entry was changed, added or taken away
    ///
    /// Each entry is bound to the one before it by a key that lies sealed in the vault, and the end of the log is kept
    /// in the data directory as well (audit.head). Copy that file elsewhere to be able to tell later that nothing was
    /// cut off. Exit code 1 when the log does not hold: then nothing is written until this finds it whole again.
    Verify,
}

pub async fn run(session: &Session, command: AuditCommand, output: Output) -> anyhow::Result<ExitCode> {
    let (engine, actor) = (&session.engine, &session.actor);
    match command {
        AuditCommand::List { last, before } => {
            let entries = engine.audit_log(actor, before, last).await?;
            output.show(&entries, || match entries.is_empty() {
                true => "Nothing is noted yet.".to_owned(),
                false => table(HEADING, entries.iter().map(row)),
            })?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Verify => {
            let check = engine.watch_audit_log(actor).await?;
            output.show(&check, || found(&check))?;
            Ok(match check.verified {
                Verified::Whole { .. } => ExitCode::SUCCESS,
                Verified::Broken { .. } => ExitCode::from(exit::FAILED),
            })
        }
    }
}

fn found(check: &AuditCheck) -> String {
    let holds = match &check.verified {
        Verified::Whole { entries } => format!("The audit log is whole: {entries} entries."),
        Verified::Broken { seq, what } => format!(
            "The audit log does not hold. Entry {seq}: {what}.\n\
             Nothing is written until this finds it whole again. Keep a copy of the database and of audit.head, \
             before anybody does more, and compare it with a backup. Where what was changed cannot be put back, restore a \
             backup from before that: \
             docs/backup.md."
        ),
    };
    let Some(caveat) = check.end.caveat() else {
        return holds;
    };
    // The command ends by keeping it.
    let now = match check.end {
        AuditEnd::NotKept => " From now on it is kept.",
        _ => "",
    };
    format!("{holds}\n{caveat}{now}")
}

const HEADING: &[&str] = &["number", "when", "who", "what", "to what", "detail"];

fn row(entry: &AuditEntry) -> Vec<String> {
    let detail = match &entry.detail {
        serde_json::Value::Null => String::new(),
        detail => detail.to_string(),
    };
    let mut shown: String = detail.chars().take(80).collect();
    if shown.len() < detail.len() {
        shown.push('…');
    }
    vec![
        entry.seq.to_string(),
        time(entry.at),
        entry.actor.clone(),
        entry.action.clone(),
        entry.subject.clone(),
        shown,
    ]
}
