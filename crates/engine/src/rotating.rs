//! Rotating the master key.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::progress::Work;
use model::{Actor, ActorRole};
use store::{Note, Rotation};

impl Engine {
    /// Makes a new master key and wraps every secret's key with it, while everything else goes on; or goes on with a
    /// rotation that was stopped. With `prepare_only` the key is made and not used yet.
    ///
    /// # Errors
    /// When the actor is no Owner, another rotation is at work, a secret's key is not known, or the store fails or the
    /// work is stopped: every secret still opens then, and the next rotation goes on.
    pub async fn rotate_key(&self, actor: &Actor, prepare_only: bool, work: Work<'_>) -> Result<Rotation> {
        require(actor, ActorRole::Owner, "rotate the master key")?;
        let note = Note::new(
            "master_key.rotation",
            if prepare_only { "prepared" } else { "begun" },
        );
        self.acting(actor).store.note_alone(note).await?;
        let progress = |secrets| work.progress.at("Wrapping secrets", secrets, None);
        let done = work
            .unless_stopped(self.store.rotate_key(prepare_only, &progress))
            .await??;
        tracing::info!(
            key = done.key,
            secrets = done.wrapped,
            "{actor} rotated the master key."
        );
        Ok(done)
    }
}
