//! The performance tables. Each prints what was measured beside what it is held against, all in one run:
//!
//! ```text
//! cargo run --release -p benches -- all            # everything; takes some minutes
//! cargo run --release -p benches -- read           # a full read against the floor, at 0 and 200 ms a request
//! cargo run --release -p benches -- sync           # the second sync, mapping, planning, peak memory
//! cargo run --release -p benches -- names          # 50,000 names against 50,000
//! cargo run --release -p benches -- writes         # 10,000 creations at a destination that takes its time
//! cargo run --release -p benches -- queue          # what a job costs, and what a second worker is good for
//! cargo run --release -p benches -- pages          # the web pages with a large estate, and what `serve` takes
//! ```
//!
//! `--devices N` changes the size of the estate (100,000), `--rounds N` how often each figure is taken (3; medians are
//! printed). `queue` measures on PostgreSQL as well where `RMMBRIDGE_TEST_POSTGRES` names a server; `pages` is asked for
//! by `hey`. The simulator runs in a process of its own, so that its memory and its work are not counted as ours.
//! Figures are no tests: nothing here fails because a machine is slow.

mod floor;
mod hub;
mod machine;
mod mapping;
mod names;
mod pages;
mod program;
mod queue;
mod read;
mod simulator;
mod sync;
mod writes;

use anyhow::{Context as _, bail};
use std::process::ExitCode;
use std::time::Duration;

/// The program's own, since its processor time and memory are what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What to measure with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Devices of the estate.
    pub devices: usize,
    /// How often each figure is taken.
    pub rounds: usize,
}

fn main() -> anyhow::Result<ExitCode> {
    if let Some(code) = program::started() {
        return Ok(code);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let number = |name: &str, default: usize| -> anyhow::Result<usize> {
        match arguments.iter().position(|a| a == name) {
            None => Ok(default),
            Some(at) => Ok(arguments.get(at + 1).context("a number is missing")?.parse()?),
        }
    };
    let setup = Setup {
        devices: number("--devices", 100_000)?,
        rounds: number("--rounds", 3)?,
    };
    let table = arguments.first().map_or("", String::as_str);
    if let "simulate" | "child" = table {
        runtime.block_on(simulator::child(&arguments))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !matches!(
        table,
        "all" | "read" | "sync" | "names" | "writes" | "queue" | "pages"
    ) {
        bail!("say which table: all, read, sync, names, writes, queue or pages");
    }
    println!("{}", machine::describe());
    println!("{} devices, medians of {}\n", setup.devices, setup.rounds);
    if matches!(table, "all" | "names") {
        names::table(setup)?;
    }
    if matches!(table, "all" | "read") {
        runtime.block_on(read::table(setup))?;
    }
    if matches!(table, "all" | "sync") {
        runtime.block_on(sync::table(setup))?;
    }
    if matches!(table, "all" | "writes") {
        runtime.block_on(writes::table())?;
    }
    if matches!(table, "all" | "queue") {
        runtime.block_on(queue::table(setup))?;
    }
    if matches!(table, "all" | "pages") {
        runtime.block_on(pages::table(setup))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The middle one of some durations.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Prints a line of a table: what, measured, held against.
pub fn line(what: &str, measured: &str, against: &str) {
    println!("{what:<60} {measured:>16}   {against}");
}
