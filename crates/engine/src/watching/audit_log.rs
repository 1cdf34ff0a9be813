//! How the audit log stands: looked at, remembered, and asked by whoever is about to write.

use super::Seen;
use crate::auditing::{AuditCheck, WAY_OUT};
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
            Err(Error::Store(store::Error::AuditLog(_))) if broken(health).is_some() => Ok(None),
            Err(error @ Error::Store(store::Error::AuditLog(_))) => {
                Ok(Some(seen(NOT_KEPT, Some(error.to_string()))))
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses while the log was found broken, whoever found it. Whoever writes looks at its end as well
    /// ([`Engine::keep_audit_mark`]).
    pub(crate) async fn require_whole_audit_log(&self) -> Result<()> {
        let health = self.store.health().await?;
        let Some(broken) = broken(&health) else {
            return Ok(());
        };
        let why = broken.why.as_deref().unwrap_or("it does not hold");
        let what = why.strip_suffix(ADVICE).unwrap_or(why);
        let since = broken.since.strftime("%Y-%m-%d %H:%M UTC");
        let refusal = format!("found broken on {since} ({what}). {WAY_OUT}");
        Err(store::Error::AuditLog(refusal).into())
    }
}

/// The row that says that the log is broken, if it does.
fn broken(health: &[Health]) -> Option<&Health> {
    health.iter().find(|h| h.subject == SUBJECT && h.state == BROKEN)
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
