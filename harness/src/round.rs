//! One hub from its first record on: creations with kills, a day that passes, changes with kills, and a run taken back
//! with kills.

use crate::chance::Chance;
use crate::child::{End, Program};
use crate::held_up::SHORT_LEASE_MS;
use crate::hub::Hub;
use crate::rota::{Act, often};
use crate::scene::World;
use crate::strike::Strike;
use crate::verdict;
use crate::working::{Stage, Tally, expect};
use anyhow::{Context as _, bail, ensure};
use model::{Run, RunKind, RunState};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tempfile::TempDir;
use testkit::TemporaryDatabase;

/// What a round is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Devices of each account.
    pub devices: usize,
    /// On PostgreSQL, with two workers on two bridges, instead of SQLite with one of each.
    pub postgres: bool,
    /// The registry is the destination instead of the reference directory.
    pub registry: bool,
    /// How often something is killed, held up or made to fail before it is looked at.
    pub attempts: u64,
    /// The program's clock is set now and then.
    pub clock_jumps: bool,
    /// The data directory of a round in which something does not hold is kept.
    pub keep: bool,
}

/// Plays one round.
///
/// # Errors
/// What does not hold.
pub async fn play(setup: &Setup, mut chance: Chance, tally: &RefCell<Tally>) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let database = match setup.postgres {
        true => Some(TemporaryDatabase::create(directory.path()).await),
        false => None,
    };
    let address = database.as_ref().map(TemporaryDatabase::url);
    let played = play_in(directory, address, setup, &mut chance, tally).await;
    // On another thread: the server drops it only when whoever is just connecting was let in, and that may be somebody of
    // another round on this one.
    tokio::task::spawn_blocking(|| drop(database)).await?;
    played
}

async fn play_in(
    directory: TempDir,
    address: Option<String>,
    setup: &Setup,
    chance: &mut Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let mut program = Program::beside(directory.path(), address.clone())?;
    if setup.postgres {
        program = program.telling("RMMBRIDGE_LEASE_MS", SHORT_LEASE_MS.to_string());
    }
    program.jumps = setup.clock_jumps.then(|| Arc::new(AtomicU64::new(chance.draw())));
    let estates = if setup.postgres { 2 } else { 1 };
    let world = World::start(estates, setup.devices, chance.draw()).await?;
    let mut hub = Hub::open(directory.path(), address.as_deref()).await?;
    hub.to_registry = setup.registry;
    hub.batch = if chance.percent(50) { 1 } else { 5 };
    hub.set_up(&world).await?;
    let stage = Stage {
        hub: &hub,
        world: &world,
        program: &program,
    };
    if let Err(found) = stage.scenes(setup, chance, tally).await {
        // Whatever it is: what must never be is looked at besides.
        let found = match verdict::nothing_unforgivable(&hub, &world).await {
            Ok(()) => found,
            Err(worse) => worse.context(verdict::Unforgivable),
        };
        hub.store.close().await;
        return Err(match setup.keep {
            true => found.context(format!("its data is kept in {}", directory.keep().display())),
            false => found,
        });
    }
    let effects = world.directory.effects();
    let cut = effects
        .answered
        .values()
        .filter_map(|by_status| by_status.get(&0));
    {
        let mut tally = tally.borrow_mut();
        tally.late += effects.late;
        tally.lost_answers += cut.sum::<u64>();
    }
    hub.store.close().await;
    Ok(())
}

