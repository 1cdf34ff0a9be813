//! Backing up while the hub runs: one consistent look at the database, table by table, into one file, read back before
//! it gets its name.
//!
//! The content is the same whichever engine wrote it, so a backup of SQLite can be restored into PostgreSQL and the
//! other way round. Nothing is held in memory but some hundred kilobytes of lines on their way.

use crate::backup_file::{BackupReader, BackupWriter, Head, salt, sync_directory_of};
use crate::backup_rows::{Counted, Counter, Mark};
use crate::crash::{Point, point};
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::json::{instant, micros};
use crate::open::Store;
use crate::rotation_keys::KeyRing;
use crate::vault::MasterKey;
use jiff::Timestamp;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Lines collected before they are handed to the writer.
const BATCH: usize = 256 * 1024;
/// More than any row has; a damaged backup in the clear must not ask for all memory.
const LONGEST_LINE: u64 = 1 << 30;

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
        let keys = more_keys.map_or_else(|| self.keys.clone(), |more| self.keys.and(more));
        let (report, _) = verify(path.to_owned(), keys).await?;
        Ok(report)
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

/// What stands under the backup's name already.
fn check_target(path: &Path, replace: bool) -> Result<()> {
    let refuse = |problem: &str| {
        Err(Error::Backup {
            path: path.to_owned(),
            problem: problem.to_owned(),
        })
    };
    match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(there) if !there.is_file() => refuse("that is no file. Give the name of a file to write"),
        Ok(_) if !replace => refuse("there is a file of that name. Give another name, or --replace"),
        Ok(_) => match File::open(path).map(|file| BackupReader::begin(BufReader::new(file))) {
            Ok(Ok(_)) => Ok(()),
            _ => refuse("the file of that name is no backup, so it is not replaced. Give another name"),
        },
    }
}

/// The file under its temporary name. Dropped before [`Draft::keep`] it is removed.
struct Draft {
    path: PathBuf,
    file: Option<File>,
    kept: bool,
}

impl Draft {
    fn begin(target: &Path) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = target.with_file_name(name);
        let failed = |error: &std::io::Error| problem(target, error);
        let mut options = crate::rotation_file::private_file();
        let options = options.create(true).truncate(false).read(true).write(true);
        let file = options.open(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::Backup {
                    path: target.to_owned(),
                    problem: "another backup is being written to it. Wait for that one".to_owned(),
                });
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(&error)),
        }
        // Whoever held the lock may have finished meanwhile: then this is their backup under its name by now.
        if !is_at(&file, &path) {
            return Err(Error::Backup {
                path: target.to_owned(),
                problem: "another backup was written to it at this moment. Try again".to_owned(),
            });
        }
        // What a process that died left under this name is of no use.
        file.set_len(0).map_err(|error| failed(&error))?;
        Ok(Self {
            path,
            file: Some(file),
            kept: false,
        })
    }

    /// The file to write to; the lock stays.
    fn file(&self) -> Result<File> {
        match &self.file {
            Some(file) => file.try_clone().map_err(|error| problem(&self.path, &error)),
            None => Err(problem(&self.path, &std::io::ErrorKind::NotFound.into())),
        }
    }

    fn keep(mut self, target: &Path) -> Result<()> {
        std::fs::rename(&self.path, target)
            .and_then(|()| sync_directory_of(target))
            .map_err(|error| problem(target, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
        self.file = None;
    }
}

/// Whether an open file is the one that stands under `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

/// Whether an open file is the one that stands under `path`: an open file cannot be renamed here.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
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

/// Opens a backup and finds the key it is sealed with; also those its secrets need.
pub(crate) fn open_backup(path: &Path, keys: &KeyRing) -> Result<(Head, impl BufRead + use<>)> {
    let file = File::open(path).map_err(|error| problem(path, &error))?;
    let reader = BackupReader::begin(BufReader::new(file)).map_err(|error| problem(path, &error))?;
    let head = reader.head.clone();
    for id in head.key.iter().chain(&head.secrets) {
        keys.key(id).map_err(|error| match error {
            crate::vault::VaultError::WrongKey { sealed_with, given } => Error::Backup {
                path: path.to_owned(),
                problem: format!(
                    "it needs the master key {sealed_with}, and the key given is {given}. Name the key file it was made with: --key-file FILE"
                ),
            },
            other => other.into(),
        })?;
    }
    let key = head.key.as_ref().map(|id| keys.key(id)).transpose()?;
    Ok((head, reader.lines(key.as_deref())))
}

/// One line, without reading more than a row can have.
pub(crate) fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    std::io::Read::take(&mut *from, LONGEST_LINE).read_until(b'\n', line)?;
    match line.last() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "a line of it has no end",
        )),
    }
}

/// Reads the whole file; what its head and its manifest say.
pub(crate) async fn verify(path: PathBuf, keys: KeyRing) -> Result<(BackupReport, Vec<Counted>)> {
    let named = path.clone();
    tokio::task::spawn_blocking(move || verify_now(&path, &keys))
        .await
        .map_err(|error| Error::Backup {
            path: named,
            problem: error.to_string(),
        })?
}

fn verify_now(path: &Path, keys: &KeyRing) -> Result<(BackupReport, Vec<Counted>)> {
    let damaged = |what: &str| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, format!("damaged: {what}"));
        problem(path, &error)
    };
    let (head, mut lines) = open_backup(path, keys)?;
    let mut found: Vec<Counted> = vec![];
    let mut table: Option<(String, Counter)> = None;
    let mut line = vec![];
    loop {
        if !read_line(&mut lines, &mut line).map_err(|error| problem(path, &error))? {
            return Err(damaged("its manifest is missing"));
        }
        if line.first() == Some(&b'[') {
            let Some((_, counter)) = &mut table else {
                return Err(damaged("a row stands outside of a table"));
            };
            counter.add(&line);
            continue;
        }
        if let Some((name, counter)) = table.take() {
            found.push(counter.counted(&name));
        }
        match serde_json::from_slice(&line).map_err(|_| damaged("a line cannot be read"))? {
            Mark::Table { name, .. } => table = Some((name, Counter::default())),
            Mark::End { tables } if tables == found => break,
            Mark::End { .. } => return Err(damaged("its rows are not those of its manifest")),
        }
    }
    // Also checks the end of the compressed stream.
    let mut rest = [0];
    if lines.read(&mut rest).map_err(|error| problem(path, &error))? != 0 {
        return Err(damaged("something follows its manifest"));
    }
    let bytes = std::fs::metadata(path)
        .map_err(|error| problem(path, &error))?
        .len();
    let report = BackupReport {
        schema: head.schema,
        created: instant(head.created),
        program: head.program,
        key: head.key,
        tables: found.iter().map(|t| (t.table.clone(), t.rows)).collect(),
        bytes,
    };
    Ok((report, found))
}
