//! Backing up while the hub runs: one consistent look at the database, table by table, into one file, read back before
//! it gets its name.
//!
//! The content is the same whichever engine wrote it, so a backup of SQLite can be restored into PostgreSQL and the
//! other way round. Nothing is held in memory but some hundred kilobytes of lines on their way.

mod draft;
mod reading;

use crate::backup_file::{BackupWriter, Head, salt};
use crate::backup_rows::{Counted, Counter, Mark};
use crate::crash::{Point, point};
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::json::micros;
use crate::open::Store;
use crate::rotation_keys::KeyRing;
use crate::vault::MasterKey;
use draft::{Draft, check_target};
use jiff::Timestamp;
pub(crate) use reading::{open_backup, read_line, verify};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Lines collected before they are handed to the writer.
const BATCH: usize = 256 * 1024;

/// How a backup is written.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// In the clear: devices and names can be read by whoever gets the file. Secrets stay sealed.
    pub unencrypted: bool,
    /// Replace a backup of that name.
    pub replace: bool,
    /// The version of the program, for the file's head.
    pub program: String,
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The newest migration of the database it was made of.
    pub schema: i64,
    /// When it was made.
    pub created: Timestamp,
    /// The version of the program that made it.
    pub program: String,
    /// Id of the master key it is sealed with; `None` when it is not.
    pub key: Option<String>,
    /// Tables and how many rows each has.
    pub tables: Vec<(String, u64)>,
    /// The size of the file in bytes.
    pub bytes: u64,
}

impl BackupReport {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Whether two names are those of one file, which is not opened.
#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) else {
        return false;
    };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether two names are those of one file, as far as its path tells.
#[cfg(not(unix))]
fn same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    whole(one).is_some_and(|one| whole(other) == Some(one))
}

