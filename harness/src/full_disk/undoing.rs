//! The undo of a run, on a disk that is full at each of its writes once.

use super::{Cramped, empty_log, fitted, rooms};
use crate::chance::Chance;
use crate::verdict;
use crate::working::Tally;
use anyhow::ensure;
use std::cell::RefCell;

/// The same few changes each time: what was taken back is released and written again.
pub(super) async fn of_a_run(
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let hub = Cramped::synced(devices, &mut chance).await?;
    let stage = hub.setting.stage();
    let bridge = &stage.hub.bridges[0];
    // What is taken back each time is what one day changed.
    stage.world.ninjas[0].let_a_day_pass(0.1);
    stage.sync_to_the_end(&bridge.name).await?;
    let trial = async |room: u64| -> anyhow::Result<bool> {
        let run = stage.last_that_wrote(&mut chance).await?;
        empty_log(&hub.data).await?;
        hub.disk.fill(room)?;
        let undo = ["--quiet", "undo", run.id.as_str(), "--yes"];
        let ended = stage.program.run(&undo, None, None).await?;
        let fits = fitted("undo", &ended, tally)?;
        hub.disk.free()?;
        verdict::nothing_unforgivable(stage.hub, stage.world).await?;
        stage.take_all_back(&run, tally).await?;
        let taken_back = stage.hub.store.undone(&bridge.id).await?;
        ensure!(!taken_back.is_empty(), "run {} left nothing to take back", run.id);
        stage.release().await?;
        stage.sync_to_the_end(&bridge.name).await?;
        Ok(fits)
    };
    rooms::page_by_page("undo", tally, trial).await?;
    hub.ends_well(tally).await
}