impl Stage<'_> {
    /// Creations with trouble, a day that passes, changes with trouble, and a run taken back with trouble.
    async fn scenes(&self, setup: &Setup, chance: &mut Chance, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        for share in [0.0, 0.4] {
            if share > 0.0 {
                for ninja in &self.world.ninjas {
                    ninja.let_a_day_pass(share);
                }
            }
            self.world.make_trouble(chance)?;
            self.trouble(setup.attempts, chance, tally).await?;
            self.look(tally).await?;
        }
        self.world.make_trouble(chance)?;
        self.take_back(setup.attempts, chance, tally).await?;
        self.look(tally).await
    }

    /// Commands and workers that are killed, held up or made to fail.
    async fn trouble(
        &self,
        attempts: u64,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        if self.program.database.is_none() {
            for _ in 0..attempts {
                let act = pick(chance, tally, &[Act::Sync, Act::Worker, Act::Backup, Act::Rotate]);
                self.act(act, chance, tally).await?;
            }
            return Ok(());
        }
        self.zombie(chance, tally).await?;
        // Two workers side by side, and commands beside them.
        for _ in 0..attempts.div_ceil(2) {
            let mut chances = [0; 3].map(|_| Chance::new(chance.draw()));
            let [first, second, commands] = &mut chances;
            let beside = async {
                for _ in 0..2 {
                    let act = pick(commands, tally, &[Act::Sync, Act::Backup, Act::Rotate]);
                    self.act(act, commands, tally).await?;
                }
                Ok(())
            };
            tokio::try_join!(
                self.act(Act::Worker, first, tally),
                self.act(Act::Worker, second, tally),
                beside
            )?;
        }
        Ok(())
    }

    /// Stops the trouble, lets everything come to its end, and looks whether all holds.
    pub(crate) async fn look(&self, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.calm_down(tally).await?;
        self.finish(tally).await?;
        let assets = verdict::check(self.hub, self.world, self.program).await?;
        tally.borrow_mut().assets += assets as u64;
        Ok(())
    }

    pub(crate) async fn calm_down(&self, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        self.world.count_trouble(&mut tally.borrow_mut().rota);
        self.world.calm_down().await
    }

    /// Until no job is left, no key is half rotated, and nothing is in doubt.
    pub(crate) async fn finish(&self, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        if self.has_work().await? {
            let workers = if self.program.database.is_some() { 2 } else { 1 };
            self.drain(workers, tally).await?;
        }
        if self.keys()? > 1 {
            self.forget_backup();
            let end = self
                .program
                .run(&["--quiet", "keys", "rotate"], None, None)
                .await?;
            ensure!(
                matches!(end, End::Exited(0, _)) && self.keys()? == 1,
                "a rotation that was begun cannot be finished: {end:?}"
            );
            tally.borrow_mut().rotations += 1;
        }
        self.secrets_open().await?;
        for bridge in &self.hub.bridges {
            // Both bridges have organizations of the same names: what one of them created meanwhile is asked of the other.
            self.hub.decide_all(bridge).await?;
            self.sync_to_the_end(&bridge.name).await?;
        }
        Ok(())
    }

    pub(crate) async fn sync_to_the_end(&self, bridge: &str) -> anyhow::Result<()> {
        let mut last = String::new();
        for _ in 0..10 {
            let arguments = ["--quiet", "sync", "--bridge", bridge, "--confirm"];
            let ended = self.program.run(&arguments, None, None).await?;
            match ended {
                // Organizations that are nobody's yet are a question, not a failure. What an earlier attempt had written
                // is adopted as it is, and what was taken out of the archive too: another sync brings both up to date.
                End::Exited(0 | 3, words) if words.contains("Nothing to write") => return Ok(()),
                End::Exited(0 | 3, words) => {
                    last = format!("wrote again: {words}");
                    continue;
                }
                End::Exited(code, words) => last = format!("ended with {code} and said: {words}"),
                End::Killed(words) => last = format!("was killed, by nobody: {words}"),
            }
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        let errors = self
            .program
            .run(&["errors", "--bridge", bridge], None, None)
            .await?;
        bail!(
            "although nothing goes wrong any more, sync {last}\nWhat could not be written:\n{}",
            errors.words()
        )
    }

    /// Takes the last run that wrote back, killed and held up on the way; then lets all of it be written again.
    async fn take_back(
        &self,
        attempts: u64,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        let run = self.last_that_wrote(chance).await?;
        let id = run.id.as_str();
        let arguments = ["--quiet", "undo", id, "--yes"];
        for _ in 0..attempts {
            let strike = match chance.percent(75) {
                true => tally.borrow_mut().rota.next(Act::Undo).map(|(point, manner)| {
                    let often = often(point) && chance.percent(60);
                    Strike::at(point, manner, often, chance)
                }),
                false => None,
            };
            let end = self.command(&arguments, strike, 300, chance, tally).await?;
            if is_undone(&end) {
                break;
            }
            expect("undo", &end, |code| matches!(code, 0 | 4))?;
        }
        self.calm_down(tally).await?;
        let mut last = None;
        let mut undone = false;
        for _ in 0..10 {
            let end = self.program.run(&arguments, None, None).await?;
            if is_undone(&end) {
                undone = true;
                break;
            }
            last = Some(end);
            tokio::time::sleep(crate::scene::quarantine()).await;
        }
        ensure!(undone, "run {id} is never undone: {last:?}");
        verdict::check_undone(self.hub, self.world, &run).await?;
        tally.borrow_mut().undone += 1;
        // The rest goes with kills, too, and ends as if nothing had been taken back.
        self.world.make_trouble(chance)?;
        for bridge in &self.hub.bridges {
            for arguments in [
                ["undo", "--release", "all", "--bridge", &bridge.name],
                ["bridge", "resume", &bridge.name, "--quiet", "--json"],
            ] {
                let end = self.program.run(&arguments, None, None).await?;
                ensure!(matches!(end, End::Exited(0, _)), "{arguments:?}: {end:?}");
            }
        }
        for _ in 0..attempts.div_ceil(4) {
            self.act(Act::Sync, chance, tally).await?;
        }
        Ok(())
    }

    /// Of each bridge the last run that wrote anything; one of them.
    async fn last_that_wrote(&self, chance: &mut Chance) -> anyhow::Result<Run> {
        let bridge = chance.one_of(&self.hub.bridges).context("there is no bridge")?;
        let runs = self.hub.store.runs(usize::MAX).await?;
        let wrote = runs.into_iter().find(|run| {
            let of_bridge = matches!(&run.kind, RunKind::Apply { bridge: of, .. } if *of == bridge.id);
            of_bridge && run.counts.done > 0 && run.state != RunState::Running
        });
        wrote.context("no run wrote anything")
    }
}

/// Whether an undo says that there is nothing left to do.
fn is_undone(end: &End) -> bool {
    match end {
        End::Exited(1, words) => words.contains("was undone by run") && words.contains("already"),
        End::Exited(0, words) => words.contains("There is nothing to take back"),
        _ => false,
    }
}

/// What is done next: what passes the points that were struck least, or one by chance.
fn pick(chance: &mut Chance, tally: &RefCell<Tally>, of: &[Act]) -> Act {
    let least = of.iter().min_by_key(|act| tally.borrow().rota.least(**act));
    let weighed = match chance.below(10) {
        0 => Act::Backup,
        1 => Act::Rotate,
        2 | 3 if of.contains(&Act::Worker) => Act::Worker,
        _ => Act::Sync,
    };
    match least {
        Some(least) if chance.percent(50) => *least,
        _ => weighed,
    }
}
