//! A database that nobody can write to for a while: somebody holds its lock, or its server is gone.

use crate::at_rest;
use crate::chance::Chance;
use crate::child::{End, Running};
use crate::cluster::Cluster;
use crate::setting::Setting;
use crate::working::{Stage, Tally, stop_all};
use anyhow::{bail, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

/// An outage that nobody waits out: longer than the half minute a writer waits for a lock, and than a lease.
const LONG: Duration = Duration::from_secs(40);

/// What a command says that met the lock, or whose worker could not say that it lives.
const LOCKED: [&str; 2] = ["locked by another process", "cannot write to the database"];

/// How long a worker may take until it is ready.
const STARTS: Duration = Duration::from_secs(10);

/// A worker and some commands, while somebody locks their SQLite database: first for longer than anybody waits, then for
/// shorter.
///
/// # Errors
/// What does not hold.
pub async fn locked(
    seconds: u64,
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let setting = Setting::joined(directory.path(), None, 1, devices, &mut chance).await?;
    let stage = setting.stage();
    stage.world.make_trouble(&mut chance)?;
    // One that begins during an outage ends with words, and whoever looks after it starts it again.
    let mut worker = stage.program.start(&["worker"], None)?;
    ensure!(
        worker.says("worker: ready", STARTS).await,
        "the worker does not get ready"
    );
    let mut workers = vec![worker];
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut held = LONG;
    while Instant::now() < end {
        stage.hub.give_work().await?;
        let command = stage.begin_sync(&mut chance)?;
        tokio::time::sleep(Duration::from_millis(chance.below(600))).await;
        let lock = Lock::take(directory.path()).await?;
        tokio::time::sleep(held).await;
        lock.leave().await?;
        held = Duration::from_millis(chance.below(8000));
        tally.borrow_mut().locked += 1;
        stage.goes_on(command, &mut workers, &LOCKED, tally).await?;
    }
    stage.ends_well(workers, tally).await?;
    setting.close().await;
    Ok(())
}

/// Two workers and some commands, while their database server is restarted every few seconds, and at last is gone for longer
/// than anybody waits.
///
/// # Errors
/// What does not hold.
pub async fn restart_postgres(
    seconds: u64,
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let address = cluster.new_database().await?;
    let directory = tempfile::tempdir()?;
    let setting = Setting::joined(directory.path(), Some(address), 2, devices, &mut chance).await?;
    let stage = setting.stage();
    stage.world.make_trouble(&mut chance)?;
    stage.hub.give_work().await?;
    let mut workers = vec![
        stage.program.start(&["worker"], None)?,
        stage.program.start(&["worker"], None)?,
    ];
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut last = false;
    while !last {
        last = Instant::now() >= end;
        tokio::time::sleep(Duration::from_millis(1000 + chance.below(3000))).await;
        let command = stage.begin_sync(&mut chance)?;
        tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
        let gone = match last {
            true => LONG,
            false => Duration::from_millis(chance.below(2000)),
        };
        cluster.restart(gone, &mut chance).await?;
        tally.borrow_mut().restarts += 1;
        stage.goes_on(command, &mut workers, &["error: "], tally).await?;
        // The first try meets connections that the restart cut.
        if stage.hub.give_work().await.is_err() {
            stage.hub.give_work().await?;
        }
    }
    stage.ends_well(workers, tally).await?;
    setting.close().await;
    Ok(())
}

impl Stage<'_> {
    fn begin_sync(&self, chance: &mut Chance) -> anyhow::Result<Running> {
        let bridge = self.bridge(chance)?;
        self.program
            .start(&["--quiet", "sync", "--bridge", &bridge, "--confirm"], None)
    }

    /// After an outage: the command ended well or told of it in `words`, the workers live, and a few devices change.
    async fn goes_on(
        &self,
        command: Running,
        workers: &mut Vec<Running>,
        words: &[&str],
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        match command.end().await? {
            End::Exited(0 | 3 | 4 | 5, _) => {}
            End::Exited(1, said)
                if words.iter().any(|words| said.contains(words)) && !said.contains("panicked") =>
            {
                tally.borrow_mut().refused += 1;
            }
            other => bail!("sync, during an outage of its database: {other:?}"),
        }
        for mut worker in std::mem::take(workers) {
            if !worker.lives()? {
                let ended = worker.end().await?;
                bail!("a worker, during an outage of its database: {ended:?}");
            }
            workers.push(worker);
        }
        for ninja in &self.world.ninjas {
            ninja.let_a_day_pass(0.3);
        }
        Ok(())
    }

    /// The trouble stops, and the workers, which lived through all of it, do what is left and stop.
    async fn ends_well(&self, workers: Vec<Running>, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.calm_down(tally).await?;
        self.until_all_is_done(Duration::from_secs(90)).await?;
        at_rest::hold_little(&workers).await?;
        stop_all(workers).await?;
        self.look(tally).await
    }
}

/// The write lock of a SQLite database.
struct Lock(SqliteConnection);

impl Lock {
    async fn take(data_dir: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join("rmmbridge.db"))
            .busy_timeout(LONG);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        Ok(Self(connection))
    }

    async fn leave(mut self) -> anyhow::Result<()> {
        sqlx::query("ROLLBACK").execute(&mut self.0).await?;
        Ok(self.0.close().await?)
    }
}
