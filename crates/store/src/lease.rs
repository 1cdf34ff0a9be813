//! Who runs: one runner on a database. Its lock goes with its process, however that ends.

use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::json::{instant, micros};
use crate::open::Store;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// The right to run on this machine's data directory; the operating system takes it back when the process ends.
#[derive(Debug)]
pub struct RunnerLock {
    _file: File,
}

impl RunnerLock {
    /// Takes `runner.lock` in `directory`, leaving `holder` in it for whoever comes second.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder, or [`Error::DataDirectory`].
    pub fn take(directory: &Path, holder: &str) -> Result<Self> {
        let path = directory.join("runner.lock");
        let failed = |source| Error::DataDirectory {
            path: path.clone(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut other = String::new();
                let _ = file.read_to_string(&mut other);
                let holder = if other.trim().is_empty() {
                    "unknown".to_owned()
                } else {
                    other.trim().to_owned()
                };
                return Err(Error::Busy { holder });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{holder}"))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The right to run on a database, whichever machine or data directory it is reached from.
#[derive(Debug)]
pub struct DatabaseLock {
    /// SQLite: the lock file beside the database.
    _file: Option<RunnerLock>,
    /// PostgreSQL: the session that holds the advisory lock; the server frees it when the session ends, however that
    /// happens.
    _session: Option<sqlx::PgConnection>,
}

/// Tells our advisory lock from others of the same database ("rmmbridg" in ASCII).
const ADVISORY: i64 = 0x726d_6d62_7269_6467;

/// How often PostgreSQL is asked for the lock, and how long apart.
const LOCK_TRIES: u32 = 15;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A lease in the database, for processes on several machines. It must be renewed before it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub name: String,
    /// Who holds it.
    pub holder: String,
}

impl Store {
    /// Becomes the one runner of this database, leaving `holder` for whoever comes second.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder, or when the database fails.
    pub async fn lock_runner(&self, holder: &str) -> Result<DatabaseLock> {
        match &self.db {
            Db::Sqlite { read, .. } => {
                let options = read.connect_options();
                let directory = options.get_filename().parent().unwrap_or(Path::new("."));
                Ok(DatabaseLock {
                    _file: Some(RunnerLock::take(directory, holder)?),
                    _session: None,
                })
            }
            Db::Postgres(pool) => {
                let mut session = pool.acquire().await?.detach();
                // PostgreSQL cuts application names at 63 bytes.
                let name: String = holder.chars().filter(char::is_ascii).take(63).collect();
                sqlx::query("SELECT set_config('application_name', $1, false)")
                    .bind(name)
                    .execute(&mut session)
                    .await?;
                // The server hears a little late that a session ended: the last holder's may seem to be there still.
                for attempt in 0..LOCK_TRIES {
                    if attempt > 0 {
                        tokio::time::sleep(LOCK_PAUSE).await;
                    }
                    let (taken,): (bool,) = sqlx::query_as("SELECT pg_try_advisory_lock($1)")
                        .bind(ADVISORY)
                        .fetch_one(&mut session)
                        .await?;
                    if taken {
                        return Ok(DatabaseLock {
                            _file: None,
                            _session: Some(session),
                        });
                    }
                }
                let holder: Option<(String,)> = sqlx::query_as(
                    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                       AND (l.classid::bigint << 32 | l.objid::bigint) = $1",
                )
                .bind(ADVISORY)
                .fetch_optional(&mut session)
                .await?;
                Err(Error::Busy {
                    holder: holder.map_or_else(|| "unknown".to_owned(), |(name,)| name),
                })
            }
        }
    }

    /// Takes or renews a lease for `time`.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder, or when the database fails.
    pub async fn take_lease(&self, name: &str, holder: &str, time: Duration) -> Result<Lease> {
        let mut tx = self.write().await?;
        let now = self.database_time(&mut tx).await?;
        let until = now
            .saturating_add(SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
            .unwrap_or(now);
        let taken = execute!(
            tx,
            "INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until < $4",
            name,
            holder,
            micros(until),
            micros(now)
        )?;
        if taken == 0 {
            let row = fetch_optional!(tx, (String,), "SELECT holder FROM lease WHERE name = $1", name)?;
            return Err(Error::Busy {
                holder: row.map_or_else(String::new, |(holder,)| holder),
            });
        }
        tx.commit().await?;
        Ok(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
        })
    }

    /// Gives a lease back. One that was lost already stays with its new holder.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_lease(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "DELETE FROM lease WHERE name = $1 AND holder = $2",
            lease.name.as_str(),
            lease.holder.as_str()
        )?;
        tx.commit().await
    }

    /// The time leases are judged by: the database's on PostgreSQL, where machines with clocks of their own meet.
    pub(crate) async fn database_time(&self, tx: &mut Tx) -> Result<Timestamp> {
        match &self.db {
            Db::Sqlite { .. } => Ok(self.clock.now()),
            Db::Postgres(_) => {
                let row = fetch_optional!(
                    tx,
                    (i64,),
                    "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
                )?;
                Ok(row.map_or_else(|| self.clock.now(), |(micros,)| instant(micros)))
            }
        }
    }
}