impl Store {
    /// Writes a backup to `path` and reads it back. `progress` is told how many rows are written.
    ///
    /// # Errors
    /// [`Error::Backup`] naming the file when it is there already, cannot be written, or does not read back as what was
    /// written; nothing stands under the name then. When the database fails or is damaged.
    pub async fn backup(
        &self,
        path: &Path,
        options: &BackupOptions,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<BackupReport> {
        self.not_its_own(path)?;
        check_target(path, options.replace)?;
        let draft = Draft::begin(path)?;
        let mut tx = match &self.db {
            Db::Sqlite { read, .. } => Tx::Sqlite(read.begin_with("BEGIN").await?),
            Db::Postgres(pool) => Tx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        };
        self.check_integrity(&mut tx, path).await?;
        let key = self.sealing_key_name(&mut tx).await?;
        let head = self.head(&mut tx, options, &key).await?;
        let sealing = (!options.unencrypted).then(|| key.clone());
        let (lines, written) = mpsc::channel::<Vec<u8>>(4);
        let (file, named) = (draft.file()?, path.to_owned());
        let (head_of_file, key_of_file) = (head.clone(), sealing.clone());
        let writer = tokio::task::spawn_blocking(move || {
            write_file(file, &head_of_file, key_of_file.as_deref(), written)
                .map_err(|error| problem(&named, &error))
        });
        let dumped = self.dump(&mut tx, &lines, progress).await;
        drop(lines);
        let finished = writer.await.map_err(|error| Error::Backup {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        drop(tx);
        // When writing failed the dump only says that nobody takes its lines any more.
        finished?;
        let tables = dumped?.ok_or_else(|| Error::Backup {
            path: path.to_owned(),
            problem: "its writer stopped".to_owned(),
        })?;
        point(Point::BackupCopied)?;
        let keys = self.keys.clone();
        let (report, found) = verify(draft.path.clone(), keys)
            .await
            .map_err(|error| match error {
                Error::Backup { problem, .. } => Error::Backup {
                    path: path.to_owned(),
                    problem: format!("reading it back: {problem}. Nothing was left under this name"),
                },
                other => other,
            })?;
        if found != tables {
            return Err(Error::Backup {
                path: path.to_owned(),
                problem: "it does not read back as what was written: is the disk sound? Nothing was left under this name"
                    .to_owned(),
            });
        }
        point(Point::BackupVerified)?;
        draft.keep(path)?;
        point(Point::BackupNamed)?;
        Ok(report)
    }

    /// Reads a backup from its first byte to its last and holds every table against its manifest.
    ///
    /// # Errors
    /// [`Error::Backup`] that says what is wrong with it; [`crate::vault::VaultError::WrongKey`].
    pub async fn verify_backup(&self, path: &Path, more_keys: Option<&KeyRing>) -> Result<BackupReport> {
        self.not_its_own(path)?;
        let keys = more_keys.map_or_else(|| self.keys.clone(), |more| self.keys.and(more));
        let (report, _) = verify(path.to_owned(), keys).await?;
        Ok(report)
    }

    /// Refuses a path that names the embedded database itself, without opening it: whoever opens and closes that file past
    /// SQLite gives up the locks this process has on it (<https://www.sqlite.org/howtocorrupt.html>, section 2.2), and
    /// another process may then take the log away under it.
    pub(crate) fn not_its_own(&self, path: &Path) -> Result<()> {
        let Db::Sqlite { write, .. } = &self.db else {
            return Ok(());
        };
        let options = write.connect_options();
        let own = options.get_filename();
        let is_own = |ending: &str| {
            let mut file = own.as_os_str().to_owned();
            file.push(ending);
            same_file(path, Path::new(&file))
        };
        match ["", "-wal", "-shm"].into_iter().any(is_own) {
            false => Ok(()),
            true => Err(Error::Backup {
                path: path.to_owned(),
                problem: "that is this hub's database itself, and no backup of it. Give another name"
                    .to_owned(),
            }),
        }
    }

    /// A damaged database is not worth a backup that would take an older one's place.
    async fn check_integrity(&self, tx: &mut Tx, path: &Path) -> Result<()> {
        if let Db::Postgres(_) = &self.db {
            return Ok(());
        }
        let words = fetch_all!(tx, (String,), "PRAGMA integrity_check(5)")?;
        let words: Vec<_> = words.into_iter().map(|(word,)| word).collect();
        if words == ["ok"] {
            return Ok(());
        }
        Err(Error::Backup {
            path: path.to_owned(),
            problem: format!(
                "not written, since the database is damaged ({}). Keep older backups, and restore one",
                words.join("; ")
            ),
        })
    }

    async fn sealing_key_name(&self, tx: &mut Tx) -> Result<Arc<MasterKey>> {
        let row = fetch_optional!(
            tx,
            (String,),
            "SELECT value FROM meta WHERE key = 'master_key_id'"
        )?;
        match (row, self.keys.first()) {
            (Some((id,)), _) => Ok(self.keys.key(&id)?),
            (None, Some(first)) => Ok(first),
            (None, None) => Err(Error::Missing {
                what: "master key",
                name: "of this database".to_owned(),
            }),
        }
    }

    async fn head(&self, tx: &mut Tx, options: &BackupOptions, key: &MasterKey) -> Result<Head> {
        let schema = fetch_optional!(tx, (i64,), "SELECT MAX(version) FROM _sqlx_migrations")?;
        let secrets = fetch_all!(
            tx,
            (String,),
            "SELECT DISTINCT key_id FROM secret ORDER BY key_id"
        )?;
        let tables = self.our_tables(tx).await?;
        let instance = if tables.iter().any(|table| table.name == "instance") {
            fetch_optional!(tx, (String,), "SELECT id FROM instance WHERE name = 'hub'")?
        } else {
            None
        };
        Ok(Head {
            schema: schema.map_or(0, |(version,)| version),
            program: options.program.clone(),
            created: micros(self.clock.now()),
            instance: instance.map(|(id,)| id),
            key: (!options.unencrypted).then(|| key.id().to_owned()),
            secrets: secrets.into_iter().map(|(id,)| id).collect(),
            salt: salt(self.random.as_ref()),
        })
    }

    /// Sends every row; `None` when nobody takes them any more.
    async fn dump(
        &self,
        tx: &mut Tx,
        lines: &mpsc::Sender<Vec<u8>>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Option<Vec<Counted>>> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut tables = vec![];
        let mut total = 0;
        for table in self.data_tables(tx).await? {
            let columns = table.column_names().into_iter().map(str::to_owned).collect();
            let name = table.name.clone();
            batch.extend(mark(&Mark::Table { name, columns })?);
            let mut counter = Counter::default();
            for_each_row!(tx, table, |line| {
                counter.add(line);
                batch.extend_from_slice(line);
                if batch.len() >= BATCH {
                    progress(total + counter.rows());
                    if lines.send(std::mem::take(&mut batch)).await.is_err() {
                        return Ok(None);
                    }
                }
            });
            total += counter.rows();
            progress(total);
            tables.push(counter.counted(&table.name));
        }
        let end = Mark::End {
            tables: tables.clone(),
        };
        batch.extend(mark(&end)?);
        // Only this empty batch tells the writer that it has everything: a dump that broke off sends none.
        let sent = lines.send(batch).await.is_ok() && lines.send(vec![]).await.is_ok();
        Ok(sent.then_some(tables))
    }
}

fn mark(mark: &Mark) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(mark).map_err(|source| Error::Stored {
        what: "mark of a backup",
        source,
    })?;
    line.push(b'\n');
    Ok(line)
}

/// Writes what comes until the empty batch.
fn write_file(
    file: File,
    head: &Head,
    key: Option<&MasterKey>,
    mut lines: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let mut writer = BackupWriter::begin(BufWriter::new(file), head, key)?;
    while let Some(batch) = lines.blocking_recv() {
        if batch.is_empty() {
            let file = writer
                .finish()?
                .into_inner()
                .map_err(|error| error.into_error())?;
            return file.sync_all();
        }
        writer.lines(&batch)?;
    }
    Err(std::io::Error::other("the database stopped before its end"))
}

/// An error of the file system, with what to do about it.
pub(crate) fn problem(path: &Path, error: &std::io::Error) -> Error {
    use std::io::ErrorKind;
    let step = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ". Nothing was left under this name. Free some space, or give a file on another disk"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            ". Give a file in a directory this user may use"
        }
        ErrorKind::NotFound => ". Is the path right?",
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            ". Take another backup; this one cannot be restored"
        }
        _ => "",
    };
    Error::Backup {
        path: path.to_owned(),
        problem: format!("{error}{step}"),
    }
}
