//! What is done to the program under test, once: a command or a worker, struck at a point or killed at random.

use crate::at_rest;
use crate::chance::Chance;
use crate::child::{End, Program, Running};
use crate::hub::{HarnessClock, Hub, SystemRandom};
use crate::rota::{Act, Rota, often};
use crate::scene::World;
use crate::strike::{Manner, Strike};
use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::crash::Point;
use store::{DatabaseUrl, Job, JobFilter, JobState, KeyRing, Store};

/// A job of a killed worker goes on within this time once a worker is started on SQLite.
pub const RESUMES_ON_RESTART: Duration = Duration::from_secs(5);
/// And within this time on another worker on PostgreSQL.
pub const RESUMES_ON_ANOTHER: Duration = Duration::from_secs(45);
/// How long a worker that is to be struck may take to pass its point.
const REACHES: Duration = Duration::from_millis(3500);

/// What the directory's connector was doing when the one field was not added that it lacks.
pub const ADDING: &str = "adding a field to the directory";

/// What was done so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Hubs begun anew.
    pub begun: u64,
    /// Those of them that came to their end.
    pub rounds: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Assets held against their devices.
    pub assets: u64,
    /// Writes without an answer.
    pub lost_answers: u64,
    /// Writes carried out after their sender gave up.
    pub late: u64,
    /// Runs taken back.
    pub undone: u64,
    /// Backups held against what they say of themselves.
    pub backups: u64,
    /// Key rotations that went to their end.
    pub rotations: u64,
    /// Workers held up for longer than their lease.
    pub zombies: u64,
    /// Restarts of the database server.
    pub restarts: u64,
    /// Times the database was locked.
    pub locked: u64,
    /// Times the disk was full.
    pub full: u64,
    /// Commands that said so.
    pub refused: u64,
    /// How long the job of a worker of another machine lay.
    pub from_another_machine: Option<Duration>,
    /// How long jobs of killed workers lay.
    pub resumed: Vec<Duration>,
    /// What was struck.
    pub rota: Rota,
}

impl Tally {
    /// Counts how a process ended.
    pub fn ended(&mut self, end: &End) {
        if matches!(end, End::Killed(_)) {
            self.kills += 1;
        }
        for pair in end.struck() {
            self.rota.struck(pair);
        }
    }
}

/// One round's hub, its world, and the program on it.
pub struct Stage<'a> {
    /// The hub's data.
    pub hub: &'a Hub,
    /// What is outside.
    pub world: &'a World,
    /// The program on the hub's data.
    pub program: &'a Program,
}

fn file(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the name of a temporary file")
}

