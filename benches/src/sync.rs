//! The second sync, mapping, planning, and peak memory.

use crate::hub::Hub;
use crate::program::Worker;
use crate::simulator::{self, Simulator};
use crate::{Setup, line, machine, mapping, median};
use std::time::{Duration, Instant};

/// Prints the table.
pub async fn table(setup: Setup) -> anyhow::Result<()> {
    println!("Sync");
    let ninja = Simulator::start(setup.devices, Duration::ZERO).await?;
    let directory = tempfile::tempdir()?;
    let mut hub = Hub::open(directory.path(), &ninja.url, 8).await?;
    hub.read().await?;
    hub.create_undecided().await?;

    let (cpu, documents) = mapping::cpu(&hub).await?;
    line(
        "mapping every document, nothing stored, CPU",
        &seconds(cpu),
        &format!("at most 10 s, for {documents} documents"),
    );
    let before = machine::cpu_time();
    let start = Instant::now();
    let first = hub.plan().await?;
    let (wall, cpu) = (start.elapsed(), machine::cpu_time().saturating_sub(before));
    line(
        "first plan: mapping, storing projections and operations, CPU",
        &seconds(cpu),
        "",
    );
    line(
        "first plan, wall",
        &seconds(wall),
        &format!("{} operations", first.counts.writes()),
    );
    let start = Instant::now();
    let applied = {
        let runner = hub.engine.become_runner(&hub.actor).await?;
        let options = engine::applying::ApplyOptions {
            confirmed: true,
            ..Default::default()
        };
        hub.engine
            .apply(&hub.actor, &runner, &first.id, options, hub.work())
            .await?
    };
    line(
        "applying it, wall",
        &seconds(start.elapsed()),
        &format!("{} records", applied.counts.done),
    );

    let mut cpu_times = Vec::new();
    for _ in 0..setup.rounds {
        let before = machine::cpu_time();
        let plan = hub.plan().await?;
        cpu_times.push(machine::cpu_time().saturating_sub(before));
        anyhow::ensure!(
            plan.counts.writes() == 0,
            "a plan of an unchanged estate would write {}",
            plan.counts.writes()
        );
    }
    line(
        "planning from stored projections, CPU",
        &seconds(median(cpu_times)),
        "at most 2 s",
    );

    // A read that finds nothing to store, then one after a day on which one per cent changed and lastContact moved on
    // most devices.
    let (mut quiet, mut busy, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let start = Instant::now();
        hub.read().await?;
        quiet.push(start.elapsed());
        ninja.day(0.01).await?;
        let start = Instant::now();
        let snapshot = hub.read().await?;
        busy.push(start.elapsed());
        rows.push(snapshot.rows_written);
    }
    rows.sort_unstable();
    let (quiet, busy) = (median(quiet), median(busy));
    let share = busy.as_secs_f64() / quiet.as_secs_f64();
    let changed = setup.devices / 100;
    line("read that writes nothing, wall", &seconds(quiet), "");
    line(
        "read with 1 % changed, wall",
        &seconds(busy),
        &format!("{share:.2} x (at most 1.2)"),
    );
    let rows = rows.get(rows.len() / 2).copied().unwrap_or(0);
    line(
        "rows it writes",
        &rows.to_string(),
        &format!("{changed} devices changed, and a constant"),
    );
    // What the reads above left to plan is applied first, so that the sync has one day's changes.
    hub.sync().await?;
    ninja.day(0.01).await?;
    let start = Instant::now();
    let report = hub.sync().await?;
    let written = report.run.map_or(0, |run| run.counts.done);
    line(
        "a whole sync with 1 % changed, wall",
        &seconds(start.elapsed()),
        &format!("{written} records written"),
    );
    hub.store.close().await;
    drop(hub);
    let mut ready = Vec::new();
    Worker::start(directory.path(), None, 2).await?.kill().await?;
    for _ in 0..setup.rounds {
        let start = Instant::now();
        let worker = Worker::start(directory.path(), None, 2).await?;
        ready.push(start.elapsed());
        worker.kill().await?;
    }
    line(
        "a killed worker's restart until it is ready, wall",
        &seconds(median(ready)),
        "at most 2 s",
    );

    ninja.day(0.01).await?;
    let printed = simulator::alone("sync", &ninja.url, directory.path()).await?;
    let peak = printed.split_whitespace().next().unwrap_or("?").to_owned();
    line(
        "peak memory of a sync with 1 % changed",
        &format!("{peak} MiB"),
        "at most 300 MB",
    );
    let fresh = tempfile::tempdir()?;
    let mut hub = Hub::open(fresh.path(), &ninja.url, 8).await?;
    hub.read().await?;
    hub.create_undecided().await?;
    drop(hub);
    let printed = simulator::alone("sync", &ninja.url, fresh.path()).await?;
    let peak = printed.split_whitespace().next().unwrap_or("?").to_owned();
    line(
        "peak memory of a first sync (everything is created)",
        &format!("{peak} MiB"),
        "at most 300 MB",
    );
    println!();
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
