//! A data directory as it stood once, to begin from again and again, and what the database in one holds.

use anyhow::{Context as _, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a data directory as they stood once, on another disk.
pub(super) struct Kept {
    copies: tempfile::TempDir,
    data: PathBuf,
}

impl Kept {
    /// Keeps what stands in `data`, which no process has open.
    pub(super) fn of(data: &Path) -> anyhow::Result<Self> {
        let copies = tempfile::tempdir()?;
        copy_files(data, copies.path())?;
        Ok(Self {
            copies,
            data: data.to_owned(),
        })
    }

    /// Everything in the data directory goes, and what was kept stands there again.
    pub(super) fn put_back(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.data)?;
        std::fs::create_dir(&self.data)?;
        copy_files(self.copies.path(), &self.data)
    }
}

/// With their rights: a key file that others may read is refused.
fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))
                .with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Tables, and how many rows each has.
pub(super) type Contents = BTreeMap<String, i64>;

/// What the database in `data` holds, which has to be sound; without the leases, which say who is at work.
pub(super) async fn contents(data: &Path) -> anyhow::Result<Contents> {
    let options = SqliteConnectOptions::new().filename(data.join("rmmbridge.db"));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut connection)
        .await?;
    ensure!(sound == "ok", "the database is not sound: {sound}");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'lease'",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut rows = Contents::new();
    for table in tables {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{table}\""));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await?;
        rows.insert(table, count);
    }
    connection.close().await?;
    Ok(rows)
}
