//! Versions of the worker with one rule left out. Each must be caught, else the model proves nothing.

use crate::verdict::Breach;

/// What the wrong version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Takes a claim whatever became of it since it was read.
    TakesTheClaimUnseen,
    /// Compares the claim's version first and moves it on later, in two steps.
    ComparesThenSets,
    /// Waits nine tenths of the time.
    WaitsATenthTooShort,
    /// Looks up at once.
    WaitsNotAtAll,
    /// Measures the wait by a time of day that people set.
    WaitsByTheTimeOfDay,
    /// Measures it by that since the machine was started anew, however short it has been up.
    WaitsByTheTimeOfDayAfterARestart,
    /// Measures the wait by the time of day of its own machine instead of the database's.
    WaitsByItsOwnTimeOfDay,
    /// Counts the wait from the first of several attempts.
    WaitsFromTheFirstAttempt,
    /// Commits its intent when the answer is there.
    IntendsAfterSending,
    /// Claims nothing.
    IntendsNothing,
    /// Sends again without a look.
    LooksUpNothing,
    /// Looks up before it reads the claim, and acts on that.
    LooksUpBeforeTheClaim,
    /// Takes a look-up that failed for one that found nothing.
    TakesAFailedLookUpForNone,
    /// Reads what is linked before it reads the claims.
    ReadsLinksBeforeClaims,
    /// Sends however late it has become.
    SendsTooLate,
    /// Counts its deadline from the look-up and not from before the commit of the intent.
    CountsItsDeadlineFromTheLookUp,
    /// Closes the claim whoever holds it.
    SettlesWhatOthersHold,
    /// Closes the claim of a write without a known outcome.
    SettlesTheUnknown,
    /// Deletes the claim with the outcome, so that its versions begin anew.
    ForgetsTheVersion,
    /// Closes the claim and leaves its version, so that who read it before may still take it.
    SettlesWithoutMovingOn,
    /// Closes, when it starts again, what it had open when it died.
    ReleasesAtRestart,
    /// Records the outcome and the link, then sends.
    RecordsBeforeSending,
    /// Takes the first of several records with our mark.
    AdoptsTheFirstOfSeveral,
    /// Takes a server's failure for a refusal.
    TakesAFailureForARefusal,
    /// Takes one write's refusal for that of the whole call.
    TakesOneRefusalForAll,
}

impl Wrong {
    /// What it leads to.
    pub fn leads_to(self) -> Breach {
        match self {
            Self::RecordsBeforeSending => Breach::Lost,
            Self::SettlesWithoutMovingOn => Breach::LeftInDoubt,
            Self::AdoptsTheFirstOfSeveral => Breach::TookOneOfSeveral,
            _ => Breach::Duplicate,
        }
    }
}
