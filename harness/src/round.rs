//! One hub from its first record on: creations with kills, a day that passes, changes with kills, and a run taken back
//! with kills.

use crate::chance::Chance;
use crate::child::End;
use crate::held_up::SHORT_LEASE_MS;
use crate::rota::Act;
use crate::setting::Setting;
use crate::verdict;
use crate::working::{Stage, Tally};
use anyhow::{bail, ensure};
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
    let jumps = setup.clock_jumps.then(|| Arc::new(AtomicU64::new(chance.draw())));
    let estates = if setup.postgres { 2 } else { 1 };
    let mut setting = Setting::new(directory.path(), address, estates, setup.devices, chance).await?;
    setting.program.jumps = jumps;
    if setup.postgres {
        let lease = SHORT_LEASE_MS.to_string();
        setting.program = setting.program.telling("RMMBRIDGE_LEASE_MS", lease);
    }
    setting.hub.to_registry = setup.registry;
    setting.hub.batch = if chance.percent(50) { 1 } else { 5 };
    setting.join().await?;
    if let Err(found) = setting.stage().scenes(setup, chance, tally).await {
        // Whatever it is: what must never be is looked at besides.
        let worse = verdict::nothing_unforgivable(&setting.hub, &setting.world).await;
        let found = worse.err().unwrap_or(found);
        setting.close().await;
        return Err(match setup.keep {
            true => found.context(format!("its data is kept in {}", directory.keep().display())),
            false => found,
        });
    }
    let effects = setting.world.directory.effects();
    let cut = effects
        .answered
        .values()
        .filter_map(|by_status| by_status.get(&0));
    {
        let mut tally = tally.borrow_mut();
        tally.late += effects.late;
        tally.lost_answers += cut.sum::<u64>();
    }
    setting.close().await;
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
