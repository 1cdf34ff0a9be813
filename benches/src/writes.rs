//! Creations at a destination that takes its time.

use crate::hub::Hub;
use crate::line;
use crate::simulator::Simulator;
use engine::applying::ApplyOptions;
use simulators::directory::{Behaviour, Directory, Effects, Options};
use std::time::{Duration, Instant};
use store::DatabaseUrl;

/// Devices, each of which becomes a record.
const DEVICES: usize = 10_000;
/// What the directory takes for an answer.
const LATENCY: Duration = Duration::from_millis(50);
/// Requests it takes at once.
const AT_ONCE: u32 = 16;

/// Prints the table.
pub async fn table() -> anyhow::Result<()> {
    println!(
        "Writes: {DEVICES} devices to the reference directory, {LATENCY:?} a request, {AT_ONCE} at once"
    );
    let ninja = Simulator::start(DEVICES, Duration::ZERO).await?;
    let directory = slow_directory().await?;
    let place = tempfile::tempdir()?;
    let database = DatabaseUrl::Sqlite(place.path().join("rmmbridge.db"));
    let at_once = AT_ONCE as usize;
    let mut hub = Hub::to_directory(&database, "assets", &ninja.url, &directory.base_url(), at_once).await?;
    hub.read().await?;
    hub.create_undecided().await?;
    let plan = hub.plan().await?;
    let before = requests(&directory.effects());
    let start = Instant::now();
    let runner = hub.engine.become_runner(&hub.actor).await?;
    let options = ApplyOptions {
        confirmed: true,
        ..ApplyOptions::default()
    };
    let run = hub
        .engine
        .apply(&hub.actor, &runner, &plan.id, options, hub.work())
        .await?;
    let wall = start.elapsed();
    let made = run.counts.done;
    let requests = requests(&directory.effects()) - before;
    line("records created", &made.to_string(), "");
    line(
        "requests",
        &requests.to_string(),
        &format!("{:.3} x records (at most 1.05)", requests as f64 / made as f64),
    );
    let least = LATENCY.as_secs_f64() * requests as f64 / f64::from(AT_ONCE);
    line(
        "wall",
        &format!("{:.2} s", wall.as_secs_f64()),
        &format!(
            "{:.2} x latency x requests / requests at once (at most 1.3)",
            wall.as_secs_f64() / least
        ),
    );
    println!();
    Ok(())
}

/// A directory whose every answer takes [`LATENCY`].
pub async fn slow_directory() -> anyhow::Result<Directory> {
    let behaviour = Behaviour {
        latency_ms: u64::try_from(LATENCY.as_millis())?,
        ..Behaviour::default()
    };
    let options = Options {
        behaviour,
        ..Options::default()
    };
    Ok(Directory::start(options).await?)
}

fn requests(effects: &Effects) -> u64 {
    effects.received.values().sum()
}
