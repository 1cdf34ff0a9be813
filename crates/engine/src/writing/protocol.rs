//! The rules of a write whose destination knows no idempotency key, as data: what may be done with a record now, and
//! what a look-up means. Nothing here waits or sends, so that the same rules run in the model that tries millions of
//! interleavings (`crates/engine/tests/model`).
//!
//! The order is: read the claim, read the link, take the claim by compare-and-set (which commits the intent), look up
//! where an earlier attempt may have arrived, send before [`Timing::send_within`] is over, record. Whoever finds an
//! intent without an outcome leaves the record alone until [`Timing::quarantine`] has passed: until then the write may
//! still arrive, and a look-up would not tell.

use model::{Moment, RecordId};
use std::time::Duration;
use store::Claim;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the commit of an intent to the moment its request has left. A later one is not sent.
    pub send_within: Duration,
    /// From leaving until it shows in the destination or never will. Zero for one that takes no write after its sender
    /// is gone, and no mark twice.
    pub settles_within: Duration,
}

impl Timing {
    /// How long after an intent its record is left alone when no outcome is known: nothing at all where a write cannot
    /// arrive after its sender is gone.
    pub fn quarantine(self) -> Duration {
        match self.settles_within.is_zero() {
            true => Duration::ZERO,
            false => self.send_within.saturating_add(self.settles_within),
        }
    }
}

/// Whether a record may be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing is under way: take the claim and send.
    Free,
    /// An earlier attempt has no known outcome and can no longer arrive: take the claim and look up first.
    InDoubt,
    /// An earlier attempt may still arrive: come again after this time.
    Wait(Duration),
}

/// What its claim says about a record, `now`.
pub fn admit(claim: &Claim, now: &Moment) -> Admission {
    let Some(open) = &claim.open else {
        return Admission::Free;
    };
    match open.settles.checked_sub(passed(&open.sent, now)) {
        Some(left) if !left.is_zero() => Admission::Wait(left),
        _ => Admission::InDoubt,
    }
}

/// How long ago `sent` is, at least. Since the machine was started anew there is the time of day alone, which may have
/// been put forward meanwhile; that the machine has been up for so long is certain.
fn passed(sent: &Moment, now: &Moment) -> Duration {
    let passed = now.since(sent);
    match (&sent.steady, &now.steady) {
        (Some(then), Some(now)) if then.boot != now.boot => passed.min(now.up),
        _ => passed,
    }
}

/// What a look-up by our mark means for a create in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It never arrived: send it.
    Send,
    /// It arrived: this is the record.
    Adopt(RecordId),
    /// More than one record carries our mark. Somebody has to merge them; nothing is sent.
    Several(usize),
}

/// Draws the consequence of a look-up.
pub fn resolve(mut found: Vec<RecordId>) -> Resolution {
    match (found.len(), found.pop()) {
        (1, Some(record)) => Resolution::Adopt(record),
        (_, None) => Resolution::Send,
        (several, _) => Resolution::Several(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use model::Steady;
    use store::OpenWrite;

    fn moment(millis: i64) -> Moment {
        Moment {
            at: Timestamp::from_millisecond(millis).unwrap(),
            steady: None,
        }
    }

    fn open(millis: i64) -> Claim {
        Claim {
            version: 3,
            open: Some(OpenWrite {
                sent: moment(millis),
                settles: Duration::from_millis(150),
                attempts: vec![],
            }),
        }
    }

    #[test]
    fn a_record_that_was_never_written_is_free() {
        assert_eq!(admit(&Claim::default(), &moment(0)), Admission::Free);
    }

    #[test]
    fn an_attempt_without_an_outcome_is_left_alone_for_the_whole_quarantine() {
        let wait = |left| Admission::Wait(Duration::from_millis(left));
        assert_eq!(admit(&open(1_000), &moment(1_000)), wait(150));
        assert_eq!(admit(&open(1_000), &moment(1_149)), wait(1));
        assert_eq!(admit(&open(1_000), &moment(1_150)), Admission::InDoubt);
        assert_eq!(
            admit(&open(1_000), &moment(400)),
            wait(150),
            "the clock was put back"
        );
    }

    #[test]
    fn where_nothing_can_arrive_late_nobody_waits() {
        let timing = |settles_within| Timing {
            send_within: Duration::from_secs(30),
            settles_within,
        };
        assert_eq!(timing(Duration::ZERO).quarantine(), Duration::ZERO);
        assert_eq!(
            timing(Duration::from_secs(70)).quarantine(),
            Duration::from_secs(100)
        );
    }

    #[test]
    fn a_clock_put_forward_before_a_restart_of_the_machine_shortens_no_quarantine() {
        let up = |boot: &str, millis| {
            Some(Steady {
                boot: boot.to_owned(),
                up: Duration::from_millis(millis),
            })
        };
        let mut claim = open(1_000);
        claim.open.as_mut().unwrap().sent.steady = up("a", 70_000);
        let mut now = moment(3_600_000);
        now.steady = up("b", 20);
        assert_eq!(admit(&claim, &now), Admission::Wait(Duration::from_millis(130)));
        now.steady = up("b", 150);
        assert_eq!(admit(&claim, &now), Admission::InDoubt);
        // On another machine, that has long been up, the time of day is all there is.
        now = moment(1_100);
        now.steady = up("c", 90_000);
        assert_eq!(admit(&claim, &now), Admission::Wait(Duration::from_millis(50)));
    }

    #[test]
    fn one_record_is_adopted_none_is_sent_and_two_are_somebodys_to_merge() {
        assert_eq!(resolve(vec![]), Resolution::Send);
        assert_eq!(resolve(vec!["a".into()]), Resolution::Adopt("a".into()));
        assert_eq!(resolve(vec!["a".into(), "b".into()]), Resolution::Several(2));
    }
}
