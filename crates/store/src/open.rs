//! Opening the database, and what every store function needs: pools, vault, clock, ids.

use crate::audit_chain::{ChainKey, HASH};
use crate::db::{Conn, Db, Tx};
use crate::error::{Error, Result};
use crate::instance::Installed;
use crate::rotation_keys::KeyRing;
use model::{Clock, Ids, Random, TimeOrderedIds};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, SqlitePool};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server may take to answer the first time.
const CONNECT: Duration = Duration::from_secs(30);

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Where the database is. Its `Display` holds no password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL address.
    Postgres(String),
}

impl DatabaseUrl {
    /// `sqlite:<path>` or `postgres://…`.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // A database in memory would be another one for each connection.
            if path.is_empty() || path == ":memory:" {
                return Err(Error::Address("names no file".to_owned()));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            PgConnectOptions::from_str(text)
                .map_err(|_| Error::Address("is not a PostgreSQL address".to_owned()))?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        let scheme = text.split(':').next().unwrap_or_default();
        Err(Error::Address(format!("has the unknown scheme {scheme:?}")))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite {}", path.display()),
            Self::Postgres(text) => match PgConnectOptions::from_str(text) {
                Ok(o) => write!(
                    f,
                    "PostgreSQL {}:{}/{}",
                    o.get_host(),
                    o.get_port(),
                    o.get_database().unwrap_or("")
                ),
                Err(_) => f.write_str("PostgreSQL"),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The database of one rmmbridge.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) audit_key: Arc<ChainKey>,
    /// On whose behalf changes are made.
    pub(crate) actor: Arc<str>,
    /// What this process takes for its own place, once it was told ([`Store::installed`]).
    pub(crate) installed: Option<Arc<Installed>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, makes it when it is new, and brings its schema up to date.
    ///
    /// # Errors
    /// When the directory, the server, the schema or the master key is not right; each says what to do.
    pub async fn open(
        url: &DatabaseUrl,
        keys: impl Into<KeyRing>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        let db = match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path).await?,
            DatabaseUrl::Postgres(address) => open_postgres(address, url).await?,
        };
        let migrated = match &db {
            Db::Sqlite { write, .. } => migrate_sqlite(write).await,
            Db::Postgres(pool) => MIGRATOR.run(pool).await,
        };
        migrated.map_err(migration_error)?;
        let ids = Arc::new(TimeOrderedIds::new(clock.clone(), random.clone()));
        let mut store = Self {
            db,
            keys: keys.into(),
            clock,
            random,
            ids,
            audit_key: Arc::new(ChainKey::new([0; HASH])),
            actor: Arc::from("program"),
            installed: None,
        };
        store.check_key().await?;
        store.open_audit_key().await?;
        store.be_an_instance().await?;
        Ok(store)
    }

    /// Closes the pools; what was committed is on disk already.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// The clock everything is stamped with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Randomness for ids and keys.
    pub fn random(&self) -> &Arc<dyn Random> {
        &self.random
    }

    /// A new record id.
    pub fn new_id(&self) -> uuid::Uuid {
        self.ids.next()
    }

    /// The pools, for what brings its own statements: the queue.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// A transaction for several steps that stand together or not at all. On SQLite nothing else of this process
    /// writes until it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transaction(&self) -> Result<Tx> {
        self.write().await
    }

    pub(crate) async fn read(&self) -> Result<Conn> {
        self.db.read().await
    }

    pub(crate) async fn write(&self) -> Result<Tx> {
        self.db.write().await
    }

    /// Checks the database's own integrity.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn integrity(&self) -> Result<String> {
        let mut conn = self.read().await?;
        match &self.db {
            Db::Sqlite { .. } => {
                let rows = fetch_all!(conn, (String,), "PRAGMA quick_check")?;
                Ok(rows
                    .into_iter()
                    .map(|(line,)| line)
                    .collect::<Vec<_>>()
                    .join("; "))
            }
            Db::Postgres(_) => {
                let version = fetch_optional!(conn, (String,), "SHOW server_version")?;
                Ok(version.map_or_else(|| "ok".to_owned(), |(v,)| format!("ok, PostgreSQL {v}")))
            }
        }
    }
}

