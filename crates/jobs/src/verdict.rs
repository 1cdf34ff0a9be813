//! What becomes of a job that did not do what it was asked to: again later, waiting for a person, or failed.

use engine::{Error, Remedy};
use std::time::Duration;

/// The first pause after a failure that may pass by itself.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often a job is tried before it counts as failed: a good day of them.
const ATTEMPTS: i64 = 30;
/// How soon a job looks again whether what it needs is free.
const BUSY: Duration = Duration::from_secs(5);

/// What becomes of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is started again after a pause; `counts` when it was an attempt of its own.
    Again {
        after: Duration,
        reason: Option<String>,
        counts: bool,
    },
    /// A person has to do something; with a connection, it goes on by itself once that is connected again, and with
    /// `writes` once they are allowed again.
    Wait {
        reason: String,
        connection: Option<String>,
        writes: bool,
    },
    /// Something newer took its place: there is nothing left to do.
    Overtaken { reason: String },
    /// It goes to the list of failed jobs.
    Failed { reason: String },
}

/// The pause after the `attempt`-th failure: a minute, doubled each time, an hour at most.
pub(crate) fn pause(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1).clamp(0, 10)).unwrap_or(10);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// What becomes of a job whose `attempt`-th attempt ended so.
pub(crate) fn verdict(error: &Error, attempt: i64) -> Verdict {
    let reason = error.to_string();
    match error.remedy() {
        Remedy::Later(_) if attempt >= ATTEMPTS => Verdict::Failed {
            reason: format!("{reason}. It was tried {attempt} times"),
        },
        Remedy::Later(asked) => Verdict::Again {
            after: pause(attempt).max(asked.unwrap_or_default()),
            reason: Some(reason),
            counts: true,
        },
        Remedy::Busy => Verdict::Again {
            after: BUSY,
            reason: Some(reason),
            counts: false,
        },
        Remedy::Stopped => Verdict::Again {
            after: Duration::ZERO,
            reason: Some("its worker was stopped".to_owned()),
            counts: false,
        },
        Remedy::Connection(connection) => Verdict::Wait {
            reason,
            connection: Some(connection),
            writes: false,
        },
        Remedy::Writes(connection) => Verdict::Wait {
            reason,
            connection,
            writes: true,
        },
        Remedy::Person => Verdict::Wait {
            reason,
            connection: None,
            writes: false,
        },
        Remedy::Overtaken => Verdict::Overtaken { reason },
        Remedy::None => Verdict::Failed { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_minute_to_an_hour() {
        let minutes: Vec<u64> = (1..=8).map(|attempt| pause(attempt).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause(i64::MAX), LONGEST);
        assert_eq!(pause(0), FIRST);
    }

    #[test]
    fn what_may_pass_is_tried_again_for_a_day_and_then_failed() {
        let locked = || Error::from(store::Error::Locked);
        assert!(matches!(
            verdict(&locked(), 2),
            Verdict::Again { after, counts: true, .. } if after == Duration::from_secs(120)
        ));
        assert!(matches!(verdict(&locked(), ATTEMPTS), Verdict::Failed { .. }));
    }

    #[test]
    fn who_holds_the_bridge_is_waited_for_without_counting() {
        let busy = Error::from(store::Error::Busy {
            holder: "rmmbridge sync".to_owned(),
        });
        assert!(matches!(
            verdict(&busy, 1),
            Verdict::Again { after: BUSY, counts: false, reason: Some(reason) } if reason.contains("rmmbridge sync")
        ));
    }

    #[test]
    fn a_person_is_waited_for_and_an_old_plan_is_not() {
        let plan = || "p-1".to_owned();
        let confirmation = Error::NeedsConfirmation {
            plan: plan(),
            warnings: vec!["half of it would be archived".to_owned()],
        };
        assert!(matches!(
            verdict(&confirmation, 1),
            Verdict::Wait { connection: None, writes: false, reason } if reason.contains("archived")
        ));
        assert!(matches!(
            verdict(&Error::StalePlan { plan: plan() }, 1),
            Verdict::Overtaken { .. }
        ));
    }
}
