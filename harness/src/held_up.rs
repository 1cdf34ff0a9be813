//! A worker that is held up for longer than its lease, and a worker of another machine that died.

use crate::chance::Chance;
use crate::setting::Setting;
use crate::strike::{Manner, Strike};
use crate::verdict;
use crate::working::{RESUMES_ON_ANOTHER, Stage, Tally, expect, stop_all};
use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use std::cell::RefCell;
use std::time::Duration;
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
    let mut setting =
        Setting::joined(directory.path(), Some(database.url()), 1, devices, &mut chance).await?;
    // Nobody of this machine knows that the other died, and leases last as long as in the product.
    setting.program = setting.program.telling("RMMBRIDGE_STRANGER", "1");
    let stage = setting.stage();
    stage.leave_a_job_behind(tally).await?;
    let left = stage.running_jobs().await?;
    // It may have been at the keep-alive of a token besides.
    let left = left.iter().find(|job| job.kind == "sync");
    let left = left.context("the worker that was killed had no sync")?;
    let since = stage.hub.store.clock().now();
    let workers = vec![stage.program.start(&["worker"], None)?];
    let took = stage.resumed(left, since, RESUMES_ON_ANOTHER).await?;
    let took = took.context("a job of another machine was given up")?;
    ensure!(
        took > Duration::from_secs(15),
        "a job of another machine was taken up after {took:?}, before its lease could run out"
    );
    tally.borrow_mut().from_another_machine = Some(took);
    stage.until_all_is_done(Duration::from_secs(60)).await?;
    stop_all(workers).await?;
    stage.world.calm_down().await?;
    stage.sync_to_the_end(&stage.hub.bridges[0].name).await?;
    let assets = verdict::check(stage.hub, stage.world, stage.program).await?;
    tally.borrow_mut().assets += assets as u64;
    setting.close().await;
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
