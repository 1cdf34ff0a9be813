//! A disk that is full: now and then, or at one write after the other.

mod copies;
mod kept;
mod rooms;
mod syncing;
mod undoing;
mod upgrading;

use crate::chance::Chance;
use crate::child::End;
use crate::disk::SmallDisk;
use crate::setting::Setting;
use crate::working::{Stage, Tally, stop_all};
use anyhow::{bail, ensure};
use clap::ValueEnum;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What meets a full disk at each of its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sweep {
    /// A sync by command, and one by a worker
    Sync,
    /// The undo of a run
    Undo,
    /// A backup over the one before
    Backup,
    /// A restore into an empty hub
    Restore,
    /// The upgrade of a hub of the first schema
    Upgrade,
}

/// Devices of a hub that meets a full disk at each of its writes: more of them are more writes, and no others.
const FEW: usize = 12;

/// A hub on a disk that is small.
struct Cramped {
    // Dropped in this order: nothing is left on the disk that has it open.
    setting: Setting,
    data: PathBuf,
    disk: SmallDisk,
}

impl Cramped {
    async fn new(devices: usize, chance: &mut Chance) -> anyhow::Result<Self> {
        let disk = SmallDisk::mount()?;
        let data = data_directory(&disk)?;
        let setting = Setting::joined(&data, None, 1, devices, chance).await?;
        Ok(Self { setting, data, disk })
    }

    /// The same once everything was written for the first time.
    async fn synced(devices: usize, chance: &mut Chance) -> anyhow::Result<Self> {
        let hub = Self::new(devices, chance).await?;
        let stage = hub.setting.stage();
        stage.sync_to_the_end(&stage.hub.bridges[0].name).await?;
        Ok(hub)
    }

    /// What is left comes to its end, and all holds.
    async fn ends_well(&self, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.setting.stage().look(tally).await?;
        self.setting.close().await;
        Ok(())
    }
}

/// Whether a command's last words name the space: SQLite says that the disk is full, the system that no space is left.
fn is_of_space(words: &str) -> bool {
    let Some((_, error)) = words.split_once("error: ") else {
        return false;
    };
    let error = error.to_lowercase();
    (error.contains("is full") || error.contains("no space left")) && !words.contains("panicked")
}

/// Whether a command on a full disk came to its end all the same; otherwise it has to tell why it did not.
fn fitted(what: &str, ended: &End, tally: &RefCell<Tally>) -> anyhow::Result<bool> {
    match ended {
        End::Exited(0 | 3 | 4, _) => Ok(true),
        End::Exited(1, words) if is_of_space(words) => {
            tally.borrow_mut().refused += 1;
            Ok(false)
        }
        other => bail!("{what} on a full disk: {other:?}"),
    }
}

/// Commands and a worker on a disk that is full now and then.
///
/// # Errors
/// What does not hold.
pub async fn now_and_then(
    seconds: u64,
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let hub = Cramped::new(devices, &mut chance).await?;
    let stage = hub.setting.stage();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        stage.world.ninjas[0].let_a_day_pass(0.5);
        stage.hub.give_work().await?;
        hub.disk.fill(chance.below(60))?;
        tally.borrow_mut().full += 1;
        let backup = hub.data.join("hub.backup").display().to_string();
        let commands: [&[&str]; 4] = [
            &["--quiet", "sync", "--confirm"],
            &["--quiet", "keys", "rotate"],
            &["--quiet", "backup", &backup, "--replace"],
            &["--quiet", "sync", "--confirm"],
        ];
        for arguments in commands {
            let ended = stage.program.run(arguments, None, None).await?;
            fitted(arguments[1], &ended, tally)?;
        }
        let wait = Duration::from_millis(300 + chance.below(700));
        stage.worker_without_room(&hub.disk, wait, tally).await?;
        stage
            .program
            .succeeds(&["--quiet", "backup", &backup, "--replace"])
            .await?;
    }
    hub.ends_well(tally).await
}

/// The one sweep, or all of them one after the other: each does its work on a disk with room for no page, for one, for two
/// and so on, until it gets through, so that the disk is full at each of its writes once. It ends with words about the
/// space then, loses and doubles nothing, and comes to its end as soon as there is room.
///
/// # Errors
/// What does not hold.
pub async fn at_every_write(
    only: Option<Sweep>,
    devices: usize,
    chance: &Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let devices = devices.min(FEW);
    for sweep in Sweep::value_variants() {
        if only.is_some_and(|only| only != *sweep) {
            continue;
        }
        let chance = chance.clone();
        match sweep {
            Sweep::Sync => syncing::by_command_and_worker(devices, chance, tally).await?,
            Sweep::Undo => undoing::of_a_run(devices, chance, tally).await?,
            Sweep::Backup => copies::backup(devices, chance, tally).await?,
            Sweep::Restore => copies::restore(devices, chance, tally).await?,
            Sweep::Upgrade => upgrading::from_the_first_schema(tally).await?,
        }
    }
    Ok(())
}

impl Stage<'_> {
    /// A worker waits for the space, or says why it ends, and its jobs are done once it is back; whether they were before.
    async fn worker_without_room(
        &self,
        disk: &SmallDisk,
        wait: Duration,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<bool> {
        let mut worker = self.program.start(&["worker"], None)?;
        let began = Instant::now();
        let mut done = false;
        while !done && began.elapsed() < wait && worker.lives()? {
            tokio::time::sleep(Duration::from_millis(50)).await;
            done = !self.has_work().await?;
        }
        disk.free()?;
        if !worker.lives()? {
            let ended = worker.end().await?;
            ensure!(!fitted("a worker", &ended, tally)?, "a worker ended: {ended:?}");
            worker = self.program.start(&["worker"], None)?;
        }
        self.until_all_is_done(Duration::from_secs(60)).await?;
        stop_all(vec![worker]).await?;
        Ok(done)
    }
}

fn data_directory(disk: &SmallDisk) -> anyhow::Result<PathBuf> {
    let data = disk.path().join("data");
    std::fs::create_dir(&data)?;
    Ok(data)
}

/// Takes what is in the log into the database, as the last to close it does, so that every write needs room again.
async fn empty_log(data: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(data.join("rmmbridge.db"));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut connection)
        .await?;
    ensure!(busy == 0, "somebody reads the log of {}", data.display());
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_about_the_space_is_one() {
        for words in [
            "warning: a lease\nerror: the disk that holds the database is full: nothing of this step was stored.",
            "error: backup `hub.backup`: No space left on device (os error 28). Nothing was left under this name",
            "error: opening the database: (code: 13) database or disk is full",
        ] {
            assert!(is_of_space(words), "{words}");
        }
        for words in [
            "the disk is full",
            "Wrote all of it successfully\nerror: the directory does not answer",
            "thread 'main' panicked\nerror: the disk is full",
        ] {
            assert!(!is_of_space(words), "{words}");
        }
    }
}
