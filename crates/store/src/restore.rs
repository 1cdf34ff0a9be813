//! Restoring a backup into an empty database, in one transaction: it stands as a whole or not at all.
//!
//! The file is read twice: first to its end, so that nothing is begun with one that is damaged; then into the tables as
//! they were in the backup's schema, which the later migrations bring up to date. Every table is read back from the
//! database and held against the manifest before anything is committed. The restored hub waits for an Owner
//! (`instance.rs`).

use crate::backup::{BackupReport, open_backup, problem, read_line, verify};
use crate::backup_rows::{Cell, Counted, Counter, Mark, Table, Value};
use crate::db::{Db, ROWS_PER_STATEMENT, Tx, values_statement};
use crate::error::{Error, Result};
use crate::json::micros;
use crate::open::{MIGRATOR, Store, migration_error};
use crate::rotation_keys::KeyRing;
use std::path::Path;
use tokio::sync::mpsc;

/// Tables a database has rows in before anybody used it.
const HAS_ROWS_WHEN_NEW: [&str; 7] = [
    "meta",
    "secret",
    "instance",
    "lease",
    "audit_entry",
    "audit_head",
    "turn_count",
];
/// Lines handed over together.
const BATCH: usize = 256 * 1024;

/// What the file's reader hands over.
enum Part {
    Table { name: String, columns: Vec<String> },
    Rows(Vec<Vec<Cell>>),
}

impl Store {
    /// Restores the backup at `path` into this database, which must be empty. `more_keys` are other master keys the
    /// backup may have been made with; its secrets are wrapped with this database's own key. `progress` is told how
    /// many rows are in.
    ///
    /// # Errors
    /// [`Error::NotEmpty`]; [`Error::Backup`] when the file is damaged, needs another key, or is of a newer version;
    /// when the database fails. Whatever the error, nothing was changed.
    pub async fn restore(
        &self,
        path: &Path,
        more_keys: Option<&KeyRing>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<BackupReport> {
        self.not_its_own(path)?;
        let keys = more_keys.map_or_else(|| self.keys.clone(), |more| self.keys.and(more));
        let (report, counted) = verify(path.to_owned(), keys.clone()).await?;
        let known = MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0);
        let backup = |problem: String| Error::Backup {
            path: path.to_owned(),
            problem,
        };
        if report.schema > known {
            return Err(backup(format!(
                "it was written by a newer rmmbridge, {} (schema {}, this program knows {known}). Restore it with that version",
                report.program, report.schema
            )));
        }
        if MIGRATOR.iter().all(|m| m.version != report.schema) {
            return Err(backup(format!(
                "it names a schema that never was ({})",
                report.schema
            )));
        }
        let mut tx = self.write().await?;
        self.must_be_empty(&mut tx).await?;
        let target = self.sealing_key(&mut tx).await?;
        self.remake(&mut tx, report.schema).await?;
        self.load(&mut tx, path, &keys, progress).await?;
        self.compare(&mut tx, path, &counted).await?;
        migrate(&mut tx, None).await?;
        self.adopt_secrets(&mut tx, &target, &keys).await?;
        self.wait_for_an_owner(&mut tx, &report).await?;
        tx.commit().await?;
        Ok(report)
    }

    /// Nobody else can write from here on, and nobody has before.
    async fn must_be_empty(&self, tx: &mut Tx) -> Result<()> {
        let tables = self.our_tables(tx).await?;
        if let Db::Postgres(_) = &self.db {
            let names: Vec<_> = tables.iter().map(|t| format!("\"{}\"", t.name)).collect();
            let sql = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
            execute!(tx, sqlx::AssertSqlSafe(sql))?;
        }
        for table in &tables {
            let sql = match table.name.as_str() {
                "secret" => "SELECT COUNT(*) FROM secret WHERE owner_id <> 'rmmbridge'".to_owned(),
                name if HAS_ROWS_WHEN_NEW.contains(&name) => continue,
                name => format!("SELECT COUNT(*) FROM \"{name}\""),
            };
            if let Some((rows @ 1..,)) = fetch_optional!(tx, (i64,), sqlx::AssertSqlSafe(sql))? {
                return Err(Error::NotEmpty {
                    what: format!("{rows} rows of `{}`", table.name),
                });
            }
        }
        Ok(())
    }

    /// Makes the tables anew as they were in `schema`.
    async fn remake(&self, tx: &mut Tx, schema: i64) -> Result<()> {
        let tables = self.our_tables(tx).await?;
        for table in tables.iter().rev() {
            let sql = format!("DROP TABLE \"{}\"", table.name);
            execute!(tx, sqlx::AssertSqlSafe(sql))?;
        }
        execute!(tx, "DROP TABLE _sqlx_migrations")?;
        migrate(tx, Some(schema)).await
    }