impl Stage<'_> {
    fn is_postgres(&self) -> bool {
        self.program.database.is_some()
    }

    /// The name of a bridge.
    pub(crate) fn bridge(&self, chance: &mut Chance) -> anyhow::Result<String> {
        let bridge = chance.one_of(&self.hub.bridges).context("there is no bridge")?;
        Ok(bridge.name.clone())
    }

    /// Does `act` once: struck where the rota says, or killed at random. No record is doubled at any moment.
    ///
    /// # Errors
    /// What the program should not have done.
    pub async fn act(&self, act: Act, chance: &mut Chance, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        if matches!(act, Act::Sync | Act::Worker) && chance.percent(70) {
            // Without anything to write most points would not be passed.
            for ninja in &self.world.ninjas {
                ninja.let_a_day_pass(0.15);
            }
        }
        let strike = match chance.percent(70) {
            true => tally.borrow_mut().rota.next(act).map(|(point, manner)| {
                let often = often(point) && chance.percent(60);
                Strike::at(point, manner, often, chance)
            }),
            false => None,
        };
        if strike.is_some_and(|s| s.at.name().starts_with("refresh")) {
            for ninja in &self.world.ninjas {
                ninja.grants().expire_access_tokens();
            }
        }
        match act {
            Act::Sync => self.sync(strike, chance, tally).await?,
            Act::Worker => self.worker(strike, chance, tally).await?,
            Act::Backup => self.back_up(strike, chance, tally).await?,
            Act::Rotate => self.rotate(strike, chance, tally).await?,
            Act::Undo => bail!("an undo is a phase of its own"),
        }
        let doubled = self.world.directory.duplicates();
        ensure!(doubled.is_empty(), "a mark stands on two records: {doubled:?}");
        Ok(())
    }

    /// Runs a command, struck or killed at random within `longest` ms.
    pub(crate) async fn command(
        &self,
        arguments: &[&str],
        strike: Option<Strike>,
        longest: u64,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<End> {
        let kill_after = match strike {
            Some(_) => None,
            None => Some(Duration::from_millis(15 + chance.below(longest))),
        };
        let end = self.program.run(arguments, strike, kill_after).await?;
        tally.borrow_mut().ended(&end);
        Ok(end)
    }

    async fn sync(
        &self,
        strike: Option<Strike>,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        let bridge = self.bridge(chance)?;
        let arguments = ["--quiet", "sync", "--bridge", &bridge, "--confirm"];
        let end = self.command(&arguments, strike, 450, chance, tally).await?;
        // On PostgreSQL a worker may be at the same bridge.
        let busy = self.is_postgres();
        expect("sync", &end, |code| {
            matches!(code, 0 | 3 | 4) || code == 5 && busy
        })
    }

    /// Makes a backup over the last one: what stands under its name afterwards is whole, whatever happened.
    async fn back_up(
        &self,
        strike: Option<Strike>,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        let path = self.hub.data_dir.join("hub.backup");
        let arguments = ["--quiet", "backup", file(&path)?, "--replace"];
        let end = self.command(&arguments, strike, 150, chance, tally).await?;
        expect("backup", &end, |code| code == 0)?;
        if matches!(end, End::Exited(0, _)) {
            ensure!(path.exists(), "a backup was reported that is not there");
        }
        if path.exists() {
            let verified = self
                .program
                .run(&["--quiet", "backup", "verify", file(&path)?], None, None)
                .await?;
            ensure!(
                matches!(verified, End::Exited(0, _)),
                "a backup under its name does not verify: {verified:?}"
            );
            tally.borrow_mut().backups += 1;
        }
        Ok(())
    }

    /// The last backup needs a key that a rotation puts away.
    pub(crate) fn forget_backup(&self) {
        let _ = std::fs::remove_file(self.hub.data_dir.join("hub.backup"));
    }

    /// Rotates the master key: every secret opens afterwards with what is in the key file, whatever happened.
    async fn rotate(
        &self,
        strike: Option<Strike>,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        self.forget_backup();
        let end = self
            .command(&["--quiet", "keys", "rotate"], strike, 120, chance, tally)
            .await?;
        expect("keys rotate", &end, |code| code == 0)?;
        if matches!(end, End::Exited(0, _)) {
            tally.borrow_mut().rotations += 1;
            self.one_key()?;
        }
        self.secrets_open().await
    }

    /// How many keys the key file holds.
    pub fn keys(&self) -> anyhow::Result<usize> {
        let text = std::fs::read_to_string(self.hub.data_dir.join("master.key"))?;
        Ok(text.split_whitespace().count())
    }

    fn one_key(&self) -> anyhow::Result<()> {
        let keys = self.keys()?;
        ensure!(keys == 1, "{keys} keys are in the key file after a rotation");
        Ok(())
    }

    /// Every secret opens for somebody who starts now.
    pub async fn secrets_open(&self) -> anyhow::Result<()> {
        let keys = KeyRing::from_file(&self.hub.data_dir.join("master.key"), &SystemRandom)?;
        let url = match &self.program.database {
            Some(address) => DatabaseUrl::parse(address)?,
            None => DatabaseUrl::Sqlite(self.hub.data_dir.join("rmmbridge.db")),
        };
        let clock = Arc::new(HarnessClock::default());
        let store = Store::open(&url, keys, clock, Arc::new(SystemRandom)).await?;
        let mut opened = 0;
        for connection in store.connections().await? {
            // The registry has none.
            if connection.kind.as_str() == "registry" {
                continue;
            }
            let name = match connection.kind.as_str() {
                "directory" => "api_key",
                _ => "client_secret",
            };
            let secret = store.secret(connection.id.as_str(), name).await;
            let secret = secret.with_context(|| format!("the secret of {}", connection.name))?;
            ensure!(secret.is_some(), "the secret of {} is gone", connection.name);
            opened += 1;
        }
        ensure!(opened > 0, "there were no secrets to open");
        store.close().await;
        Ok(())
    }

    pub(crate) async fn running_jobs(&self) -> anyhow::Result<Vec<Job>> {
        let filter = JobFilter {
            state: Some(JobState::Running),
            bridge: None,
        };
        Ok(self.hub.queue.jobs(&filter, 100).await?)
    }

    /// A worker that finds jobs, is struck, and is killed if that did not end it. What the worker before it left running
    /// is timed.
    async fn worker(
        &self,
        strike: Option<Strike>,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        self.hub.give_work().await?;
        if strike.is_some_and(|s| s.at == Point::JobTakenUp) && self.running_jobs().await?.is_empty() {
            self.leave_a_job_behind(tally).await?;
        }
        if strike.is_some_and(|s| matches!(s.at, Point::TickStored | Point::TickCommitted)) {
            self.hub.let_schedules_tick().await?;
        }
        let lives = match strike {
            Some(_) => REACHES,
            None => Duration::from_millis(50 + chance.below(1400)),
        };
        let mut worker = self.program.start(&["worker"], strike)?;
        worker.struck_or_ended(lives).await;
        if strike.is_some_and(|s| s.how != Manner::Kill) {
            tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
        }
        worker.kill()?;
        let end = worker.end().await?;
        tally.borrow_mut().ended(&end);
        expect("worker", &end, |_| false)
    }

    /// A worker that is killed when it has just claimed a job.
    pub(crate) async fn leave_a_job_behind(&self, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        let strike = Strike {
            at: Point::JobClaimed,
            time: 1,
            how: Manner::Kill,
        };
        self.hub.give_work().await?;
        let mut worker = self.program.start(&["worker"], Some(strike))?;
        worker.struck_or_ended(REACHES).await;
        worker.kill()?;
        let end = worker.end().await?;
        tally.borrow_mut().ended(&end);
        Ok(())
    }

    /// Kills a worker at its job, lets others do everything that is in the queue, and says how long the job lay.
    ///
    /// # Errors
    /// When it lay for longer than it may, a job does not come to its end, or a worker does not stop when asked.
    pub async fn drain(&self, workers: usize, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.leave_a_job_behind(tally).await?;
        let left = self.running_jobs().await?;
        let since = self.hub.store.clock().now();
        let mut started = Vec::new();
        for _ in 0..workers {
            started.push(self.program.start(&["worker"], None)?);
        }
        let most = match self.is_postgres() {
            true => RESUMES_ON_ANOTHER,
            false => RESUMES_ON_RESTART,
        };
        for job in left {
            // The row tells when it was started, by a clock that nobody sets.
            let noticed = Instant::now();
            let Some(mut took) = self.resumed(&job, since, most).await? else {
                continue;
            };
            if self.program.jumps.is_some() {
                took = noticed.elapsed();
                ensure!(
                    took <= most,
                    "a killed worker's job was started again after {took:?}"
                );
            }
            tally.borrow_mut().resumed.push(took);
        }
        self.until_all_is_done(Duration::from_secs(60)).await?;
        at_rest::hold_little(&started).await?;
        stop_all(started).await
    }

    /// How long after `since` a job was started again; `None` where its last worker was the tenth in a row that ended
    /// before it did: such a job is not.
    pub(crate) async fn resumed(
        &self,
        job: &Job,
        since: jiff::Timestamp,
        most: Duration,
    ) -> anyhow::Result<Option<Duration>> {
        let waited = Instant::now();
        loop {
            let now = self.hub.queue.job(&job.id).await?;
            if now.state == JobState::Failed && now.lost + 1 >= jobs::LOST {
                return Ok(None);
            }
            // Put back into the queue it still tells when it was started before.
            let again = now
                .started
                .filter(|at| now.delivery > job.delivery && Some(*at) != job.started);
            if let Some(started) = again {
                let took = Duration::try_from(started.duration_since(since)).unwrap_or_default();
                ensure!(
                    took <= most || self.program.jumps.is_some(),
                    "a killed worker's job was started again after {took:?}"
                );
                return Ok(Some(took));
            }
            ensure!(
                waited.elapsed() < most + Duration::from_secs(5),
                "a killed worker's job was not started again within {most:?}: {now:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no job is under way or to be started.
    pub(crate) async fn until_all_is_done(&self, limit: Duration) -> anyhow::Result<()> {
        let waited = Instant::now();
        loop {
            self.hub.hurry().await?;
            let jobs = self.hub.queue.jobs(&JobFilter::default(), 200).await?;
            let open: Vec<&Job> = jobs
                .iter()
                .filter(|job| matches!(job.state, JobState::Queued | JobState::Running))
                .collect();
            if open.is_empty() {
                return Ok(());
            }
            ensure!(
                waited.elapsed() < limit,
                "jobs do not come to their end: {open:#?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether a job is under way or to be started.
    pub async fn has_work(&self) -> anyhow::Result<bool> {
        let jobs = self.hub.queue.jobs(&JobFilter::default(), 200).await?;
        let open = |job: &Job| matches!(job.state, JobState::Queued | JobState::Running);
        Ok(jobs.iter().any(open))
    }
}

/// Asks workers to stop, as a service manager does; they do.
pub(crate) async fn stop_all(workers: Vec<Running>) -> anyhow::Result<()> {
    for worker in &workers {
        worker.signal(Signal::TERM)?;
    }
    for worker in workers {
        let end = worker.end().await?;
        ensure!(
            matches!(end, End::Exited(0, _)),
            "a worker that was asked to stop: {end:?}"
        );
    }
    Ok(())
}

/// Refuses an end that is neither a kill, nor one of the codes that fit, nor the answer to a step that was made to fail.
pub(crate) fn expect(what: &str, end: &End, fits: impl Fn(i32) -> bool) -> anyhow::Result<()> {
    match end {
        End::Killed(_) => Ok(()),
        End::Exited(code, _) if fits(*code) => Ok(()),
        End::Exited(..) if end.failed_as_told() => Ok(()),
        // Nothing can be written into a field that is not there: the directory failed before a run began.
        End::Exited(1, words) if words.contains(ADDING) => Ok(()),
        End::Exited(code, words) => bail!("{what} ended with {code} and said: {words}"),
    }
}