async fn open_sqlite(path: &Path) -> Result<Db> {
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(|source| Error::DataDirectory {
            path: directory.to_owned(),
            source,
        })?;
    }
    // Asked before SQLite is, which says no more than "unable to open database file", opens a file it may not write to
    // for reading, and leaves files beside it that their owner cannot use. The file stays open for ever: closing it
    // would drop every lock this process has on it, those of another open store too.
    let file = append(path).map_err(|source| Error::DatabaseFile {
        path: path.to_owned(),
        source,
    })?;
    std::mem::forget(file);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(30))
        .pragma("cache_size", "-16384")
        .pragma("journal_size_limit", "67108864");
    let writer = || {
        // A full disk can make SQLite end the transaction by itself. The driver then believes for ever that it is
        // inside one, and refuses every next: such a connection is not used again.
        SqlitePoolOptions::new()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
    };
    let began = Instant::now();
    let write = loop {
        match writer().await.map_err(|error| sqlite_failure(path, error)) {
            Ok(pool) => break pool,
            // Making a new file a WAL database is the one thing SQLite does not wait for, when several do it at once.
            Err(Error::Locked) if began.elapsed() < Duration::from_secs(5) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    };
    let read = SqlitePoolOptions::new()
        // Each has a page cache of its own, and they take turns: more of them are more memory, and colder caches.
        .max_connections(5)
        // A file does not go away as a server does: a question before each use would double the statements.
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await
        .map_err(|error| sqlite_failure(path, error))?;
    Ok(Db::Sqlite { read, write })
}

/// Why SQLite did not open a file that can be written to: the log beside it cannot, or only SQLite knows.
fn sqlite_failure(path: &Path, error: sqlx::Error) -> Error {
    let source = match Error::from(error) {
        Error::Database(source) => source,
        other => return other,
    };
    let log = PathBuf::from(format!("{}-wal", path.display()));
    match append(&log) {
        Err(source) => Error::DatabaseFile { path: log, source },
        Ok(_) => Error::Open {
            address: DatabaseUrl::Sqlite(path.to_owned()).to_string(),
            source,
            advice: "Move that file away, or give another directory with --data-dir",
        },
    }
}

/// Opens a file for writing as the operating system allows it, and makes it when it is new.
fn append(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options()
        .create(true)
        .read(true)
        .append(true)
        .open(path)
}

/// SQLite knows no lock for migrations: of two processes that open a new database both would make its tables. The
/// second waits here and finds them made. A database that is up to date is opened without waiting for its writers.
async fn migrate_sqlite(write: &SqlitePool) -> Result<(), MigrateError> {
    let applied: Result<i64, sqlx::Error> = sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations")
        .fetch_one(write)
        .await;
    if applied.is_ok_and(|applied| usize::try_from(applied).is_ok_and(|a| a >= MIGRATOR.iter().count())) {
        return MIGRATOR.run(write).await;
    }
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
    // What `run` calls: with a borrowed transaction `run` itself makes this future one that cannot be sent.
    MIGRATOR.run_direct(None, &mut *tx, false).await?;
    Ok(tx.commit().await?)
}

async fn open_postgres(address: &str, url: &DatabaseUrl) -> Result<Db> {
    let options = PgConnectOptions::from_str(address)
        .map_err(|_| Error::Address("is not a PostgreSQL address".into()))?;
    let options = options.application_name("rmmbridge");
    // The pool would try for half a minute and then say that it timed out; a single connection says why.
    let connected = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options))
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    let failed = |source| Error::Open {
        address: url.to_string(),
        source,
        advice: "Check the address, and that the server runs and lets this user in",
    };
    connected.map_err(failed)?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(30));
    Ok(Db::Postgres(pool.connect_with(options).await?))
}

pub(crate) fn migration_error(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(found) => {
            let known = MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0);
            Error::NewerDatabase { found, known }
        }
        MigrateError::Execute(error) => Error::from(error),
        MigrateError::ExecuteMigration(error, version) => match Error::from(error) {
            Error::Database(error) => {
                Error::Migration(Box::new(MigrateError::ExecuteMigration(error, version)))
            }
            clear => clear,
        },
        other => Error::Migration(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_committed_on_sqlite_survives_a_power_cut() {
        let directory = tempfile::tempdir().unwrap();
        let Db::Sqlite { read, write } = open_sqlite(&directory.path().join("rmmbridge.db")).await.unwrap()
        else {
            panic!("this is about SQLite")
        };
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&write)
            .await
            .unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&write)
            .await
            .unwrap();
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(&write)
            .await
            .unwrap();
        // 2 is FULL (sqlite.org/pragma.html#pragma_synchronous).
        assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
        let refused = sqlx::query("CREATE TABLE t (a TEXT)")
            .execute(&read)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");
    }
}
