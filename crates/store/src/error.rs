//! What goes wrong with the database, in words a person can act on.

use std::path::PathBuf;

/// The result of a store function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What goes wrong with the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kill harness made this step fail.
    #[cfg(feature = "crash-points")]
    #[error("the harness made the step at {at} fail")]
    Injected {
        /// The crash point.
        at: &'static str,
    },
    /// The data directory cannot be used.
    #[error(
        "data directory `{path}` cannot be used: {source}. Give a directory this user may write to with --data-dir"
    )]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database file cannot be opened, and the operating system says why.
    #[error(
        "database file `{path}` cannot be used: {source}. Give a directory this user may write to with --data-dir"
    )]
    DatabaseFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened, and only the engine says why.
    #[error("{address} cannot be opened: {source}. {advice}")]
    Open {
        /// Where it is; no password.
        address: String,
        /// Why.
        #[source]
        source: sqlx::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The database address makes no sense.
    #[error("database address {0}. Write `sqlite:<path>` or `postgres://user@host/database`")]
    Address(String),
    /// A newer rmmbridge has changed the schema.
    #[error(
        "this database was written by a newer rmmbridge (schema {found}, this program knows {known}). Use that version, or restore a backup made before it"
    )]
    NewerDatabase {
        /// Its schema version.
        found: i64,
        /// The newest we know.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("bringing the database schema up to date: {0}")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// The disk is full.
    #[error(
        "the disk that holds the database is full: nothing of this step was stored. Free some space and run the command again"
    )]
    DiskFull,
    /// Another process holds the write lock for too long.
    #[error(
        "the database was locked by another process for too long: nothing of this step was stored. Try again when it is done"
    )]
    Locked,
    /// The database answered something else.
    #[error("the database: {0}")]
    Database(#[source] sqlx::Error),
    /// A stored text is not what we once wrote.
    #[error("stored {what} cannot be read: {source}")]
    Stored {
        /// Which text.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A record that must be there is not.
    #[error("there is no {what} `{name}`")]
    Missing {
        /// What kind of record.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// A name that must be unique is taken.
    #[error("a {what} named `{name}` exists already")]
    Taken {
        /// What kind of record.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A destination record that may have one link only has another one.
    #[error(
        "asset `{record}` is linked to another device already: nothing of this step was stored. Plan again"
    )]
    Linked {
        /// The destination record.
        record: String,
    },
    /// Nobody could manage the hub any more.
    #[error("this would leave nobody who is an Owner and has signed in. Make somebody else an Owner first")]
    LastOwner,
    /// Somebody changed the row in between.
    #[error("{what} was changed by somebody else in the meantime; nothing was stored. Look at it again")]
    Moved {
        /// Which row.
        what: String,
    },
    /// The audit log cannot be written to or is not whole: nothing is done that it could not tell of.
    #[error("the audit log: {0}. Nothing is done without it. Run `rmmbridge audit verify`")]
    AuditLog(String),
    /// Sealed secrets could not be opened or made.
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
    /// This hub was restored or copied, and nobody has said yet that it is the one.
    #[error(
        "this rmmbridge waits for an Owner: {reason}. Stored data can be looked at; nothing is read from outside, no token is refreshed and nothing is written. If it is the one that works from now on, and no other works on the same accounts, run: rmmbridge instance confirm"
    )]
    Unconfirmed {
        /// What was noticed.
        reason: String,
    },
    /// A backup cannot be written, read or used.
    #[error("backup `{path}`: {problem}")]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A restore would overwrite something.
    #[error(
        "a backup is restored into an empty database only, and this one holds {what}: nothing was changed. Give another one, with --data-dir or --database"
    )]
    NotEmpty {
        /// What stands there.
        what: String,
    },
    /// All writes are paused.
    #[error(
        "{pause}. Nothing more is written; reads and plans go on. An Owner lets writes go on with: rmmbridge resume"
    )]
    WritesPaused {
        /// Why, by whom and since when.
        pause: model::WritePause,
    },
    /// Writes to this connection are switched off.
    #[error("connection `{connection}` {}: nothing more is written to it. To change that: rmmbridge connection {} {connection}",
        if *.paused { "is paused" } else { "is read-only" }, if *.paused { "resume" } else { "writable" })]
    WritesOff {
        /// The connection's name.
        connection: String,
        /// Whether it is paused as a whole; otherwise it may be read.
        paused: bool,
    },
    /// Another process is the runner of this database.
    #[error("another rmmbridge is at work on this database ({holder}). Wait for it to finish, or stop it")]
    Busy {
        /// Who.
        holder: String,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            // SQLite result codes (sqlite.org/rescode.html): 13 FULL, 5 BUSY, 6 LOCKED, extended ones in the high
            // bytes; 4874 IOERR_SHMSIZE, no room for the file beside the log. PostgreSQL (appendix A): 53100 disk_full.
            match database.code().as_deref() {
                Some("53100") => return Self::DiskFull,
                Some(code) if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() => {
                    let code = code.parse::<u32>().unwrap_or_default();
                    match (code & 0xff, code) {
                        (13, _) | (_, 4874) => return Self::DiskFull,
                        (5 | 6, _) => return Self::Locked,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Self::Database(error)
    }
}

impl Error {
    /// Whether the database refused a row since one like it exists.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()))
    }

    /// Whether the database refused a row since it names another that is not there.
    pub(crate) fn is_foreign_key_violation(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_database_error().is_some_and(|e| e.is_foreign_key_violation()))
    }

    /// Whether it is about the one record that was being written, so that others may still be: a row that is
    /// missing, a constraint, or a value PostgreSQL cannot take (class 22, "data exception").
    pub(crate) fn is_about_the_record(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Stored { .. } => true,
            Self::Database(error) => error.as_database_error().is_some_and(|e| {
                !matches!(e.kind(), sqlx::error::ErrorKind::Other)
                    || (e.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some()
                        && e.code().is_some_and(|code| code.starts_with("22")))
            }),
            _ => false,
        }
    }
}
