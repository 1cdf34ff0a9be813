//! Backing up, looking at backups, and restoring them.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::progress::Work;
use model::{Actor, ActorRole};
use std::path::Path;
use store::{BackupOptions, BackupReport, KeyRing, Note};

impl Engine {
    /// Writes a backup to `path`, while everything else goes on, and reads it back.
    ///
    /// # Errors
    /// When the actor is no Owner, the file cannot be written or does not read back, the database fails, or the work is
    /// stopped; nothing stands under the name then.
    pub async fn back_up(
        &self,
        actor: &Actor,
        path: &Path,
        options: &BackupOptions,
        work: Work<'_>,
    ) -> Result<BackupReport> {
        require(actor, ActorRole::Owner, "back up the database")?;
        let note = Note::new("backup.made", path.display().to_string());
        self.acting(actor).store.note_alone(note).await?;
        let progress = |rows| work.progress.at("Backing up", rows, None);
        let report = work
            .unless_stopped(self.store.backup(path, options, &progress))
            .await??;
        tracing::info!(file = %path.display(), rows = report.rows(), "{actor} made a backup.");
        Ok(report)
    }

    /// Reads a backup from its first byte to its last.
    ///
    /// # Errors
    /// When the actor is no Owner, or the file is not sound or needs another key.
    pub async fn verify_backup(
        &self,
        actor: &Actor,
        path: &Path,
        more_keys: Option<&KeyRing>,
        work: Work<'_>,
    ) -> Result<BackupReport> {
        require(actor, ActorRole::Owner, "look at backups")?;
        Ok(work
            .unless_stopped(self.store.verify_backup(path, more_keys))
            .await??)
    }

    /// Restores a backup into this hub's database, which must be empty. The hub then waits for an Owner
    /// ([`Engine::confirm_instance`]).
    ///
    /// # Errors
    /// When the actor is no Owner, another process is the runner, the database is not empty, or the file is not sound,
    /// needs another key or is of a newer version; nothing was changed then.
    pub async fn restore(
        &self,
        actor: &Actor,
        path: &Path,
        more_keys: Option<&KeyRing>,
        work: Work<'_>,
    ) -> Result<BackupReport> {
        require(actor, ActorRole::Owner, "restore a backup")?;
        let _runner = self.store.lock_runner(&self.options.holder).await?;
        self.require_alone().await?;
        let progress = |rows| work.progress.at("Restoring", rows, None);
        let report = work
            .unless_stopped(self.store.restore(path, more_keys, &progress))
            .await??;
        tracing::info!(file = %path.display(), rows = report.rows(), "{actor} restored a backup.");
        Ok(report)
    }
}
