//! A run that is taken back, and what it wrote, which is written again.

use crate::chance::Chance;
use crate::child::End;
use crate::rota::{Act, often};
use crate::scene::quarantine;
use crate::strike::Strike;
use crate::verdict;
use crate::working::{Stage, Tally, expect};
use anyhow::{Context as _, ensure};
use model::{Run, RunKind, RunState};
use std::cell::RefCell;

impl Stage<'_> {
    /// Takes the last run that wrote back, killed and held up on the way; then lets all of it be written again.
    pub(crate) async fn take_back(
        &self,
        attempts: u64,
        chance: &mut Chance,
        tally: &RefCell<Tally>,
    ) -> anyhow::Result<()> {
        let run = self.last_that_wrote(chance).await?;
        let arguments = ["--quiet", "undo", run.id.as_str(), "--yes"];
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
        self.take_all_back(&run, tally).await?;
        // The rest goes with kills, too, and ends as if nothing had been taken back.
        self.world.make_trouble(chance)?;
        self.release().await?;
        for _ in 0..attempts.div_ceil(4) {
            self.act(Act::Sync, chance, tally).await?;
        }
        Ok(())
    }

    /// Undoes a run until nothing of it is left to take back: what stands then is what stood before it.
    pub(crate) async fn take_all_back(&self, run: &Run, tally: &RefCell<Tally>) -> anyhow::Result<()> {
        let arguments = ["--quiet", "undo", run.id.as_str(), "--yes"];
        let mut last = None;
        let mut undone = false;
        for _ in 0..10 {
            let end = self.program.run(&arguments, None, None).await?;
            if is_undone(&end) {
                undone = true;
                break;
            }
            last = Some(end);
            tokio::time::sleep(quarantine()).await;
        }
        ensure!(undone, "run {} is never undone: {last:?}", run.id);
        verdict::check_undone(self.hub, self.world, run).await?;
        tally.borrow_mut().undone += 1;
        Ok(())
    }

    /// Lets what was taken back be written again, and the schedules go on.
    pub(crate) async fn release(&self) -> anyhow::Result<()> {
        for bridge in &self.hub.bridges {
            for arguments in [
                ["undo", "--release", "all", "--bridge", &bridge.name],
                ["bridge", "resume", &bridge.name, "--quiet", "--json"],
            ] {
                self.program.succeeds(&arguments).await?;
            }
        }
        Ok(())
    }

    /// Of each bridge the last run that wrote anything; one of them.
    pub(crate) async fn last_that_wrote(&self, chance: &mut Chance) -> anyhow::Result<Run> {
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
