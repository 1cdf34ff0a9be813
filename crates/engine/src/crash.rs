//! The points at which the kill harness may end the process, hold it up, or make the next step fail.
//!
//! In the product none of them does anything: they come to life with the feature `crash-points` alone.

/// A point in a run between two effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A run was begun.
    RunBegun,
    /// The pages of a source were read to their end, and the snapshot is not stored.
    BeforeSnapshot,
    /// The snapshot is stored.
    SnapshotStored,
    /// Every operation of a plan is stored, and the plan is not ready.
    BeforePlanReady,
    /// The plan is ready.
    PlanReady,
    /// Claims and links of the next records were read.
    ClaimsRead,
    /// Their intents are committed.
    Intended,
    /// Records in doubt were looked up.
    LookedUp,
    /// The next step is to send.
    BeforeSend,
    /// The destination answered, and nothing of it is recorded.
    Answered,
    /// Outcomes and links are recorded.
    Recorded,
    /// Everything was applied, and the run is not ended.
    BeforeRunEnd,
    /// The run is ended.
    RunEnded,
    /// It is this process's turn to refresh a token, and nothing was sent.
    RefreshTurn,
    /// The new token pair arrived, and is not stored.
    RefreshAnswered,
    /// The new token pair is stored.
    RefreshStored,
}

impl Point {
    /// All of them, in the order of a run.
    pub const ALL: [Self; 16] = [
        Self::RunBegun,
        Self::BeforeSnapshot,
        Self::SnapshotStored,
        Self::BeforePlanReady,
        Self::PlanReady,
        Self::ClaimsRead,
        Self::Intended,
        Self::LookedUp,
        Self::BeforeSend,
        Self::Answered,
        Self::Recorded,
        Self::BeforeRunEnd,
        Self::RunEnded,
        Self::RefreshTurn,
        Self::RefreshAnswered,
        Self::RefreshStored,
    ];

    /// Its name, as the harness calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunBegun => "run-begun",
            Self::BeforeSnapshot => "before-snapshot",
            Self::SnapshotStored => "snapshot-stored",
            Self::BeforePlanReady => "before-plan-ready",
            Self::PlanReady => "plan-ready",
            Self::ClaimsRead => "claims-read",
            Self::Intended => "intended",
            Self::LookedUp => "looked-up",
            Self::BeforeSend => "before-send",
            Self::Answered => "answered",
            Self::Recorded => "recorded",
            Self::BeforeRunEnd => "before-run-end",
            Self::RunEnded => "run-ended",
            Self::RefreshTurn => "refresh-turn",
            Self::RefreshAnswered => "refresh-answered",
            Self::RefreshStored => "refresh-stored",
        }
    }
}

/// Passes `here`. With `crash-points`, the harness decides how.
#[cfg(feature = "crash-points")]
pub(crate) fn point(here: Point) -> crate::Result<()> {
    fail::fail_point!(here.name(), |_| Err(crate::Error::Injected { at: here.name() }));
    Ok(())
}

/// Passes `here`.
#[cfg(not(feature = "crash-points"))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as the one that can fail")]
pub(crate) const fn point(_here: Point) -> crate::Result<()> {
    Ok(())
}