    async fn load(
        &self,
        tx: &mut Tx,
        path: &Path,
        keys: &KeyRing,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<()> {
        let tables = self.data_tables(tx).await?;
        // A migration may have put rows into what it made; the backup has them as they were.
        for table in tables.iter().rev() {
            let sql = format!("DELETE FROM \"{}\"", table.name);
            execute!(tx, sqlx::AssertSqlSafe(sql))?;
        }
        let (sender, mut parts) = mpsc::channel(4);
        let (file, keys) = (path.to_owned(), keys.clone());
        let reader = tokio::task::spawn_blocking(move || read_parts(&file, &keys, &sender));
        let mut table: Option<&Table> = None;
        let mut loaded = 0;
        while let Some(part) = parts.recv().await {
            match (part, table) {
                (Part::Table { name, columns }, _) => {
                    let there = tables.iter().find(|t| t.name == name);
                    let there = there.filter(|t| t.column_names() == columns);
                    table = Some(there.ok_or_else(|| Error::Backup {
                        path: path.to_owned(),
                        problem: format!("its table `{name}` is not the one of its schema"),
                    })?);
                }
                (Part::Rows(rows), Some(table)) => {
                    loaded += rows.len() as u64;
                    insert(tx, path, table, rows).await?;
                    progress(loaded);
                }
                (Part::Rows(_), None) => {}
            }
        }
        reader.await.map_err(|error| Error::Backup {
            path: path.to_owned(),
            problem: error.to_string(),
        })?
    }

    /// Reads everything back.
    async fn compare(&self, tx: &mut Tx, path: &Path, counted: &[Counted]) -> Result<()> {
        let tables = self.data_tables(tx).await?;
        for expected in counted {
            let mut counter = Counter::default();
            if let Some(table) = tables.iter().find(|t| t.name == expected.table) {
                for_each_row!(tx, table, |line| counter.add(line));
            }
            if counter.counted(&expected.table) != *expected {
                return Err(Error::Backup {
                    path: path.to_owned(),
                    problem: format!(
                        "the database does not give back the rows of `{}` as they are in it; nothing was changed",
                        expected.table
                    ),
                });
            }
        }
        Ok(())
    }

    async fn wait_for_an_owner(&self, tx: &mut Tx, report: &BackupReport) -> Result<()> {
        let reason = format!("this database was restored from a backup of {}", report.created);
        execute!(
            tx,
            "INSERT INTO instance (name, id, epoch, beat, beaten, confirmed, waits) VALUES ('hub', $1, 1, 0, 0, $2, $3)
             ON CONFLICT (name) DO UPDATE SET waits = excluded.waits",
            self.new_id().to_string(),
            micros(self.clock.now()),
            reason
        )?;
        Ok(())
    }
}

/// Runs the migrations up to `schema`, or all, inside the transaction.
async fn migrate(tx: &mut Tx, schema: Option<i64>) -> Result<()> {
    on_either!(tx, c => MIGRATOR.run_direct(schema, &mut *c, false).await).map_err(migration_error)
}

/// Reads the file and hands it over in parts, until nobody takes them.
fn read_parts(path: &Path, keys: &KeyRing, parts: &mpsc::Sender<Part>) -> Result<()> {
    let failed = |error: std::io::Error| problem(path, &error);
    let (_, mut lines) = open_backup(path, keys)?;
    let (mut line, mut rows, mut size) = (vec![], vec![], 0);
    loop {
        if !read_line(&mut lines, &mut line).map_err(failed)? {
            return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let row = line.first() == Some(&b'[');
        if row {
            size += line.len();
            rows.push(serde_json::from_slice(&line).map_err(|error| failed(error.into()))?);
        }
        if (!row || size >= BATCH || rows.len() >= 4 * ROWS_PER_STATEMENT) && !rows.is_empty() {
            size = 0;
            if parts
                .blocking_send(Part::Rows(std::mem::take(&mut rows)))
                .is_err()
            {
                return Ok(());
            }
        }
        if row {
            continue;
        }
        match serde_json::from_slice(&line).map_err(|error| failed(error.into()))? {
            Mark::End { .. } => return Ok(()),
            Mark::Table { name, columns } => {
                if parts.blocking_send(Part::Table { name, columns }).is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn insert(tx: &mut Tx, path: &Path, table: &Table, rows: Vec<Vec<Cell>>) -> Result<()> {
    let wrong = || Error::Backup {
        path: path.to_owned(),
        problem: format!("a row of `{}` does not fit its columns", table.name),
    };
    let prefix = format!("INSERT INTO \"{}\" ({})", table.name, table.column_list());
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<_> = rows.by_ref().take(ROWS_PER_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let mut values = Vec::with_capacity(chunk.len() * table.columns.len());
        let count = chunk.len();
        for row in chunk {
            if row.len() != table.columns.len() {
                return Err(wrong());
            }
            for (cell, (_, kind)) in row.into_iter().zip(&table.columns) {
                values.push(Value::of(cell, *kind).ok_or_else(wrong)?);
            }
        }
        let sql = values_statement(&prefix, table.columns.len(), count, "");
        on_either!(tx, c => {
            let mut query = sqlx::query(sql);
            for value in values {
                query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Int(number) => query.bind(number),
                    Value::Bool(yes) => query.bind(yes),
                    Value::Bytes(bytes) => query.bind(bytes),
                };
            }
            query.execute(&mut *c).await.map(|_| ())
        })
        .map_err(Error::from)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::BackupOptions;
    use crate::backup_file::{BackupWriter, Head};
    use crate::vault::MasterKey;
    use crate::{DatabaseUrl, StoredGrant};
    use jiff::Timestamp;
    use model::{Clock, Random, TimeOrderedIds};
    use secrecy::{ExposeSecret as _, SecretString};
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct StandingStill;
    impl Clock for StandingStill {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    struct Counting(AtomicU64);
    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            for (byte, digit) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
                *byte = digit;
            }
        }
    }

    fn key() -> Arc<MasterKey> {
        Arc::new(MasterKey::from_hex(&SecretString::from("7".repeat(64)), "a test").unwrap())
    }

    /// A database as an earlier version left it; only what a backup needs of the store works on it.
    async fn of_schema(path: &Path, schema: i64) -> Store {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        MIGRATOR
            .run_direct(Some(schema), &mut *connection, false)
            .await
            .unwrap();
        drop(connection);
        let clock: Arc<dyn Clock> = Arc::new(StandingStill);
        let random: Arc<dyn Random> = Arc::new(Counting(AtomicU64::new(1)));
        Store {
            db: Db::Sqlite {
                read: pool.clone(),
                write: pool,
            },
            keys: KeyRing::from(key()),
            ids: Arc::new(TimeOrderedIds::new(clock.clone(), random.clone())),
            clock,
            random,
            audit_key: Arc::new(crate::audit_chain::ChainKey::new([0; crate::audit_chain::HASH])),
            actor: Arc::from("test"),
            installed: None,
        }
    }

    async fn new(path: &Path) -> Store {
        let random = Arc::new(Counting(AtomicU64::new(1 << 40)));
        let url = DatabaseUrl::Sqlite(path.to_owned());
        Store::open(&url, key(), Arc::new(StandingStill), random)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn backups_of_every_earlier_schema_are_restored_and_brought_up_to_date() {
        for migration in MIGRATOR.iter() {
            let directory = tempfile::tempdir().unwrap();
            let old = of_schema(&directory.path().join("old.db"), migration.version).await;
            let mut tx = old.write().await.unwrap();
            old.put_secret_in(&mut tx, "c1", "client_secret", "still opens")
                .await
                .unwrap();
            execute!(
                tx,
                "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
                 VALUES ('c1', 'ninjaone', 'Old', '{\"state\":\"connected\"}', '{}', FALSE, TRUE, 5, 1)"
            )
            .unwrap();
            tx.commit().await.unwrap();
            let path = directory.path().join("old.backup");
            let report = old
                .backup(&path, &BackupOptions::default(), &|_| {})
                .await
                .unwrap();
            assert_eq!(report.schema, migration.version);
            let store = new(&directory.path().join("new.db")).await;
            store.restore(&path, None, &|_| {}).await.unwrap();
            let mut conn = store.read().await.unwrap();
            let newest = fetch_optional!(conn, (i64,), "SELECT MAX(version) FROM _sqlx_migrations");
            assert_eq!(newest.unwrap(), MIGRATOR.iter().map(|m| (m.version,)).max());
            let names = fetch_all!(conn, (String,), "SELECT name FROM connection").unwrap();
            assert_eq!(names, [("Old".to_owned(),)]);
            drop(conn);
            let secret = store.secret("c1", "client_secret").await.unwrap().unwrap();
            assert_eq!(secret.expose_secret(), "still opens");
            assert!(store.require_confirmed_instance().await.is_err());
            store.confirm_instance().await.unwrap();
            store.require_confirmed_instance().await.unwrap();
            // It works on like any other.
            let pair = StoredGrant {
                access_token: "a".into(),
                refresh_token: None,
                scopes: vec![],
                expires: Timestamp::UNIX_EPOCH,
                version: 0,
            };
            store.grants(&"c1".into()).replace(&pair).await.unwrap();
            store.close().await;
        }
    }

    #[tokio::test]
    async fn a_backup_of_a_newer_version_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let store = new(&directory.path().join("new.db")).await;
        let path = directory.path().join("future.backup");
        for (schema, words) in [
            (9000, "newer rmmbridge, 9.9.9 (schema 9000"),
            (-4, "never was (-4)"),
        ] {
            let head = Head {
                schema,
                program: "9.9.9".to_owned(),
                created: 0,
                instance: None,
                key: Some(key().id().to_owned()),
                secrets: vec![],
                salt: "00".to_owned(),
            };
            let file = std::fs::File::create(&path).unwrap();
            let mut writer = BackupWriter::begin(file, &head, Some(&key())).unwrap();
            writer.lines(b"{\"end\":{\"tables\":[]}}\n").unwrap();
            writer.finish().unwrap();
            let error = store.restore(&path, None, &|_| {}).await.unwrap_err().to_string();
            assert!(
                error.contains(words) && error.contains("future.backup"),
                "{error}"
            );
        }
        store.require_confirmed_instance().await.unwrap();
        store.close().await;
    }
}
