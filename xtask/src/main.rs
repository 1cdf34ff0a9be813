//! The project's own commands, run as `cargo xtask <command>`.
//!
//! * `tidy` holds the rules of the layout: who may import whom, how long a file may be, that
//!   migrations are only added. The same rules run as tests of this crate, so that a plain
//!   test run holds them too.
//! * `regenerate` makes anew what is committed and made from the sources: `docs/openapi.json`; `screenshots` the
//!   pictures of the README.
//! * `acceptance` joins the acceptance list (`docs/acceptance.tsv`) with the *results* of a
//!   test run and says which requirement a passed test proves.
//!
//! To add a tidy rule: write a module under `tidy/` with a function that returns
//! [`tidy::Finding`]s and a test on made-up data that shows it can fail, then name it in
//! [`tidy::RULES`].

mod acceptance;
mod regenerate;
mod screenshots;
mod source;
mod tidy;
mod workspace;

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The project's own commands: rules of the layout, and what the tests prove.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Tidy(TidyArgs),
    Acceptance(AcceptanceArgs),
    /// Make anew what is committed and made from the sources: docs/openapi.json
    Regenerate,
    /// Take the pictures of the README anew, in a real browser
    Screenshots,
}

/// Check the rules of the layout.
///
/// Every broken rule is printed with its file and line and what to do about it.
/// Exit code 0: every rule holds; 1: at least one is broken.
#[derive(clap::Args)]
#[command(after_help = tidy::RULES_HELP)]
struct TidyArgs {
    /// Append the checksums of migrations that are not listed yet to
    /// crates/store/migrations/SHA256SUMS; run it once when a migration is finished.
    /// A listed migration that changed or is gone stays an error.
    #[arg(long)]
    accept_new_migrations: bool,
}

/// Show which acceptance requirements a passed test proves.
///
/// Reads docs/acceptance.tsv, the JUnit files of a test run
/// (`cargo nextest run --workspace --profile ci` writes one) and the sources of the tests.
#[derive(clap::Args)]
#[command(after_help = acceptance::NAMING_HELP)]
struct AcceptanceArgs {
    /// A JUnit file of a test run; may be given several times.
    /// Without it: target/nextest/ci/junit.xml.
    #[arg(long, value_name = "FILE")]
    junit: Vec<PathBuf>,

    /// Also write the whole table, one line per requirement, as Markdown
    /// (for example docs/acceptance-status.md).
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Ids that must be proven, separated by commas; ranges are allowed (H01-H04,H06).
    /// Exit code 1 if one of them is not.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    require: Vec<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = Workspace::here().and_then(|workspace| match cli.command {
        Command::Tidy(args) => tidy::run(&workspace, args.accept_new_migrations),
        Command::Regenerate => regenerate::run(&workspace),
        Command::Screenshots => screenshots::run(&workspace),
        Command::Acceptance(args) => {
            acceptance::run(&workspace, &args.junit, args.write.as_deref(), &args.require)
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line. A reader that went away (`cargo xtask tidy | head`) is no error.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
