//! The kill harness. `cargo run --release -p harness -- --help`

use anyhow::{Context as _, ensure};
use clap::Parser;
use futures::future::try_join_all;
use harness::chance::Chance;
use harness::full_disk::Sweep;
use harness::round::{self, Setup};
use harness::verdict::Unforgivable;
use harness::working::Tally;
use harness::{at_rest, full_disk, held_up, outages};
use std::cell::RefCell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs the program and ends it again and again, then looks whether a record was doubled or lost.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Until so many kills, however long that takes
    #[arg(long)]
    kills: Option<u64>,

    /// At least so many kills, or it counts as failed: a harness that hits nothing proves nothing
    #[arg(long, default_value_t = 1)]
    at_least: u64,

    /// It counts as failed when a crash point was not struck in every manner
    #[arg(long)]
    every_point: bool,

    /// So many rounds side by side: much of one is waiting
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    side_by_side: u8,

    /// What the choices are made from; printed when it is left out
    #[arg(long)]
    seed: Option<u64>,

    /// Devices of each account in a round
    #[arg(long, default_value_t = 40)]
    devices: usize,

    /// Kills, delays and failures before everything is looked at
    #[arg(long, default_value_t = 16)]
    attempts: u64,

    /// On PostgreSQL, where RMMBRIDGE_TEST_POSTGRES says, with two workers on two bridges, instead of SQLite
    #[arg(long)]
    postgres: bool,

    /// The built-in registry is the destination, instead of the reference directory, which can lose answers
    #[arg(long, conflicts_with_all = ["every_point", "restart_postgres", "locked", "disk_full"])]
    registry: bool,

    /// Instead of kills: a PostgreSQL server of the harness's own is restarted every few seconds while workers run, and is
    /// gone for 40 s at last
    #[arg(long, conflicts_with_all = ["postgres", "disk_full", "locked", "clock"])]
    restart_postgres: bool,

    /// Instead of kills: somebody locks the SQLite database while a worker runs, for 40 s and for shorter
    #[arg(long, conflicts_with_all = ["postgres", "disk_full", "clock"])]
    locked: bool,

    /// Instead of kills: the disk is full now and then; takes root or user namespaces
    #[arg(long, conflicts_with_all = ["postgres", "clock"])]
    disk_full: bool,

    /// The disk is full at the first page that is written, at the second, and so on to the last; however long that takes: of
    /// a sync ten minutes or more, of an undo four, of a restore three, of a backup and an upgrade less than one each
    #[arg(long, requires = "disk_full", value_name = "OF")]
    every_write: Option<Option<Sweep>>,

    /// The program's clock is put an hour on or back now and then
    #[arg(long)]
    clock: bool,

    /// Keep the data directory of a round in which something does not hold (SQLite alone has all in it)
    #[arg(long)]
    keep: bool,

    /// Say of each process what it was told, how it ended and what it said
    #[arg(long, short)]
    verbose: bool,
}

/// How often it says how far it is.
const TELLS_EVERY: Duration = Duration::from_secs(60);

/// How long what is left of the rounds may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// The exit code for what does not hold and neither doubles nor loses a record.
const DOES_NOT_HOLD: u8 = 3;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("starting: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    // What was found is said. Nobody waits for a task of a round long over that does not end.
    runtime.shutdown_timeout(ENDS_WITHIN);
    code
}

