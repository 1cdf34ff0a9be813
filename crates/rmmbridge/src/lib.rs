//! The program: command line, settings, the list of connectors.
//!
//! Everything a command does is a use case of `engine`; a command here parses, calls, and prints.

mod cli;
mod connectors;
mod master_key;
mod output;
mod platform;
mod progress;
mod session;

use clap::Parser;
use connect::Connectors;
use std::process::ExitCode;
use std::time::Duration;
use store::Store;

pub use connectors::all as connectors;

/// What a program is made of. The product has one; the kill harness makes another, with a destination of no vendor.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Its connectors.
    pub connectors: fn(Store) -> Connectors,
    /// How long after its intent was committed a write may still be sent.
    pub send_within: Duration,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            connectors: connectors::all,
            send_within: Duration::from_secs(30),
        }
    }
}

/// Runs the command the process was started with; its exit code.
pub fn run(build: Build) -> ExitCode {
    let arguments = cli::Arguments::parse();
    platform::start_logging(arguments.verbosity());
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(cli::run(arguments, build))
}
