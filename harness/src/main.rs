//! The kill harness. `cargo run --release -p harness -- --help`

use anyhow::{Context as _, ensure};
use clap::Parser;
use engine::crash::Point;
use harness::chance::Chance;
use harness::child::{End, Program};
use harness::scene::{Hub, World};
use harness::strike::Strike;
use harness::verdict;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use testkit::TemporaryDatabase;

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

    /// What the choices are made from; printed when it is left out
    #[arg(long)]
    seed: Option<u64>,

    /// Devices of a round
    #[arg(long, default_value_t = 60)]
    devices: usize,

    /// On PostgreSQL, where RMMBRIDGE_TEST_POSTGRES says, instead of SQLite
    #[arg(long)]
    postgres: bool,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    kills: u64,
    strikes: BTreeMap<&'static str, u64>,
    assets: u64,
    lost_answers: u64,
    late: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seed = arguments
        .seed
        .unwrap_or_else(|| u64::from(std::process::id()) << 16);
    let mut tally = Tally::default();
    println!("seed {seed}");
    let ended = go_on(&arguments, seed, &mut tally).await;
    println!(
        "{} rounds, {} kills, {} assets, {} writes without an answer, {} writes that arrived late",
        tally.rounds, tally.kills, tally.assets, tally.lost_answers, tally.late
    );
    println!("struck at: {:?}", tally.strikes);
    match ended {
        Ok(()) => {
            println!("no record was doubled or lost");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed {seed}, round {}: {error:#}", tally.rounds);
            ExitCode::FAILURE
        }
    }
}

async fn go_on(arguments: &Arguments, seed: u64, tally: &mut Tally) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let goes_on = |tally: &Tally| match arguments.kills {
        Some(kills) => tally.kills < kills,
        None => Instant::now() < end,
    };
    while goes_on(tally) {
        round(arguments, Chance::new(seed ^ tally.rounds.rotate_left(40)), tally).await?;
        tally.rounds += 1;
    }
    ensure!(
        tally.kills >= arguments.at_least,
        "only {} kills: at least {} were asked for",
        tally.kills,
        arguments.at_least
    );
    Ok(())
}

/// One hub from its first record on: creations with kills, then a day passes, and changes with kills.
async fn round(arguments: &Arguments, mut chance: Chance, tally: &mut Tally) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let database = match arguments.postgres {
        true => Some(TemporaryDatabase::create(directory.path()).await),
        false => None,
    };
    let address = database.as_ref().map(TemporaryDatabase::url);
    let program = Program::beside(directory.path(), address.clone())?;
    let world = World::start(arguments.devices, chance.next()).await?;
    let hub = Hub::open(directory.path(), address.as_deref()).await?;
    let bridge = hub.set_up(&world).await?;
    for share in [0.0, 0.4, 0.4] {
        if share > 0.0 {
            world.ninja.let_a_day_pass(share);
        }
        world.make_trouble(&mut chance)?;
        trouble(&program, &mut chance, tally).await?;
        world.calm_down().await?;
        finish(&program).await?;
        let assets = verdict::check(&hub, &bridge, &world, &program).await?;
        tally.assets += assets as u64;
    }
    let effects = world.directory.effects();
    tally.late += effects.late;
    let cut = effects
        .answered
        .values()
        .filter_map(|by_status| by_status.get(&0));
    tally.lost_answers += cut.sum::<u64>();
    hub.store.close().await;
    Ok(())
}

/// Syncs that are killed, held up or made to fail.
async fn trouble(program: &Program, chance: &mut Chance, tally: &mut Tally) -> anyhow::Result<()> {
    for _ in 0..6 {
        let strike = match chance.percent(50) {
            true => chance
                .one_of(&Point::ALL)
                .map(|point| Strike::by_chance(*point, chance)),
            false => None,
        };
        let kill_after = match strike {
            Some(_) => None,
            None => Some(Duration::from_millis(20 + chance.below(480))),
        };
        if let Some(strike) = &strike {
            *tally.strikes.entry(strike.at).or_default() += 1;
        }
        let ended = program
            .run(&["--quiet", "sync", "--confirm"], strike.as_ref(), kill_after)
            .await?;
        match ended {
            End::Killed => tally.kills += 1,
            End::Exited(code, words) => ensure!(
                [0, 1, 3, 4].contains(&code),
                "sync ended with {code} and said: {words}"
            ),
        }
    }
    Ok(())
}

/// Syncs until nothing is left in doubt.
async fn finish(program: &Program) -> anyhow::Result<()> {
    let mut last = String::new();
    for _ in 0..10 {
        let ended = program
            .run(&["--quiet", "sync", "--confirm"], None, None)
            .await
            .context("the last sync")?;
        match ended {
            // Organizations that are nobody's yet are a question, not a failure.
            End::Exited(0 | 3, _) => return Ok(()),
            End::Exited(code, words) => last = format!("ended with {code} and said: {words}"),
            End::Killed => last = "was killed, by nobody".to_owned(),
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    anyhow::bail!("although nothing goes wrong any more, sync {last}")
}
