//! A backup, and a restore, on a disk that is full at each of their writes once.

use super::kept::{Kept, contents};
use super::{Cramped, data_directory, fitted, rooms};
use crate::chance::Chance;
use crate::child::{End, Program};
use crate::disk::SmallDisk;
use crate::setting::Setting;
use crate::working::Tally;
use anyhow::ensure;
use std::cell::RefCell;

/// A backup that replaces the one before: under its name stands the old one or the new one, and nothing beside it.
pub(super) async fn backup(devices: usize, mut chance: Chance, tally: &RefCell<Tally>) -> anyhow::Result<()> {
    let mut hub = Cramped::synced(devices, &mut chance).await?;
    // Nobody has it open: even its first page needs room.
    hub.setting.close().await;
    let Cramped { setting, data, disk } = &hub;
    let program = &setting.program;
    let partial = data.join("hub.backup.partial");
    let file = data.join("hub.backup").display().to_string();
    let back_up = ["--quiet", "backup", &file, "--replace"];
    program.succeeds(&back_up).await?;
    let trial = async |room: u64| -> anyhow::Result<bool> {
        disk.fill(room)?;
        let ended = program.run(&back_up, None, None).await?;
        let fits = fitted("backup", &ended, tally)?;
        disk.free()?;
        ensure!(
            !partial.exists(),
            "a backup that did not fit left {}",
            partial.display()
        );
        program.succeeds(&["--quiet", "backup", "verify", &file]).await?;
        program.succeeds(&back_up).await?;
        tally.borrow_mut().backups += 2;
        Ok(fits)
    };
    rooms::page_by_page("backup", tally, trial).await?;
    hub.setting.reopen().await?;
    hub.ends_well(tally).await
}

/// A restore into an empty hub, which then holds everything, or nothing and takes the same backup once there is room.
pub(super) async fn restore(
    devices: usize,
    mut chance: Chance,
    tally: &RefCell<Tally>,
) -> anyhow::Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let setting = Setting::joined(elsewhere.path(), None, 1, devices, &mut chance).await?;
    let stage = setting.stage();
    stage.sync_to_the_end(&stage.hub.bridges[0].name).await?;
    setting.close().await;
    let file = elsewhere.path().join("hub.backup").display().to_string();
    setting.program.succeeds(&["--quiet", "backup", &file]).await?;

    let disk = SmallDisk::mount()?;
    let data = data_directory(&disk)?;
    let key = elsewhere.path().join("master.key");
    std::fs::copy(key, data.join("master.key"))?;
    let program = Program::beside(&data, None)?;
    program.succeeds(&["connection", "list"]).await?;
    let empty_hub = Kept::of(&data)?;
    let nothing = contents(&data).await?;
    let restore = ["--quiet", "restore", &file];
    program.succeeds(&restore).await?;
    let everything = contents(&data).await?;
    let trial = async |room: u64| -> anyhow::Result<bool> {
        empty_hub.put_back()?;
        disk.fill(room)?;
        let ended = program.run(&restore, None, None).await?;
        let fits = fitted("restore", &ended, tally)?;
        disk.free()?;
        if !fits {
            let stands = contents(&data).await?;
            ensure!(stands == nothing, "it failed and left a part behind: {stands:?}");
            program.succeeds(&restore).await?;
        }
        let stands = contents(&data).await?;
        ensure!(
            stands == everything,
            "{stands:?} was restored, and the backup holds {everything:?}"
        );
        let waits = program.run(&["instance", "show"], None, None).await?;
        ensure!(
            matches!(&waits, End::Exited(3, words) if words.contains("restored from a backup")),
            "a restored hub does not wait for its Owner: {waits:?}"
        );
        Ok(fits)
    };
    rooms::page_by_page("restore", tally, trial).await
}
