//! The commands. Each has a file: its arguments, what it calls, what it prints.

mod api_keys;
mod apply;
mod assets;
mod audit;
mod backup;
mod bridge;
mod bridge_scope;
mod bridge_set;
mod check;
mod config;
mod conflicts;
mod connect;
mod connection;
mod contacts;
mod demo;
mod doctor;
mod drift;
mod duplicates;
mod errors;
mod exit;
mod handing;
mod instance;
mod jobs;
mod keys;
mod matching;
mod notify;
mod pause;
mod people;
mod plan;
mod record;
mod retention;
mod runs;
mod schedule;
mod serve;
mod simulate;
mod status;
mod sync;
mod undo;
mod why;
mod worker;

use crate::Build;
use crate::output::Output;
use crate::session::{Location, Session};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed; the message says what and what to do next
  2  the command line is not right
  3  a person has to decide: organizations that match and sync leave open, a plan the brakes stopped,
     a check that failed, writes that are switched off, an audit log that status or doctor finds
     broken, a bridge that status finds stale, failing or waiting, a configuration that needs its
     secrets, a restored or copied hub that waits
  4  done, but some records could not be written (see rmmbridge runs), or some lines of a CSV file were left out
  5  another rmmbridge is at work on this database, or on this bridge
  130  stopped by Ctrl-C; what was finished before stands

Environment:
  RMMBRIDGE_DATA_DIR    data directory            RMMBRIDGE_DATABASE   sqlite:<path> or postgres://...
  RMMBRIDGE_MASTER_KEY  64 hexadecimal digits     RMMBRIDGE_LOG        log filter, e.g. info or connect=debug
  RMMBRIDGE_PROXY       HTTP proxy                RMMBRIDGE_EXTRA_CA   PEM file with more authorities
  RMMBRIDGE_LOG_FORMAT  text or json";

