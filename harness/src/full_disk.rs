//! A disk that is full: now and then, or at one write after the other.

use crate::chance::Chance;
use crate::child::{End, Program};
use crate::disk::SmallDisk;
use crate::hub::Hub;
use crate::scene::World;
use crate::verdict;
use crate::working::{Stage, Tally, stop_all};
use anyhow::{bail, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A sync has got past its last write when so many in a row, each with room for one page more, found room enough.
const UNTOUCHED: u32 = 8;
/// More pages than a sync of a few devices writes.
const MOST_ROOM: u64 = 1500;
/// How long a worker may take for its jobs on a disk that is full; those of a few devices take a quarter of it.
const WAITS: Duration = Duration::from_millis(2500);

/// Whether it is the full disk that is told of: SQLite calls the disk full, the system says that no space is left.
fn is_of_space(words: &str) -> bool {
    let words = words.to_lowercase();
    (words.contains("full") || words.contains("no space left")) && !words.contains("panicked")
}

/// Whether a command on a full disk came to its end all the same; otherwise it has to tell why it did not.
fn fitted(what: &str, ended: &End, tally: &RefCell<Tally>) -> anyhow::Result<bool> {
    match ended {
        End::Exited(0 | 3 | 4, _) => Ok(true),
        End::Exited(1, words) if words.contains("error: ") && is_of_space(words) => {
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
    let disk = SmallDisk::mount()?;
    let data = data_directory(&disk)?;
    let program = Program::beside(&data, None)?;
    let world = World::start(1, devices, chance.draw()).await?;
    let mut hub = Hub::open(&data, None).await?;
    hub.set_up(&world).await?;
    let stage = Stage {
        hub: &hub,
        world: &world,
        program: &program,
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        world.ninjas[0].let_a_day_pass(0.5);
        hub.give_work().await?;
        disk.fill(chance.below(60))?;
        tally.borrow_mut().full += 1;
        let backup = data.join("hub.backup").display().to_string();
        let commands: [&[&str]; 4] = [
            &["--quiet", "sync", "--confirm"],
            &["--quiet", "keys", "rotate"],
            &["--quiet", "backup", &backup, "--replace"],
            &["--quiet", "sync", "--confirm"],
        ];
        for arguments in commands {
            let ended = program.run(arguments, None, None).await?;
            fitted(arguments[1], &ended, tally)?;
        }
        let wait = Duration::from_millis(300 + chance.below(700));
        stage.worker_without_room(&disk, wait, tally).await?;
        let verified = program
            .run(&["--quiet", "backup", &backup, "--replace"], None, None)
            .await?;
        ensure!(
            matches!(verified, End::Exited(0, _)),
            "no backup although there is space again: {verified:?}"
        );
    }
    stage.look(tally).await?;
    hub.store.close().await;
    Ok(())
}

/// A sync by command, and one by a worker, on a disk with room for no page, for one, for two and so on, until both get
/// through: so the disk is full at each write once. What was begun comes to its end as soon as there is room.
///
/// # Errors
/// What does not hold.
pub async fn at_every_write(
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let disk = SmallDisk::mount()?;
    let data = data_directory(&disk)?;
    let program = Program::beside(&data, None)?;
    let world = World::start(1, devices, chance.draw()).await?;
    let mut hub = Hub::open(&data, None).await?;
    hub.set_up(&world).await?;
    let bridge = hub.bridges[0].name.clone();
    let mut room = 0;
    let mut untouched = 0;
    while untouched < UNTOUCHED {
        world.ninjas[0].let_a_day_pass(0.1);
        let bridges = hub.bridges.clone();
        // Nobody has it open: even its first page needs room.
        hub.store.close().await;
        disk.fill(room)?;
        tally.borrow_mut().full += 1;
        let ended = program.run(&["--quiet", "sync", "--confirm"], None, None).await?;
        let by_command = fitted("sync", &ended, tally)?;
        disk.free()?;
        hub = Hub::open(&data, None).await?;
        hub.bridges = bridges;
        let stage = Stage {
            hub: &hub,
            world: &world,
            program: &program,
        };
        verdict::nothing_unforgivable(&hub, &world).await?;
        stage.sync_to_the_end(&bridge).await?;

        world.ninjas[0].let_a_day_pass(0.1);
        hub.give_work().await?;
        empty_log(&data).await?;
        disk.fill(room)?;
        let by_worker = stage.worker_without_room(&disk, WAITS, tally).await?;
        verdict::nothing_unforgivable(&hub, &world).await?;
        untouched = if by_command && by_worker { untouched + 1 } else { 0 };
        room += 1;
        ensure!(
            room < MOST_ROOM,
            "a sync of a few devices does not fit into {room} pages"
        );
    }
    let stage = Stage {
        hub: &hub,
        world: &world,
        program: &program,
    };
    stage.look(tally).await?;
    hub.store.close().await;
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