async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = match arguments.verbose {
        true => "harness=debug",
        false => "warn",
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seed = arguments
        .seed
        .unwrap_or_else(|| u64::from(std::process::id()) << 16);
    let tally = RefCell::new(Tally::default());
    println!("seed {seed}");
    let began = Instant::now();
    let ended = go_on(&arguments, seed, &tally).await;
    let tally = tally.into_inner();
    print!("{}", tally.rota.table());
    println!("{}", told(&tally, began.elapsed()));
    match ended {
        Ok(()) => {
            println!("no record was doubled or lost");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed {seed}: {error:#}");
            match error.is::<Unforgivable>() {
                true => ExitCode::FAILURE,
                false => {
                    eprintln!(
                        "That has to be mended. No record was doubled or lost, and the books are whole."
                    );
                    ExitCode::from(DOES_NOT_HOLD)
                }
            }
        }
    }
}

/// What was done, in words.
fn told(tally: &Tally, took: Duration) -> String {
    let mut more = String::new();
    for (count, what) in [
        (tally.zombies, "workers held up for longer than their lease"),
        (tally.restarts, "restarts of the server"),
        (tally.locked, "times the database was locked"),
        (tally.full, "times the disk was full"),
        (tally.refused, "commands that said so"),
    ] {
        if count > 0 {
            more.push_str(&format!("; {count} {what}"));
        }
    }
    if let Some(took) = tally.from_another_machine {
        more.push_str(&format!(
            "; a job of another machine went on after {} s",
            took.as_secs()
        ));
    }
    let longest = tally.resumed.iter().max().copied().unwrap_or_default();
    format!(
        "{} kills in {} rounds and {} s; {} assets held against their devices; {} writes without an answer, {} that \
         arrived late; {} runs taken back, {} backups verified, {} keys rotated; {} jobs of killed workers went on, \
         after {:.1} s at most{more}",
        tally.kills,
        tally.rounds,
        took.as_secs(),
        tally.assets,
        tally.lost_answers,
        tally.late,
        tally.undone,
        tally.backups,
        tally.rotations,
        tally.resumed.len(),
        longest.as_secs_f64()
    )
}

async fn go_on(arguments: &Arguments, seed: u64, tally: &RefCell<Tally>) -> anyhow::Result<()> {
    let setup = Setup {
        devices: arguments.devices,
        postgres: arguments.postgres,
        registry: arguments.registry,
        attempts: arguments.attempts,
        clock_jumps: arguments.clock,
        keep: arguments.keep,
    };
    let other = Chance::new(seed);
    let (seconds, devices) = (arguments.seconds, arguments.devices);
    if arguments.restart_postgres {
        outages::restart_postgres(seconds, devices, other, tally).await?;
        return Ok(());
    }
    if arguments.locked {
        outages::locked(seconds, devices, other, tally).await?;
        ensure!(tally.borrow().refused > 0, "no command met the lock");
        return Ok(());
    }
    if arguments.disk_full {
        match arguments.every_write {
            Some(only) => full_disk::at_every_write(only, devices, &other, tally).await?,
            None => full_disk::now_and_then(seconds, devices, other, tally).await?,
        }
        ensure!(tally.borrow().refused > 0, "no command met the full disk");
        return Ok(());
    }
    // Either is mostly waiting.
    let aside = async {
        match (arguments.clock, arguments.postgres) {
            (true, _) => Ok(()),
            (false, true) => held_up::another_machine(devices, other, tally).await,
            (false, false) => at_rest::job_after_job(arguments.registry, devices, other, tally).await,
        }
    };
    let rounds = (0..arguments.side_by_side).map(|_| play_rounds(arguments, seed, &setup, tally));
    let told = tell_now_and_then(tally);
    tokio::select! {
        ended = async { tokio::join!(try_join_all(rounds), aside) } => {
            ended.0?;
            ended.1?;
        }
        () = told => {}
    }
    let tally = tally.borrow();
    ensure!(
        tally.kills >= arguments.at_least,
        "only {} kills: at least {} were asked for",
        tally.kills,
        arguments.at_least
    );
    let missing = tally.rota.missing();
    ensure!(
        !arguments.every_point || missing.is_empty(),
        "never struck: {}",
        missing.join(", ")
    );
    ensure!(!tally.resumed.is_empty(), "no job of a killed worker was timed");
    Ok(())
}

/// Says how far it is, for ever.
async fn tell_now_and_then(tally: &RefCell<Tally>) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(TELLS_EVERY).await;
        let tally = tally.borrow();
        let minutes = began.elapsed().as_secs() / 60;
        eprintln!("{minutes} min: {} kills, {} rounds", tally.kills, tally.rounds);
    }
}

/// Round after round.
async fn play_rounds(
    arguments: &Arguments,
    seed: u64,
    setup: &Setup,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let time = Duration::from_secs(arguments.seconds);
    let began = Instant::now();
    // A slow machine may take twice the time for what has to be reached.
    let reached = |tally: &Tally| {
        tally.kills >= arguments.at_least && (!arguments.every_point || tally.rota.missing().is_empty())
    };
    let goes_on = || match arguments.kills {
        Some(kills) => tally.borrow().kills < kills,
        None => began.elapsed() < time || began.elapsed() < time * 2 && !reached(&tally.borrow()),
    };
    while goes_on() {
        let round = tally.borrow().begun;
        tally.borrow_mut().begun += 1;
        round::play(setup, Chance::new(seed ^ round.rotate_left(40)), tally)
            .await
            .with_context(|| format!("round {round}"))?;
        tally.borrow_mut().rounds += 1;
    }
    Ok(())
}
