//! Chaos of one sort each: a server that is restarted, a disk that is full, a worker that is held up for longer than its
//! lease, a worker of another machine that died.

use crate::chance::Chance;
use crate::child::{End, Program, Running};
use crate::cluster::Cluster;
use crate::disk::SmallDisk;
use crate::hub::Hub;
use crate::scene::World;
use crate::strike::{Manner, Strike};
use crate::verdict;
use crate::working::{RESUMES_ON_ANOTHER, Stage, Tally, expect, stop_all};
use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use store::crash::Point;
use testkit::TemporaryDatabase;

/// How long leases last where workers are held up for longer.
pub const SHORT_LEASE_MS: u64 = 2000;
/// Where a worker may be held up: outside a transaction, which would keep the others waiting.
const HELD_UP_AT: [Point; 6] = [
    Point::ClaimsRead,
    Point::Intended,
    Point::LookedUp,
    Point::BeforeSend,
    Point::Answered,
    Point::Recorded,
];

/// Two workers and some commands, while their database server is restarted every few seconds.
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
    let program = Program::beside(directory.path(), Some(address.clone()))?;
    let world = World::start(2, devices, chance.draw()).await?;
    let mut hub = Hub::open(directory.path(), Some(&address)).await?;
    hub.set_up(&world).await?;
    let stage = Stage {
        hub: &hub,
        world: &world,
        program: &program,
    };
    world.make_trouble(&mut chance)?;
    hub.give_work().await?;
    let mut workers = vec![
        program.start(&["worker"], None)?,
        program.start(&["worker"], None)?,
    ];
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(1000 + chance.below(3000))).await;
        let bridge = stage.bridge(&mut chance)?;
        let arguments = ["--quiet", "sync", "--bridge", &bridge, "--confirm"];
        let command = program.start(&arguments, None)?;
        tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
        cluster.restart(&mut chance).await?;
        tally.borrow_mut().restarts += 1;
        let ended = command.end().await?;
        let told = |words: &str| words.contains("error: ") && !words.contains("panicked");
        match &ended {
            End::Exited(0 | 3 | 4 | 5, _) => {}
            End::Exited(1, words) if told(words) => {}
            other => anyhow::bail!("sync, while its server was restarted: {other:?}"),
        }
        for worker in &mut workers {
            ensure!(worker.lives()?, "a worker ended when its server was restarted");
        }
        for ninja in &world.ninjas {
            ninja.let_a_day_pass(0.3);
        }
        // The first try meets connections that the restart cut.
        if hub.give_work().await.is_err() {
            hub.give_work().await?;
        }
    }
    stage.calm_down(tally).await?;
    stage.until_all_is_done(Duration::from_secs(90)).await?;
    stop_all(workers).await?;
    stage.finish(tally).await?;
    let assets = verdict::check(&hub, &world, &program).await?;
    tally.borrow_mut().assets += assets as u64;
    hub.store.close().await;
    Ok(())
}

/// Whether it is the full disk that is told of: SQLite calls the disk full, the system says that no space is left.
fn is_of_space(words: &str) -> bool {
    words.contains("full") || words.contains("no space left")
}

/// Commands and a worker on a disk that is full now and then.
///
/// # Errors
/// What does not hold.
pub async fn disk_full(
    seconds: u64,
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let disk = SmallDisk::mount()?;
    let data = disk.path().join("data");
    std::fs::create_dir(&data)?;
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
        disk.fill(&mut chance)?;
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
            let said_so = |words: &str| {
                let words = words.to_lowercase();
                words.contains("error: ") && is_of_space(&words) && !words.contains("panicked")
            };
            match &ended {
                End::Exited(0 | 3 | 4, _) => {}
                End::Exited(1, words) if said_so(words) => tally.borrow_mut().refused += 1,
                other => anyhow::bail!("{arguments:?} on a full disk: {other:?}"),
            }
        }
        // A worker waits for the space, and goes on when it is back.
        let mut worker = program.start(&["worker"], None)?;
        tokio::time::sleep(Duration::from_millis(300 + chance.below(700))).await;
        let waits = worker.lives()?;
        disk.free()?;
        let workers = match waits {
            true => vec![worker],
            false => {
                let ended = worker.end().await?;
                let words = ended.words().to_lowercase();
                ensure!(
                    matches!(ended, End::Exited(1, _)) && is_of_space(&words),
                    "a worker on a full disk: {ended:?}"
                );
                tally.borrow_mut().refused += 1;
                vec![program.start(&["worker"], None)?]
            }
        };
        stage.until_all_is_done(Duration::from_secs(60)).await?;
        stop_all(workers).await?;
        let verified = program
            .run(&["--quiet", "backup", &backup, "--replace"], None, None)
            .await?;
        ensure!(
            matches!(verified, End::Exited(0, _)),
            "no backup although there is space again: {verified:?}"
        );
    }
    stage.calm_down(tally).await?;
    stage.finish(tally).await?;
    let assets = verdict::check(&hub, &world, &program).await?;
    tally.borrow_mut().assets += assets as u64;
    hub.store.close().await;
    Ok(())
}