/// Connects NinjaOne to the systems an MSP runs: see what would change, apply it, see where every value came from.
///
/// New here? `rmmbridge demo` shows everything against a simulated NinjaOne, without an account.
#[derive(Debug, Parser)]
#[command(version, about, after_long_help = AFTER_HELP, propagate_version = true, max_term_width = 110)]
pub struct Arguments {
    /// Where the database, the master key and the lock live [default: ~/.rmmbridge]
    #[arg(
        long,
        global = true,
        env = "RMMBRIDGE_DATA_DIR",
        value_name = "DIR",
        hide_env = true
    )]
    data_dir: Option<PathBuf>,

    /// The database, if not the one in the data directory: sqlite:PATH or postgres://user@host/name
    #[arg(
        long,
        global = true,
        env = "RMMBRIDGE_DATABASE",
        value_name = "URL",
        hide_env = true,
        hide_env_values = true
    )]
    database: Option<String>,

    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,

    /// No progress on standard error
    #[arg(long, short, global = true)]
    quiet: bool,

    /// More of what happens on standard error; twice for details
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole way against a simulated NinjaOne: connect, match, plan, apply, a day later, and back
    Demo(demo::DemoArguments),
    /// Serve the web pages, and run jobs and schedules in the same process, until stopped
    Serve(serve::ServeArguments),
    /// Who may sign in to the web pages; a link that signs somebody in
    #[command(subcommand)]
    People(people::PeopleCommand),
    /// Keys by which programs use the hub
    #[command(subcommand)]
    ApiKeys(api_keys::ApiKeysCommand),
    /// Make a connection to NinjaOne, or change one, and authorize it in the browser
    Connect(connect::ConnectArguments),
    /// List connections, or check one point by point with the vendor's own answers
    Check(check::CheckArguments),
    /// Switch a connection off or on, or make it read-only
    #[command(subcommand)]
    Connection(connection::ConnectionCommand),
    /// Join a source to a destination, show and list bridges, set their brakes
    #[command(subcommand)]
    Bridge(bridge::BridgeCommand),
    /// Which organization is which client: show, match, create, exclude
    Match(matching::MatchArguments),
    /// Make a plan and show what it would write; nothing is written
    Plan(plan::PlanArguments),
    /// Write what a plan says, or the first so many records of it
    Apply(apply::ApplyArguments),
    /// Read, plan and apply within the brakes
    Sync(sync::SyncArguments),
    /// Take back what a run wrote, as far as it still stands
    Undo(undo::UndoArguments),
    /// How everything stands: each bridge with the age of its data, what it waits for, and its next run
    Status,
    /// Who is told when a state changes: by e-mail, Microsoft Teams, Slack or a webhook
    #[command(subcommand)]
    Notify(notify::NotifyCommand),
    /// For how long rows of plans and runs are kept, and so how far back an undo reaches
    Retention(retention::RetentionArguments),
    /// Stop all writes at once, to every destination; reads and plans go on
    Pause(pause::PauseArguments),
    /// Let writes go on that were paused
    Resume,
    /// The history of reads and applied plans, and why records failed
    Runs(runs::RunsArguments),
    /// Records that could not be written, over all runs: why; try one again, or ignore it
    Errors(errors::ErrorsArguments),
    /// Why a device was imported, or was not, and what to do about it
    Why(why::WhyArguments),
    /// Fields that both sides changed: see them, and say whose values stand
    Conflicts(conflicts::ConflictsArguments),
    /// Records there are several of: see them, and say which one it is
    Duplicates(duplicates::DuplicatesArguments),
    /// Where the two sides differ, by the newest plan; accept what is fine as it is
    Drift(drift::DriftArguments),
    /// Run jobs and schedules until stopped; on PostgreSQL as many of them as you like, on machines of their own
    Worker(worker::WorkerArguments),
    /// What is in the queue, what failed and why; once more
    Jobs(jobs::JobsArguments),
    /// When a bridge is synced, or only planned, by itself
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Assets of the built-in registry, and where each of their values came from
    Assets(assets::AssetsArguments),
    /// Who did what, and whether that log is whole
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Contacts of the built-in registry's clients
    Contacts(contacts::ContactsArguments),
    /// Write the configuration, without secrets, as YAML
    Export(config::ExportArguments),
    /// Take over a configuration (YAML), or clients, assets and contacts you already have (CSV)
    #[command(subcommand)]
    Import(config::ImportCommand),
    /// Write everything into one encrypted file while the hub works, or check such a file
    Backup(backup::BackupArguments),
    /// Restore a backup into an empty database
    Restore(backup::FileArguments),
    /// Rotate the master key
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Which hub this is; confirm a restored or copied one
    #[command(subcommand)]
    Instance(instance::InstanceCommand),
    /// Run a stand-in for a vendor, to try things without an account
    #[command(subcommand)]
    Simulate(simulate::SimulateCommand),
    /// Check this installation: data directory, key, database, connections
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Arguments {
    /// How much is said about what happens: a worker has nothing else to say.
    pub fn verbosity(&self) -> u8 {
        match self.command {
            Command::Worker(_) | Command::Serve(_) => self.verbose.max(1),
            _ => self.verbose,
        }
    }
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Serve(_) => "serve",
            Self::People(_) => "people",
            Self::ApiKeys(_) => "api-keys",
            Self::Connect(_) => "connect",
            Self::Check(_) => "check",
            Self::Connection(_) => "connection",
            Self::Bridge(_) => "bridge",
            Self::Match(_) => "match",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Sync(_) => "sync",
            Self::Undo(_) => "undo",
            Self::Status => "status",
            Self::Notify(_) => "notify",
            Self::Retention(_) => "retention",
            Self::Pause(_) => "pause",
            Self::Resume => "resume",
            Self::Runs(_) => "runs",
            Self::Errors(_) => "errors",
            Self::Why(_) => "why",
            Self::Conflicts(_) => "conflicts",
            Self::Duplicates(_) => "duplicates",
            Self::Drift(_) => "drift",
            Self::Worker(_) => "worker",
            Self::Jobs(_) => "jobs",
            Self::Schedule(_) => "schedule",
            Self::Assets(_) => "assets",
            Self::Audit(_) => "audit",
            Self::Contacts(_) => "contacts",
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Backup(_) => "backup",
            Self::Restore(_) => "restore",
            Self::Keys(_) => "keys",
            Self::Instance(_) => "instance",
            Self::Simulate(_) => "simulate",
            Self::Doctor => "doctor",
            Self::Completions { .. } => "completions",
        }
    }
}

/// Runs a command; its exit code.
pub async fn run(arguments: Arguments, build: Build) -> ExitCode {
    let output = Output { json: arguments.json };
    let command = arguments.command.name();
    match dispatch(arguments, output, build).await {
        Ok(code) => code,
        Err(error) => exit::failure(&error, command, output),
    }
}

