//! The program: command line, settings, the list of connectors.
//!
//! Everything a command does is a use case of `engine`; a command here parses, calls, and prints.

mod cli;
mod connectors;
mod figures;
mod master_key;
mod output;
mod platform;
mod progress;
mod session;

use clap::Parser;
use connect::Connectors;
use engine::{LEASE, Processes};
use model::Clock;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;

pub use connectors::all as connectors;
pub use platform::{MachineProcesses, SystemClock};

/// What a program is made of. The product has one; the kill harness makes another, with a destination of no vendor.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Its connectors.
    pub connectors: fn(Store) -> Connectors,
    /// Its clock.
    pub clock: fn() -> Arc<dyn Clock>,
    /// How long after its intent was committed a write may still be sent.
    pub send_within: Duration,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// What tells processes of this machine apart; without it a dead one is waited out, as one of another machine is.
    pub processes: fn() -> Option<Arc<dyn Processes>>,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            connectors: connectors::all,
            clock: || Arc::new(platform::SystemClock),
            send_within: Duration::from_secs(30),
            lease: LEASE,
            processes: || Some(Arc::new(platform::MachineProcesses)),
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
