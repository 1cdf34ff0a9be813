//! Rotating the master key while everything else goes on, and which key seals.
//!
//! 1. A new key is put before the old one in the key file; both open from now on.
//! 2. `meta` names the new key: every process asks it, inside its transaction, before it seals anything.
//! 3. The key of every record is wrapped again, in batches, each row only if it still is what was read.
//! 4. Once no row names an old key, the old keys go from the key file into files of their own.
//!
//! A process may die anywhere: with two keys in the file the next rotation goes on instead of making a third. Who
//! meets a key it does not know reads the key file again.

use crate::crash::{Point, point};
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::open::Store;
use crate::rotation_keys::KeyRing;
use crate::vault::{MasterKey, Sealed, VaultError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The row of `meta` that names the key that seals.
const CURRENT: &str = "master_key_id";
/// The secret by which a wrong key shows at once.
const CHECK: (&str, &str) = ("rmmbridge", "key-check");
/// Records wrapped in one transaction: other writers wait for it.
const BATCH: i64 = 100;

/// Owner, name, id of the master key, wrapped key of a secret.
type Row = (String, String, String, Vec<u8>);

/// A secret's key as it was read, and as it is wrapped again.
struct Wrapped {
    owner: String,
    name: String,
    was: Sealed,
    is: Sealed,
}

impl Wrapped {
    /// Stores it if the row still is what was read; who changed it meanwhile sealed it anew.
    async fn store(&self, tx: &mut Tx) -> Result<u64> {
        execute!(
            tx,
            "UPDATE secret SET key_id = $1, wrapped = $2 WHERE owner_id = $3 AND name = $4 AND key_id = $5 AND wrapped = $6",
            self.is.key_id.as_str(),
            self.is.wrapped.as_slice(),
            self.owner.as_str(),
            self.name.as_str(),
            self.was.key_id.as_str(),
            self.was.wrapped.as_slice()
        )
    }
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the key that seals now.
    pub key: String,
    /// Records whose key was wrapped again by this call.
    pub wrapped: u64,
    /// Whether it went on with a rotation that was begun before.
    pub resumed: bool,
    /// Whether it stopped after the new key was made, as it was told to.
    pub prepared_only: bool,
    /// Files that hold the retired keys; backups made before need them.
    pub retired: Vec<PathBuf>,
}

impl Store {
    /// Tells a wrong master key at start, and not at the first token; a new database remembers its key.
    pub(crate) async fn check_key(&self) -> Result<()> {
        let mut conn = self.read().await?;
        let current = fetch_optional!(conn, (String,), "SELECT value FROM meta WHERE key = $1", CURRENT)?;
        drop(conn);
        let (owner, name) = CHECK;
        if let Some((current,)) = current {
            self.keys.key(&current)?;
            self.secret(owner, name).await?;
            return Ok(());
        }
        // A database of a version that did not name its key has sealed the check with it.
        let mut tx = self.write().await?;
        let sealed = fetch_optional!(
            tx,
            (String,),
            "SELECT key_id FROM secret WHERE owner_id = $1 AND name = $2",
            owner,
            name
        )?;
        let key = match &sealed {
            Some((id,)) => self.keys.key(id)?,
            None => self.first_key()?,
        };
        execute!(
            tx,
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
            CURRENT,
            key.id()
        )?;
        // Of two processes that open a new database the second finds the first one's key here.
        self.sealing_key(&mut tx).await?;
        if sealed.is_none() {
            self.put_secret_in(&mut tx, owner, name, "this opens").await?;
        }
        tx.commit().await?;
        self.secret(owner, name).await?;
        Ok(())
    }

    fn first_key(&self) -> Result<Arc<MasterKey>> {
        self.keys.first().ok_or_else(|| {
            Error::Vault(VaultError::Malformed {
                origin: self.keys.origin(),
            })
        })
    }

    /// The key the database wants its secrets sealed with. It stays that until `tx` ends.
    pub(crate) async fn sealing_key(&self, tx: &mut Tx) -> Result<Arc<MasterKey>> {
        let sql = match &self.db {
            // One writer at a time anyway.
            Db::Sqlite { .. } => "SELECT value FROM meta WHERE key = $1",
            Db::Postgres(_) => "SELECT value FROM meta WHERE key = $1 FOR SHARE",
        };
        match fetch_optional!(tx, (String,), sql, CURRENT)? {
            Some((id,)) => Ok(self.keys.key(&id)?),
            None => self.first_key(),
        }
    }

    /// Rotates the master key, or goes on with a rotation that was begun. With `prepare_only` the new key is made and
    /// nothing is sealed with it yet, so that the key file can be copied to other machines first. `progress` is told
    /// how many records were wrapped.
    ///
    /// # Errors
    /// [`VaultError::NotOurs`] when the key does not come from a file and no new one was put before it,
    /// [`VaultError::Rotating`], [`VaultError::WrongKey`] when a record's key is not known, or when the database or the
    /// key file fails. Whatever the error, every secret still opens with the keys in the file.
    pub async fn rotate_key(
        &self,
        prepare_only: bool,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Rotation> {
        let file = self.keys.lock_file()?;
        self.keys.read_again()?;
        let current = self.current_key_id().await?;
        let mut resumed = true;
        if let Some(file) = &file {
            let mut keys = file.keys()?;
            if let [only] = keys.as_slice()
                && only.id() == current
                && self.rows_to_wrap(only.id()).await? == 0
            {
                resumed = false;
                let (new, _) = MasterKey::generate(self.random.as_ref());
                keys.insert(0, Arc::new(new));
                file.write(&keys)?;
                point(Point::KeyMade)?;
                self.keys.read_again()?;
            }
        }
        let new = self.first_key()?;
        if file.is_none() && new.id() == current && self.rows_to_wrap(new.id()).await? == 0 {
            return Err(VaultError::NotOurs {
                origin: self.keys.origin(),
            }
            .into());
        }
        let mut done = Rotation {
            key: new.id().to_owned(),
            wrapped: 0,
            resumed,
            prepared_only: prepare_only,
            retired: vec![],
        };
        if prepare_only {
            return Ok(done);
        }
        self.seal_with(&new, &current).await?;
        point(Point::KeyNamed)?;
        loop {
            let began = Instant::now();
            let wrapped = self.wrap_some(&new).await?;
            match wrapped {
                None => break,
                Some(rows) => done.wrapped += rows,
            }
            point(Point::SecretsWrapped)?;
            progress(done.wrapped);
            // As long as others had to wait for us, we leave the database to them: SQLite's lock is not fair.
            tokio::time::sleep(began.elapsed()).await;
        }
        if let Some(file) = file {
            for key in file.keys()? {
                if key.id() != new.id() {
                    done.retired.push(file.keep_retired(&key)?);
                }
            }
            point(Point::BeforeKeyDropped)?;
            file.write(std::slice::from_ref(&new))?;
            point(Point::KeyDropped)?;
        }
        Ok(done)
    }

    async fn current_key_id(&self) -> Result<String> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (String,), "SELECT value FROM meta WHERE key = $1", CURRENT)?;
        match row {
            Some((id,)) => Ok(id),
            None => Ok(self.first_key()?.id().to_owned()),
        }
    }

    /// How many records do not have their key wrapped with `key` yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows_to_wrap(&self, key: &str) -> Result<i64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT COUNT(*) FROM secret WHERE key_id <> $1",
            key
        )?;
        Ok(row.map_or(0, |(rows,)| rows))
    }

    /// Names the key that seals from now on. Waits for those who are sealing with the one before.
    async fn seal_with(&self, new: &MasterKey, current: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let moved = execute!(
            tx,
            "UPDATE meta SET value = $1 WHERE key = $2 AND (value = $3 OR value = $1)",
            new.id(),
            CURRENT,
            current
        )?;
        if moved == 0 {
            return Err(Error::Moved {
                what: "the master key of this database".to_owned(),
            });
        }
        tx.commit().await
    }

    /// Wraps the keys of some records again; `None` when none is left.
    async fn wrap_some(&self, new: &MasterKey) -> Result<Option<u64>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT owner_id, name, key_id, wrapped FROM secret WHERE key_id <> $1 ORDER BY owner_id, name LIMIT $2",
            new.id(),
            BATCH
        )?;
        drop(conn);
        if rows.is_empty() {
            return Ok(None);
        }
        let again = rows
            .into_iter()
            .map(|row| self.wrap(new, &self.keys, row))
            .collect::<Result<Vec<_>>>()?;
        let mut tx = self.write().await?;
        let mut wrapped = 0;
        for row in &again {
            wrapped += row.store(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(Some(wrapped))
    }

    /// Wraps the key of one record again.
    fn wrap(&self, new: &MasterKey, keys: &KeyRing, row: Row) -> Result<Wrapped> {
        let (owner, name, key_id, wrapped) = row;
        let old = keys.key(&key_id)?;
        let was = Sealed {
            key_id,
            wrapped,
            sealed: vec![],
        };
        let is = new.wrap_again(&old, &owner, &name, &was, self.random.as_ref())?;
        Ok(Wrapped { owner, name, was, is })
    }

    /// After a restore: every secret wrapped with the key that seals here, whatever key the backup was made with.
    pub(crate) async fn adopt_secrets(&self, tx: &mut Tx, target: &MasterKey, keys: &KeyRing) -> Result<()> {
        execute!(
            tx,
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            CURRENT,
            target.id()
        )?;
        loop {
            let rows = fetch_all!(
                tx,
                Row,
                "SELECT owner_id, name, key_id, wrapped FROM secret WHERE key_id <> $1 LIMIT $2",
                target.id(),
                BATCH
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                self.wrap(target, keys, row)?.store(tx).await?;
            }
        }
    }
}
