//! The points at which the kill harness may end the process, hold it up, or make the next step fail.
//!
//! In the product none of them does anything: they come to life with the feature `crash-points` alone. A point stands
//! before and after each effect that must not be half done. The harness fails when it did not strike at each of them.

/// Makes the list of points and their names from one text.
macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A point between two effects.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All of them, in the order of a run.
            pub const ALL: &'static [Self] = &[$(Self::$point,)*];

            /// Its name, as the harness calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// A schedule's tick and its job are stored in a transaction that is not committed.
    TickStored = "tick-stored",
    /// They are committed.
    TickCommitted = "tick-committed",
    /// A worker claimed a job.
    JobClaimed = "job-claimed",
    /// A job's work has ended, and nothing of that is stored.
    BeforeJobSettled = "before-job-settled",
    /// What became of a job is stored.
    JobSettled = "job-settled",
    /// A job of a worker that died is in the queue again.
    JobTakenUp = "job-taken-up",
    /// The pages of a source were read to their end, and the snapshot is not stored.
    BeforeSnapshot = "before-snapshot",
    /// The snapshot is stored.
    SnapshotStored = "snapshot-stored",
    /// Every operation of a plan is stored, and the plan is not ready.
    BeforePlanReady = "before-plan-ready",
    /// The plan is ready.
    PlanReady = "plan-ready",
    /// A run was begun.
    RunBegun = "run-begun",
    /// Claims and links of the next records were read.
    ClaimsRead = "claims-read",
    /// Their intents are committed.
    Intended = "intended",
    /// Records in doubt were looked up.
    LookedUp = "looked-up",
    /// The next step is to send.
    BeforeSend = "before-send",
    /// The destination answered, and nothing of it is recorded.
    Answered = "answered",
    /// Outcomes and links are recorded.
    Recorded = "recorded",
    /// Everything was applied, and the run is not ended.
    BeforeRunEnd = "before-run-end",
    /// The run is ended.
    RunEnded = "run-ended",
    /// Every operation of the plan of an undo is stored, and the plan is not ready.
    BeforeUndoPlanReady = "before-undo-plan-ready",
    /// The plan of an undo is ready, and the bridge goes on.
    UndoPlanReady = "undo-plan-ready",
    /// The bridge is paused for an undo, which wrote nothing yet.
    UndoBegun = "undo-begun",
    /// It is this process's turn to refresh a token, and nothing was sent.
    RefreshTurn = "refresh-turn",
    /// The new token pair arrived, and is not stored.
    RefreshAnswered = "refresh-answered",
    /// The new token pair is stored.
    RefreshStored = "refresh-stored",
    /// A transaction is about to add its entries to the audit log.
    BeforeAudit = "before-audit",
    /// They are added, and the transaction is not committed.
    Audited = "audited",
    /// The new end of the audit log is written beside the old one, outside the database.
    BeforeAuditMark = "before-audit-mark",
    /// It has taken the old one's place.
    AuditMarkKept = "audit-mark-kept",
    /// A backup's rows are in its file, which was not read back and has no name yet.
    BackupCopied = "backup-copied",
    /// It was read back.
    BackupVerified = "backup-verified",
    /// It has its name.
    BackupNamed = "backup-named",
    /// A new master key stands in the key file, and the database does not know it.
    KeyMade = "key-made",
    /// The database names it as the one that seals.
    KeyNamed = "key-named",
    /// Some secrets are wrapped with it.
    SecretsWrapped = "secrets-wrapped",
    /// The old key has a file of its own and is still in the key file.
    BeforeKeyDropped = "before-key-dropped",
    /// The old key is no longer in the key file.
    KeyDropped = "key-dropped",
}

/// Passes `here`. With `crash-points`, the harness decides how.
///
/// # Errors
/// [`crate::Error::Injected`], when the harness says so.
#[cfg(feature = "crash-points")]
pub fn point(here: Point) -> crate::Result<()> {
    fail::fail_point!(here.name(), |_| {
        // Told before it happens, as the other ways are: what is caught on the way up was struck all the same.
        eprintln!("struck {}:error", here.name());
        Err(crate::Error::Injected { at: here.name() })
    });
    Ok(())
}

/// Passes `here`.
///
/// # Errors
/// None.
#[cfg(not(feature = "crash-points"))]
pub const fn point(_here: Point) -> crate::Result<()> {
    Ok(())
}
