//! Who runs, and what nobody else may touch meanwhile.
//!
//! SQLite has one runner at a time, by a file lock that goes with its process, however that ends. On PostgreSQL several
//! run side by side; leases, which end by themselves when nobody renews them, keep them off the same bridge.

use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::json::{instant, micros};
use crate::open::Store;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
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

/// The right to run beside a database: on SQLite the lock of its directory, on PostgreSQL, where several may, nothing.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: Option<RunnerLock>,
}

/// A lease in the database, for processes on several machines. It must be renewed before it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub name: String,
    /// Who holds it.
    pub holder: String,
}

fn later(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_add(SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
        .unwrap_or(now)
}

impl Store {
    /// Becomes a runner of this database, leaving `holder` for whoever comes second: on SQLite there is one at a time,
    /// on PostgreSQL there are many, and leases keep them apart.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder, or when the database fails.
    pub async fn lock_runner(&self, holder: &str) -> Result<DatabaseLock> {
        let Db::Sqlite { read, .. } = &self.db else {
            return Ok(DatabaseLock { _file: None });
        };
        let options = read.connect_options();
        let directory = options.get_filename().parent().unwrap_or(Path::new("."));
        let lock = RunnerLock::take(directory, holder)?;
        // Whoever else held a lease is gone: it could not have left the lock otherwise.
        let mut tx = self.write().await?;
        execute!(tx, "DELETE FROM lease")?;
        tx.commit().await?;
        Ok(DatabaseLock { _file: Some(lock) })
    }

    /// Takes several leases for `time`, all or none.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder of one of them, or when the database fails.
    pub async fn take_leases(&self, names: &[String], holder: &str, time: Duration) -> Result<()> {
        let mut names: Vec<&String> = names.iter().collect();
        // In one order everywhere: two that want the same two must not wait for each other.
        names.sort();
        let mut tx = self.write().await?;
        for name in names {
            self.take(&mut tx, name, holder, time).await?;
        }
        tx.commit().await
    }

    /// Renews all that `holder` holds for `time` more; what it still holds. A lease that ran out and that nobody took
    /// is held again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_leases(&self, holder: &str, time: Duration) -> Result<BTreeSet<String>> {
        let mut tx = self.write().await?;
        let until = later(self.database_time(&mut tx).await?, time);
        let rows = fetch_all!(
            tx,
            (String,),
            "UPDATE lease SET until = $1 WHERE holder = $2 RETURNING name",
            micros(until),
            holder
        )?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// Gives leases back; all that `holder` holds when none is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_leases(&self, names: &[String], holder: &str) -> Result<()> {
        let mut tx = self.write().await?;
        if names.is_empty() {
            execute!(tx, "DELETE FROM lease WHERE holder = $1", holder)?;
        }
        for name in names {
            execute!(
                tx,
                "DELETE FROM lease WHERE name = $1 AND holder = $2",
                name.as_str(),
                holder
            )?;
        }
        tx.commit().await
    }

    /// The leases whose name begins with `prefix` and that are not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leases(&self, prefix: &str) -> Result<Vec<Lease>> {
        let mut tx = self.write().await?;
        let now = self.database_time(&mut tx).await?;
        let rows = fetch_all!(
            tx,
            (String, String),
            "SELECT name, holder FROM lease WHERE until >= $1 ORDER BY name",
            micros(now)
        )?;
        let leases = rows.into_iter().map(|(name, holder)| Lease { name, holder });
        Ok(leases.filter(|lease| lease.name.starts_with(prefix)).collect())
    }

    /// Forgets the leases that ran out before `before`: whoever held them is gone, and nobody wanted what they held.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_leases(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.write().await?;
        let forgotten = execute!(tx, "DELETE FROM lease WHERE until < $1", micros(before))?;
        tx.commit().await?;
        Ok(forgotten)
    }

    /// Takes or renews a lease for `time`.
    ///
    /// # Errors
    /// [`Error::Busy`] naming the holder, or when the database fails.
    pub async fn take_lease(&self, name: &str, holder: &str, time: Duration) -> Result<Lease> {
        let mut tx = self.write().await?;
        self.take(&mut tx, name, holder, time).await?;
        tx.commit().await?;
        Ok(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
        })
    }

    async fn take(&self, tx: &mut Tx, name: &str, holder: &str, time: Duration) -> Result<()> {
        let now = self.database_time(tx).await?;
        let taken = execute!(
            tx,
            "INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE lease.holder = excluded.holder OR lease.until < $4",
            name,
            holder,
            micros(later(now, time)),
            micros(now)
        )?;
        if taken == 0 {
            let row = fetch_optional!(tx, (String,), "SELECT holder FROM lease WHERE name = $1", name)?;
            return Err(Error::Busy {
                holder: row.map_or_else(String::new, |(holder,)| holder),
            });
        }
        Ok(())
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
