//! The upgrade of a hub of the first schema, on a disk that is full at each of its writes once.

use super::kept::{Kept, contents};
use super::{data_directory, fitted, rooms};
use crate::child::Program;
use crate::disk::SmallDisk;
use crate::old_hub;
use crate::working::Tally;
use anyhow::ensure;
use std::cell::RefCell;
use testkit::{Engine, TestDatabase};

/// Assets of the old hub: some pages of them for each migration that copies or changes a table.
const ROWS: i64 = 500;
/// What keeps its name and its rows in every schema.
const KEEP_THEIR_ROWS: [&str; 4] = ["bridge", "connection", "link", "run_item"];
/// Where the schema says which it is.
const SCHEMA: &str = "_sqlx_migrations";

/// It stands as it was, or as it shall be: the upgrade is one transaction. With room it is done by the next start.
pub(super) async fn from_the_first_schema(tally: &RefCell<Tally>) -> anyhow::Result<()> {
    let (old, mut connection) = TestDatabase::old(Engine::Sqlite, 1).await;
    for row in old_hub::first_rows(ROWS) {
        connection.run(&row).await;
    }
    connection.close().await;

    let disk = SmallDisk::mount()?;
    let data = data_directory(&disk)?;
    let database = old.directory().join("rmmbridge.db");
    std::fs::copy(database, data.join("rmmbridge.db"))?;
    let program = Program::beside(&data, None)?;
    let start = ["connection", "list"];
    let as_it_was = Kept::of(&data)?;
    let before = contents(&data).await?;
    program.succeeds(&start).await?;
    let after = contents(&data).await?;
    let trial = async |room: u64| -> anyhow::Result<bool> {
        as_it_was.put_back()?;
        disk.fill(room)?;
        let ended = program.run(&start, None, None).await?;
        let fits = fitted("an upgrade", &ended, tally)?;
        disk.free()?;
        let stands = contents(&data).await?;
        let schema = stands.get(SCHEMA);
        ensure!(
            stands == before || schema == after.get(SCHEMA),
            "it failed on its way and left {stands:?}"
        );
        for table in KEEP_THEIR_ROWS {
            ensure!(
                stands.get(table) == before.get(table),
                "of `{table}` {:?} rows are left, and there were {:?}",
                stands.get(table),
                before.get(table)
            );
        }
        program.succeeds(&start).await?;
        let stands = contents(&data).await?;
        ensure!(
            stands == after,
            "it is upgraded to {stands:?}, and not to {after:?}"
        );
        Ok(fits)
    };
    rooms::page_by_page("upgrade", tally, trial).await
}