/// A worker on another machine dies at its job: the job goes on with another worker once the lease has run out.
///
/// # Errors
/// When that takes too long, or what it did is not right.
pub async fn another_machine(
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let database = TemporaryDatabase::create(directory.path()).await;
    // Nobody of this machine knows that the other died, and leases last as long as in the product.
    let program = Program::beside(directory.path(), Some(database.url()))?.telling("RMMBRIDGE_STRANGER", "1");
    let world = World::start(1, devices, chance.draw()).await?;
    let mut hub = Hub::open(directory.path(), Some(&database.url())).await?;
    hub.set_up(&world).await?;
    let stage = Stage {
        hub: &hub,
        world: &world,
        program: &program,
    };
    stage.leave_a_job_behind(tally).await?;
    let left = stage.running_jobs().await?;
    // It may have been at the keep-alive of a token besides.
    let left = left.iter().find(|job| job.kind == "sync");
    let left = left.context("the worker that was killed had no sync")?;
    let since = hub.store.clock().now();
    let workers = vec![program.start(&["worker"], None)?];
    let took = stage.resumed(left, since, RESUMES_ON_ANOTHER).await?;
    let took = took.context("a job of another machine was given up")?;
    ensure!(
        took > Duration::from_secs(15),
        "a job of another machine was taken up after {took:?}, before its lease could run out"
    );
    tally.borrow_mut().from_another_machine = Some(took);
    stage.until_all_is_done(Duration::from_secs(60)).await?;
    stop_all(workers).await?;
    world.calm_down().await?;
    stage.sync_to_the_end(&hub.bridges[0].name).await?;
    let assets = verdict::check(&hub, &world, &program).await?;
    tally.borrow_mut().assets += assets as u64;
    hub.store.close().await;
    Ok(())
}

impl Stage<'_> {
    /// Holds a worker up for longer than its lease while another takes over, and lets it go on beside that one.
    ///
    /// # Errors
    /// When a process cannot be started or stopped.
    pub(crate) async fn zombie(&self, chance: &mut Chance, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.hub.give_work().await?;
        let at = *chance.one_of(&HELD_UP_AT).unwrap_or(&Point::BeforeSend);
        let strike = Strike::at(at, Manner::Delay, chance.percent(60), chance);
        let mut zombie = self.program.start(&["worker"], Some(strike))?;
        zombie.struck_or_ended(Duration::from_millis(2500)).await;
        zombie.signal(Signal::STOP)?;
        self.hub.give_work().await?;
        let second = self.program.start(&["worker"], None)?;
        let held_up = SHORT_LEASE_MS + 500 + chance.below(1500);
        tokio::time::sleep(Duration::from_millis(held_up)).await;
        zombie.signal(Signal::CONT)?;
        tokio::time::sleep(Duration::from_millis(200 + chance.below(1000))).await;
        let mut struck = 0;
        for mut worker in [zombie, second] {
            let lives: bool = worker.lives()?;
            if lives {
                worker.kill()?;
            }
            let end = worker.end().await?;
            struck += end.struck().len();
            tally.borrow_mut().ended(&end);
            expect("a worker beside one that was held up", &end, |_| false)?;
        }
        tally.borrow_mut().zombies += u64::from(struck > 0);
        Ok(())
    }
}

impl Running {
    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// When that cannot be known.
    pub fn lives(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}
