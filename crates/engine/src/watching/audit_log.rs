//! How the audit log stands: looked at, remembered, and asked by whoever is about to write.

use super::Seen;
use crate::auditing::{AuditCheck, BrokenLog, WAY_OUT};
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, EventKind, Health};
use store::Verified;

/// What it is watched as.
pub(super) const SUBJECT: &str = "audit";
/// It does not hold. Nothing is written until the whole of it was checked and holds.
const BROKEN: &str = "broken";
/// Its end cannot be kept outside the database. Each run asks for itself whether that is still so: a disk that was full
/// for a moment stops nothing any more.
const NOT_KEPT: &str = "not kept";
/// It holds.
const WHOLE: &str = "whole";
/// What people are told to do when they are told what was found.
const ADVICE: &str = ". Nothing more is written until it is found whole again. Run: rmmbridge audit verify";

impl Engine {
    /// Checks the whole audit log, and remembers how it stands: nothing is written while it is broken, and what a look at
    /// its end alone found broken stays so until this finds it whole.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails. A log that does not hold is no error.
    pub async fn watch_audit_log(&self, actor: &Actor) -> Result<AuditCheck> {
        require(actor, ActorRole::Viewer, "check the audit log")?;
        let before = self.store.health().await?;
        let check = self.check_audit_log().await?;
        let (health, seen) = match &check.verified {
            // Somebody may have found it broken while this was reading what stood before: their word stands.
            Verified::Whole { .. } => (before, seen(WHOLE, None)),
            Verified::Broken { seq, what } => {
                let why = format!("entry {seq}: {what}{ADVICE}");
                (self.store.health().await?, seen(BROKEN, Some(why)))
            }
        };
        self.remember(&health, &[seen]).await?;
        Ok(check)
    }

    /// Looks at the end of the log alone, and keeps it; what there is to remember.
    pub(super) async fn watch_audit_end(&self, health: &[Health]) -> Result<Option<Seen>> {
        match self.follow_audit_log().await {
            Ok(None) => Ok(None),
            Ok(Some(lost)) => Ok(Some(seen(BROKEN, Some(format!("{lost}{ADVICE}"))))),
            // What was found broken is not made better by a file that cannot be written.
            Err(Error::Store(store::Error::AuditLog(_))) if broken_log(health).is_some() => Ok(None),
            Err(error @ Error::Store(store::Error::AuditLog(_))) => {
                Ok(Some(seen(NOT_KEPT, Some(error.to_string()))))
            }
            Err(error) => Err(error),
        }
    }

    /// What is wrong with the log, where it was found broken, whoever found it. Every page asks.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails.
    pub async fn broken_audit_log(&self, actor: &Actor) -> Result<Option<BrokenLog>> {
        require(actor, ActorRole::Viewer, "see how the audit log stands")?;
        Ok(self.store.health_of(SUBJECT).await?.as_ref().and_then(broken))
    }

    /// The same, after a look at the end of the log. A worker looks by itself; this is for where none may be at work.
    ///
    /// # Errors
    /// When the actor may not see it, or the store fails.
    pub async fn look_at_audit_log(&self, actor: &Actor) -> Result<Option<BrokenLog>> {
        require(actor, ActorRole::Viewer, "see how the audit log stands")?;
        let health = self.store.health().await?;
        if broken_log(&health).is_none() {
            let found = self.watch_audit_end(&health).await?;
            // That its end cannot be kept at this moment is told to whoever writes.
            if let Some(found) = found.filter(|seen| seen.state == BROKEN) {
                self.remember(&health, &[found]).await?;
            }
        }
        self.broken_audit_log(actor).await
    }

    /// Refuses while the log was found broken, whoever found it. Whoever writes looks at its end as well
    /// ([`Engine::keep_audit_mark`]).
    pub(crate) async fn require_whole_audit_log(&self) -> Result<()> {
        match self.store.health_of(SUBJECT).await?.as_ref().and_then(broken) {
            None => Ok(()),
            Some(broken) => Err(store::Error::AuditLog(format!("{broken}. {WAY_OUT}")).into()),
        }
    }
}

/// What is wrong with the log, as these rows have it.
pub(crate) fn broken_log(health: &[Health]) -> Option<BrokenLog> {
    health.iter().find_map(broken)
}

/// The same of one row.
fn broken(row: &Health) -> Option<BrokenLog> {
    let why = row.why.as_deref().unwrap_or("it does not hold");
    (row.subject == SUBJECT && row.state == BROKEN).then(|| BrokenLog {
        what: why.strip_suffix(ADVICE).unwrap_or(why).to_owned(),
        since: row.since,
    })
}

/// The log in this state; why, unless all is well.
fn seen(state: &str, why: Option<String>) -> Seen {
    Seen {
        subject: SUBJECT.to_owned(),
        label: "The audit log".to_owned(),
        state: state.to_owned(),
        tell: why.is_some().then_some(EventKind::AuditBroken),
        well: why.is_none(),
        why,
    }
}
