//! The master keys a process knows: one, or two and more while a rotation goes on.
//!
//! A key file holds one key a line. The first is the one that is to seal, the others still open what they sealed.
//! Which key *does* seal is not decided here but by the database (`rotation.rs`), so that no process seals with an old
//! key after the last record was wrapped with the new one.

use crate::rotation_file::{keys_in, parse_keys, private_file, read_keys, replace_private};
use crate::vault::{MasterKey, VaultError};
use model::Random;
use secrecy::SecretString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The master keys a process knows. Clones share them: a key that is found later is found for all.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    keys: RwLock<Vec<Arc<MasterKey>>>,
    source: Source,
}

/// Where keys come from.
enum Source {
    /// A file that is read again when a record names a key nobody here knows.
    File(PathBuf),
    /// The environment or the like: what was given is all there is.
    Given(String),
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({})", self.ids())
    }
}

impl From<Arc<MasterKey>> for KeyRing {
    fn from(key: Arc<MasterKey>) -> Self {
        Self::of(vec![key], Source::Given("the program".to_owned()))
    }
}

impl KeyRing {
    fn of(keys: Vec<Arc<MasterKey>>, source: Source) -> Self {
        Self(Arc::new(Ring {
            keys: RwLock::new(keys),
            source,
        }))
    }

    /// The keys in `path`; the file is made with one new key when it is not there.
    ///
    /// # Errors
    /// When the file cannot be read or made, is readable by others, or holds no key.
    pub fn from_file(path: &Path, random: &dyn Random) -> Result<Self, VaultError> {
        let keys = read_keys(path, random)?.into_iter().map(Arc::new).collect();
        Ok(Self::of(keys, Source::File(path.to_owned())))
    }

    /// One key or several with white space between them, the first of which is to seal; `origin` is named in errors.
    ///
    /// # Errors
    /// [`VaultError::Malformed`].
    pub fn from_text(text: &SecretString, origin: &str) -> Result<Self, VaultError> {
        let keys = parse_keys(text, origin)?.into_iter().map(Arc::new).collect();
        Ok(Self::of(keys, Source::Given(origin.to_owned())))
    }

    /// These keys and those of `others`, which open but never seal.
    pub fn and(&self, others: &Self) -> Self {
        let mut keys = self.keys();
        keys.extend(others.keys());
        Self::of(keys, Source::Given("several places".to_owned()))
    }

    fn keys(&self) -> Vec<Arc<MasterKey>> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    /// The ids of all keys, for messages.
    pub fn ids(&self) -> String {
        let ids: Vec<_> = self.keys().iter().map(|key| key.id().to_owned()).collect();
        ids.join(" and ")
    }

    /// The key that is to seal.
    pub(crate) fn first(&self) -> Option<Arc<MasterKey>> {
        self.keys().into_iter().next()
    }

    /// The key of that id. A key file is read again when it is not known: another process may have rotated.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] when nobody here has it, or when the key file cannot be read.
    pub(crate) fn key(&self, id: &str) -> Result<Arc<MasterKey>, VaultError> {
        let known = |keys: Vec<Arc<MasterKey>>| keys.into_iter().find(|key| key.id() == id);
        if let Some(key) = known(self.keys()) {
            return Ok(key);
        }
        self.read_again()?;
        known(self.keys()).ok_or_else(|| VaultError::WrongKey {
            sealed_with: id.to_owned(),
            given: self.ids(),
        })
    }

    /// Reads the key file again. Keys that are not in it any more stay known to this process.
    pub(crate) fn read_again(&self) -> Result<(), VaultError> {
        let Source::File(path) = &self.0.source else {
            return Ok(());
        };
        let mut fresh = Self::read(path)?;
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        let gone = keys
            .drain(..)
            .filter(|key| fresh.iter().all(|f| f.id() != key.id()));
        let gone: Vec<_> = gone.collect();
        fresh.extend(gone);
        *keys = fresh;
        Ok(())
    }

    /// The keys of a file that must be there: one that was taken away is not made anew.
    fn read(path: &Path) -> Result<Vec<Arc<MasterKey>>, VaultError> {
        Ok(keys_in(path)?.into_iter().map(Arc::new).collect())
    }

    /// The right to change the key file, while the guard lives; `None` when the keys came from elsewhere.
    ///
    /// # Errors
    /// [`VaultError::Rotating`] when another process has it, or when the lock file cannot be made.
    pub(crate) fn lock_file(&self) -> Result<Option<KeyFile>, VaultError> {
        let Source::File(path) = &self.0.source else {
            return Ok(None);
        };
        let lock = beside(path, "lock");
        let failed = |source| VaultError::KeyFile {
            path: lock.clone(),
            source,
        };
        let mut options = private_file();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(KeyFile {
                path: path.clone(),
                _lock: file,
            })),
            Err(std::fs::TryLockError::WouldBlock) => Err(VaultError::Rotating { path: path.clone() }),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where the keys came from, for messages.
    pub(crate) fn origin(&self) -> String {
        match &self.0.source {
            Source::File(path) => path.display().to_string(),
            Source::Given(origin) => origin.clone(),
        }
    }
}

/// A key file nobody else changes.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    _lock: File,
}

impl KeyFile {
    /// The keys that stand in it.
    pub(crate) fn keys(&self) -> Result<Vec<Arc<MasterKey>>, VaultError> {
        KeyRing::read(&self.path)
    }

    /// Puts these keys into it, durably, in place of what stood there.
    pub(crate) fn write(&self, keys: &[Arc<MasterKey>]) -> Result<(), VaultError> {
        write(&self.path, keys)
    }

    /// Writes a retired key into a file of its own: backups made with it need it. The file's path.
    pub(crate) fn keep_retired(&self, key: &Arc<MasterKey>) -> Result<PathBuf, VaultError> {
        let path = beside(&self.path, &format!("retired-{}", key.id()));
        write(&path, std::slice::from_ref(key))?;
        Ok(path)
    }
}

fn write(path: &Path, keys: &[Arc<MasterKey>]) -> Result<(), VaultError> {
    let mut text = Zeroizing::new(String::with_capacity(keys.len() * 65));
    for key in keys {
        text.push_str(&key.digits());
        text.push('\n');
    }
    replace_private(path, text.as_bytes(), &std::process::id().to_string()).map_err(|source| {
        VaultError::KeyFile {
            path: path.to_owned(),
            source,
        }
    })
}

/// `master.key` → `master.key.lock`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}
