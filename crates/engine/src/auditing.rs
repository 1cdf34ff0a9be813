//! The audit log: looking at it, checking it, and keeping its end outside the database.

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole};
pub use store::{AuditEntry, Verified};

impl Engine {
    /// Up to `limit` entries of the audit log, newest first, with numbers below `before` where it is given.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails.
    pub async fn audit_log(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>> {
        require(actor, ActorRole::Owner, "see the audit log")?;
        Ok(self.store.audit_entries(before, limit).await?)
    }

    /// Checks that every entry of the audit log follows from the one before, and that its end is the one that was kept
    /// outside the database.
    ///
    /// # Errors
    /// When it cannot be read. A log that does not hold is an answer and no error.
    pub async fn verify_audit(&self, actor: &Actor) -> Result<Verified> {
        require(actor, ActorRole::Viewer, "check the audit log")?;
        let kept = match &self.options.audit_mark {
            Some(mark) => mark.kept()?,
            None => None,
        };
        Ok(self.store.verify_audit(kept.as_ref()).await?)
    }

    /// Keeps the present end of the audit log outside the database.
    ///
    /// # Errors
    /// When the log no longer holds the end that was kept before: entries were taken away or made anew. Then nothing
    /// more may be written, and what was kept stays as the proof.
    pub async fn keep_audit_mark(&self) -> Result<()> {
        let Some(mark) = &self.options.audit_mark else {
            return Ok(());
        };
        // Until an Owner confirms a restored hub, nobody knows whether its log is the one that goes on.
        if self.store.instance().await?.waits.is_some() {
            return Ok(());
        }
        let kept = mark.kept()?;
        let head = self.store.audit_head().await?;
        if let Some(kept) = &kept {
            if kept == &head {
                return Ok(());
            }
            let stands = self.store.audit_hash(kept.seq).await?;
            if kept.seq > 0 && stands.as_ref() != Some(&kept.hash) {
                let what = format!("entry {} is not the one that was written", kept.seq);
                return Err(store::Error::AuditLog(what).into());
            }
        }
        Ok(mark.keep(&head)?)
    }

    /// Keeps the present end of the log, whatever was kept before.
    pub(crate) async fn begin_audit_mark(&self) -> Result<()> {
        let Some(mark) = &self.options.audit_mark else {
            return Ok(());
        };
        Ok(mark.keep(&self.store.audit_head().await?)?)
    }
}