async fn dispatch(arguments: Arguments, output: Output, build: Build) -> anyhow::Result<ExitCode> {
    let Arguments {
        data_dir,
        database,
        quiet,
        command,
        ..
    } = arguments;
    let quiet = quiet || output.json;
    let name = command.name();
    match command {
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "rmmbridge",
                &mut std::io::stdout(),
            );
            return Ok(ExitCode::SUCCESS);
        }
        Command::Simulate(command) => return simulate::run(command, output).await,
        Command::Demo(arguments) => {
            let location = Location::new(data_dir, database, build);
            return demo::run(arguments, location, output, quiet).await;
        }
        Command::Doctor => return doctor::run(&Location::new(data_dir, database, build), output).await,
        _ => {}
    }
    let location = Location::new(data_dir, database, build);
    match &command {
        Command::Backup(arguments) if arguments.verifies() => {}
        Command::Backup(_) | Command::Keys(_) | Command::Instance(_) => location.require_hub()?,
        _ => {}
    }
    let session = Session::open(&location, name, quiet).await?;
    let result = match command {
        Command::Serve(arguments) => serve::run(&session, arguments, output).await,
        Command::People(command) => people::run(&session, command, output).await,
        Command::ApiKeys(command) => api_keys::run(&session, command, output).await,
        Command::Connect(arguments) => connect::run(&session, arguments, output).await,
        Command::Check(arguments) => check::run(&session, arguments, output).await,
        Command::Connection(command) => connection::run(&session, command, output).await,
        Command::Bridge(command) => bridge::run(&session, command, output).await,
        Command::Match(arguments) => matching::run(&session, arguments, output).await,
        Command::Plan(arguments) => plan::run(&session, arguments, output).await,
        Command::Apply(arguments) => apply::run(&session, arguments, output).await,
        Command::Sync(arguments) => sync::run(&session, arguments, output).await,
        Command::Undo(arguments) => undo::run(&session, arguments, output).await,
        Command::Status => status::run(&session, output).await,
        Command::Notify(command) => notify::run(&session, command, output).await,
        Command::Retention(arguments) => retention::run(&session, arguments, output).await,
        Command::Pause(arguments) => pause::pause(&session, arguments, output).await,
        Command::Resume => pause::resume(&session, output).await,
        Command::Runs(arguments) => runs::run(&session, arguments, output).await,
        Command::Errors(arguments) => errors::run(&session, arguments, output).await,
        Command::Why(arguments) => why::run(&session, arguments, output).await,
        Command::Conflicts(arguments) => conflicts::run(&session, arguments, output).await,
        Command::Duplicates(arguments) => duplicates::run(&session, arguments, output).await,
        Command::Drift(arguments) => drift::run(&session, arguments, output).await,
        Command::Worker(arguments) => worker::run(&session, arguments).await,
        Command::Jobs(arguments) => jobs::run(&session, arguments, output).await,
        Command::Schedule(command) => schedule::run(&session, command, output).await,
        Command::Assets(arguments) => assets::run(&session, arguments, output).await,
        Command::Audit(command) => audit::run(&session, command, output).await,
        Command::Contacts(arguments) => contacts::run(&session, arguments, output).await,
        Command::Export(arguments) => config::export(&session, arguments, output).await,
        Command::Import(command) => config::import(&session, command, output).await,
        Command::Backup(arguments) => backup::run(&session, arguments, output).await,
        Command::Restore(arguments) => backup::restore(&session, arguments, output).await,
        Command::Keys(command) => keys::run(&session, command, output).await,
        Command::Instance(command) => instance::run(&session, command, output).await,
        Command::Demo(_) | Command::Simulate(_) | Command::Doctor | Command::Completions { .. } => {
            Ok(ExitCode::SUCCESS)
        }
    };
    // What was noted is kept outside the database as well, whether the command went well or not.
    let kept = session.engine.keep_audit_mark().await;
    session.close().await;
    let code = result?;
    match kept {
        // Whoever is told something else already hears of that as well.
        Err(error) if code == ExitCode::SUCCESS => {
            Err(anyhow::Error::from(error).context("what the command did stands"))
        }
        _ => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
