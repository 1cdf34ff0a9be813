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
use std::process::ExitCode;

// Many small texts are made and dropped while devices are read.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
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
    runtime.block_on(cli::run(arguments))
}
