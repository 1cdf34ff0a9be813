//! What is given back once the work is done: leases, and what a process holds of its machine.

use crate::chance::Chance;
use crate::child::Running;
use crate::hub::Hub;
use crate::setting::Setting;
use crate::working::{Stage, Tally, stop_all};
use anyhow::{Context as _, ensure};
use engine::LEASE;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A lease that nobody renews is over after [`LEASE`]; this is for a machine that is busy.
const RUNS_OUT: Duration = LEASE.saturating_add(Duration::from_secs(5));
/// How long a worker at rest may take to give back what it does not need: idle threads end after ten seconds.
const GIVES_BACK: Duration = Duration::from_secs(20);

/// What a worker at rest holds at most, whatever it went through: about three times what one does that went through nothing.
/// Its runtime has a thread for each core besides.
const LITTLE: Held = Held {
    files: 80,
    threads: 40,
    memory_kb: 300_000,
};
/// Jobs after which a worker has opened whatever it keeps open.
const WARM: usize = 4;
/// Jobs after those: with one file or thread that each of them leaves behind, there are more than [`MORE`] of them.
const LATER: usize = 24;
/// By so much may what a worker holds be more after its later jobs than after its first.
const MORE: Held = Held {
    files: 12,
    threads: 12,
    memory_kb: 64_000,
};

/// Once every process has ended no lease is left, or it runs out: nobody renews one on behalf of somebody who is gone.
///
/// # Errors
/// Which leases are left.
pub(crate) async fn no_lease_is_left(hub: &Hub) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let left = hub.store.leases("").await?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(
            since.elapsed() < RUNS_OUT,
            "everybody has ended, and these leases do not: {left:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What a process holds of its machine, as Linux tells it.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Files and sockets that are open.
    files: usize,
    threads: usize,
    memory_kb: usize,
}

impl Held {
    /// `None` where the system does not tell.
    fn by(process: &Running) -> anyhow::Result<Option<Self>> {
        if !Path::new("/proc/self/fd").exists() {
            return Ok(None);
        }
        let told = PathBuf::from(format!("/proc/{}", process.id()));
        let status = std::fs::read_to_string(told.join("status"));
        let status = status.with_context(|| format!("what process {} holds", process.id()))?;
        Ok(Some(Self {
            files: std::fs::read_dir(told.join("fd"))?.count(),
            threads: number(&status, "Threads:")?,
            memory_kb: number(&status, "VmRSS:")?,
        }))
    }

    fn is_within(&self, most: &Self) -> bool {
        self.files <= most.files && self.threads <= most.threads && self.memory_kb <= most.memory_kb
    }

    fn and(&self, more: &Self) -> Self {
        Self {
            files: self.files + more.files,
            threads: self.threads + more.threads,
            memory_kb: self.memory_kb + more.memory_kb,
        }
    }
}

/// The number behind `name` in the text of `/proc/<process>/status`.
fn number(status: &str, name: &str) -> anyhow::Result<usize> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("the system does not say `{name}`"))
}

/// Waits until a worker at rest holds no more than `most`.
async fn comes_down_to(worker: &Running, most: &Held) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let Some(held) = Held::by(worker)? else {
            return Ok(());
        };
        if held.is_within(most) {
            return Ok(());
        }
        ensure!(
            since.elapsed() < GIVES_BACK,
            "a worker at rest holds {held:?}, and may hold {most:?}"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Workers that have nothing to do hold little, whatever they went through.
///
/// # Errors
/// What one of them holds.
pub(crate) async fn hold_little(workers: &[Running]) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = Held {
        threads: LITTLE.threads + cores,
        ..LITTLE
    };
    for worker in workers {
        comes_down_to(worker, &most).await?;
    }
    Ok(())
}

/// A worker that does job after job holds no more after the last than after the first few.
///
/// # Errors
/// When it holds more, or something else does not hold.
pub async fn job_after_job(
    registry: bool,
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut setting = Setting::new(directory.path(), None, 1, devices, &mut chance).await?;
    setting.hub.to_registry = registry;
    setting.join().await?;
    let stage = setting.stage();
    let worker = stage.program.start(&["worker"], None)?;
    stage.does_jobs(WARM).await?;
    let first = Held::by(&worker)?;
    stage.does_jobs(LATER).await?;
    if let Some(first) = first {
        comes_down_to(&worker, &first.and(&MORE)).await?;
    }
    stop_all(vec![worker]).await?;
    stage.look(tally).await?;
    setting.close().await;
    Ok(())
}

impl Stage<'_> {
    /// So many times something to write, for a worker that is there.
    async fn does_jobs(&self, times: usize) -> anyhow::Result<()> {
        for _ in 0..times {
            self.world.ninjas[0].let_a_day_pass(0.1);
            self.hub.give_work().await?;
            self.until_all_is_done(Duration::from_secs(60)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_of_a_process_is_read() {
        let status = "Name:\tunder-test\nVmHWM:\t   90000 kB\nVmRSS:\t   81234 kB\nThreads:\t17\n";
        assert_eq!(number(status, "VmRSS:").unwrap(), 81_234);
        assert_eq!(number(status, "Threads:").unwrap(), 17);
        assert!(number(status, "Children:").is_err());
    }

    #[test]
    fn more_of_one_thing_is_too_much() {
        let held = Held {
            files: 30,
            threads: 10,
            memory_kb: 50_000,
        };
        assert!(held.is_within(&held));
        let more = held.and(&MORE);
        assert!(held.is_within(&more) && !more.is_within(&held));
        let files = Held { files: 31, ..held };
        assert!(!files.is_within(&held));
    }
}
