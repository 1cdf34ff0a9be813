//! The file a backup is written to, under a temporary name until it is complete.

use super::problem;
use crate::backup_file::{BackupReader, sync_directory_of};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What stands under the backup's name already.
pub(super) fn check_target(path: &Path, replace: bool) -> Result<()> {
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
pub(super) struct Draft {
    pub(super) path: PathBuf,
    file: Option<File>,
    kept: bool,
}

impl Draft {
    pub(super) fn begin(target: &Path) -> Result<Self> {
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
    pub(super) fn file(&self) -> Result<File> {
        match &self.file {
            Some(file) => file.try_clone().map_err(|error| problem(&self.path, &error)),
            None => Err(problem(&self.path, &std::io::ErrorKind::NotFound.into())),
        }
    }

    pub(super) fn keep(mut self, target: &Path) -> Result<()> {
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
