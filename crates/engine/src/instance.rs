//! Whether this hub is the one that works: a restored or copied one waits for an Owner (`store::Instance` tells how that
//! is noticed).

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole};
use store::Instance;

impl Engine {
    /// Refuses whatever reaches out, while this hub waits for an Owner. Reads, writes to a destination and consents
    /// begin with it; refreshes of tokens ask by themselves.
    ///
    /// # Errors
    /// [`store::Error::Unconfirmed`], which says why it waits and what to do.
    pub async fn require_confirmed_instance(&self) -> Result<()> {
        Ok(self.store.require_confirmed_instance().await?)
    }

    /// Which hub this is, and why it waits if it does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn instance(&self, actor: &Actor) -> Result<Instance> {
        require(actor, ActorRole::Viewer, "see which hub this is")?;
        Ok(self.store.instance().await?)
    }

    /// Confirms that this hub is the one that works from now on. Confirming one that works changes nothing.
    ///
    /// # Errors
    /// When the actor is no Owner, somebody else confirmed it at the same moment, or the store fails.
    pub async fn confirm_instance(&self, actor: &Actor) -> Result<Instance> {
        require(actor, ActorRole::Owner, "confirm that this hub is the one")?;
        let before = self.store.instance().await?;
        let confirmed = self.acting(actor).store.confirm_instance().await?;
        if let Some(reason) = before.waits {
            // A restored log ends elsewhere than the one before: from here on this is the log.
            self.begin_audit_mark().await?;
            tracing::info!(
                instance = confirmed.id,
                epoch = confirmed.epoch,
                reason,
                "{actor} confirmed that this hub is the one that works."
            );
        }
        Ok(confirmed)
    }
}
