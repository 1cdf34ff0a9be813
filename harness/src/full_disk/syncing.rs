//! A sync by command and one by a worker, on a disk that is full at each of their writes once.

use super::{Cramped, empty_log, fitted, rooms};
use crate::chance::Chance;
use crate::verdict;
use crate::working::Tally;
use std::cell::RefCell;
use std::time::Duration;

/// How long a worker may take for its jobs on a disk that is full; those of a few devices take a quarter of it.
const WAITS: Duration = Duration::from_millis(2500);
/// After so many trials another hub takes its turn. Each day a device goes for ever, about which every later plan has a row:
/// a sync would need more pages as fast as it is given them, and outgrow the disk at last.
const TURN: u64 = 20;

/// A day's changes each time.
pub(super) async fn by_command_and_worker(
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let mut hub = Cramped::synced(devices, &mut chance).await?;
    let trial = async |room: u64| -> anyhow::Result<bool> {
        if room > 0 && room.is_multiple_of(TURN) {
            hub.ends_well(tally).await?;
            hub = Cramped::synced(devices, &mut chance).await?;
        }
        let Cramped { setting, data, disk } = &mut hub;
        setting.world.ninjas[0].let_a_day_pass(0.1);
        // Nobody has it open: even its first page needs room.
        setting.close().await;
        disk.fill(room)?;
        let sync = ["--quiet", "sync", "--confirm"];
        let ended = setting.program.run(&sync, None, None).await?;
        let by_command = fitted("sync", &ended, tally)?;
        disk.free()?;
        setting.reopen().await?;
        let stage = setting.stage();
        verdict::nothing_unforgivable(stage.hub, stage.world).await?;
        stage.sync_to_the_end(&stage.hub.bridges[0].name).await?;

        stage.world.ninjas[0].let_a_day_pass(0.1);
        stage.hub.give_work().await?;
        empty_log(data).await?;
        disk.fill(room)?;
        let by_worker = stage.worker_without_room(disk, WAITS, tally).await?;
        verdict::nothing_unforgivable(stage.hub, stage.world).await?;
        Ok(by_command && by_worker)
    };
    rooms::page_by_page("sync", tally, trial).await?;
    hub.ends_well(tally).await
}
