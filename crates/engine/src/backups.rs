//! Backups in the hub's own directory: what the pages make, check, hand over and remove.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::progress::Work;
use jiff::Timestamp;
use model::{Actor, ActorRole};
use std::path::{Path, PathBuf};
use store::{BackupOptions, BackupReport, Note};

/// How the name of a backup ends.
const ENDING: &str = ".backup";

/// A backup in the hub's own directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub made: Timestamp,
    /// Its size.
    pub bytes: u64,
}

impl Engine {
    /// Backs up into the hub's own directory, under a name made of the time; the name.
    ///
    /// # Errors
    /// Those of [`Engine::back_up`].
    pub async fn back_up_here(
        &self,
        actor: &Actor,
        program: &str,
        work: Work<'_>,
    ) -> Result<(String, BackupReport)> {
        require(actor, ActorRole::Owner, "back up the database")?;
        let directory = self.backup_directory()?;
        make_private(directory).map_err(|error| file_error(directory, &error))?;
        let name = unused(directory, self.clock().now());
        let options = BackupOptions {
            unencrypted: false,
            replace: false,
            program: program.to_owned(),
        };
        let report = self
            .back_up(actor, &directory.join(&name), &options, work)
            .await?;
        Ok((name, report))
    }

    /// The backups in the hub's own directory, newest first; `None` when this hub has no such directory.
    ///
    /// # Errors
    /// When the actor is no Owner, or the directory cannot be read.
    pub async fn backups(&self, actor: &Actor) -> Result<Option<Vec<Backup>>> {
        require(actor, ActorRole::Owner, "look at backups")?;
        let Some(directory) = &self.options.backups else {
            return Ok(None);
        };
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
            Err(error) => return Err(file_error(directory, &error)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(data) = entry.metadata() else { continue };
            if data.is_file() && is_name(&name) {
                let made = data.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                found.push(Backup {
                    name,
                    made: made.unwrap_or(Timestamp::UNIX_EPOCH),
                    bytes: data.len(),
                });
            }
        }
        // Names are times.
        found.sort_by(|a, b| b.name.cmp(&a.name));
        Ok(Some(found))
    }

    /// Where a backup of the hub's own directory is.
    ///
    /// # Errors
    /// When the actor is no Owner, or there is none of that name.
    pub fn backup_path(&self, actor: &Actor, name: &str) -> Result<PathBuf> {
        require(actor, ActorRole::Owner, "look at backups")?;
        let path = self.backup_directory()?.join(name);
        if !is_name(name) || !path.is_file() {
            return Err(Error::Unknown {
                what: "backup",
                name: name.to_owned(),
                known: None,
            });
        }
        Ok(path)
    }

    /// Notes that a backup was handed over to somebody.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn note_backup_taken(&self, actor: &Actor, name: &str) -> Result<()> {
        require(actor, ActorRole::Owner, "take backups away")?;
        let note = Note::new("backup.handed_over", name);
        Ok(self.acting(actor).store.note_alone(note).await?)
    }

    /// Removes a backup from the hub's own directory.
    ///
    /// # Errors
    /// When the actor is no Owner, there is none of that name, or it cannot be removed.
    pub async fn remove_backup(&self, actor: &Actor, name: &str) -> Result<()> {
        let path = self.backup_path(actor, name)?;
        let note = Note::new("backup.removed", name);
        self.acting(actor).store.note_alone(note).await?;
        std::fs::remove_file(&path).map_err(|error| file_error(&path, &error))
    }

    fn backup_directory(&self) -> Result<&Path> {
        self.options.backups.as_deref().ok_or_else(|| Error::File {
            file: "backups".to_owned(),
            problem: "this hub has no directory for backups. Use: rmmbridge backup FILE".to_owned(),
        })
    }
}

/// A name made of the time that no backup has, whole or being written: who presses twice within a second has two.
fn unused(directory: &Path, now: Timestamp) -> String {
    let stem = format!("rmmbridge-{}", now.strftime("%Y-%m-%d-%H%M%S"));
    let mut name = format!("{stem}{ENDING}");
    let mut number = 2;
    while ["", ".partial"]
        .into_iter()
        .any(|ending| directory.join(format!("{name}{ending}")).exists())
    {
        name = format!("{stem}_{number}{ENDING}");
        number += 1;
    }
    name
}

/// Names of ours alone: nobody gets another file by asking for it.
fn is_name(name: &str) -> bool {
    name.starts_with("rmmbridge-")
        && name.ends_with(ENDING)
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn file_error(path: &Path, error: &std::io::Error) -> Error {
    Error::File {
        file: path.display().to_string(),
        problem: error.to_string(),
    }
}

/// A directory that only its owner may enter.
fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_files_are_backups() {
        assert!(is_name("rmmbridge-2026-11-28-201500.backup"));
        for name in [
            "",
            "../rmmbridge.db",
            "rmmbridge-/../../etc.backup",
            "master.key",
            "rmmbridge-x.backup.partial",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
