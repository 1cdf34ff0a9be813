//! What was asked for and waits, goes on, or is over: jobs in the words of people.

pub mod queue;
pub mod show;
pub mod stop;

use crate::ui::Tone;
use crate::ui::time::{When, lasting};
use crate::ui::words::plainly;
use engine::pending::{Job, JobState};
use engine::progress::Phase;
use jiff::{SignedDuration, Timestamp};
use model::{Bridge, Connection, JobKind};

/// The address of a job's page, which leads on to `then`, a page of ours, when it is done and there is nothing else to
/// see.
pub fn address(job: &str, then: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("then", then);
    format!("/jobs/{job}?{}", query.finish())
}

/// A job as people see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The address of its page.
    pub address: String,
    /// What it does, in words.
    pub what: String,
    /// How it stands, in a colour.
    pub tone: Tone,
    /// The same in a word.
    pub state: &'static str,
    /// Why it waits or failed; may be empty.
    pub reason: String,
    /// How far it is.
    pub progress: Option<Going>,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub created: When,
    /// When it is tried again, if it waits for a time.
    pub due: Option<When>,
}

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// What is being done.
    pub phase: String,
    /// How many are through.
    pub done: u64,
    /// Of how many; 0 while nobody knows.
    pub total: u64,
    /// How long it will take, in words; empty while nobody knows.
    pub left: String,
}

impl Going {
    /// Out of a job's row. What is left is told from how long the phase took so far, where that is known.
    pub fn new(text: &str, since: Option<SignedDuration>) -> Self {
        let phase = Phase::parse(text);
        let mut going = Self {
            phase: phase.phase.to_owned(),
            done: phase.done,
            total: phase.total.unwrap_or(0),
            left: String::new(),
        };
        if let Some(since) = since {
            going.left = left(going.done, going.total, since);
        }
        going
    }
}

/// How long the rest takes at the pace so far; empty while that is a guess.
pub fn left(done: u64, total: u64, since: SignedDuration) -> String {
    let millis = u64::try_from(since.as_millis()).unwrap_or(0);
    if done == 0 || done >= total || millis < 2_000 {
        return String::new();
    }
    let rest = u128::from(millis) * u128::from(total - done) / u128::from(done);
    let rest = SignedDuration::from_millis(i64::try_from(rest).unwrap_or(i64::MAX));
    // Tenths of a second would be a lie.
    match rest.as_secs() {
        0..=4 => "a few seconds left".to_owned(),
        5..=89 => format!("about {} s left", rest.as_secs().div_euclid(5) * 5),
        seconds => format!("about {} min left", (seconds + 30) / 60),
    }
}

/// What a job does, in words.
pub fn what(job: &Job, bridges: &[Bridge], connections: &[Connection]) -> String {
    let bridge = job.bridge.as_ref().map_or("", |id| {
        let found = bridges.iter().find(|b| b.id == *id);
        found.map_or("a bridge that is gone", |b| b.name.as_str())
    });
    let kind = serde_json::from_value::<JobKind>(job.arguments.clone());
    match kind {
        Ok(JobKind::Sync { client: None, .. }) => format!("Sync {bridge}"),
        Ok(JobKind::Sync { .. }) => format!("Sync one client of {bridge}"),
        Ok(JobKind::PlanOnly { read: true, .. }) => format!("Read and plan {bridge}"),
        Ok(JobKind::PlanOnly { .. }) => format!("Plan {bridge}"),
        Ok(JobKind::PlanUndo { .. }) => format!("Look what an undo would put back in {bridge}"),
        Ok(JobKind::Apply { in_doubt: true, .. }) => format!("Find out what became of writes of {bridge}"),
        Ok(JobKind::Apply { first: Some(n), .. }) => format!("Write the first {n} records of {bridge}"),
        Ok(JobKind::Apply { .. }) => format!("Write {bridge}"),
        Ok(JobKind::Finish { .. }) => "Finish".to_owned(),
        Ok(JobKind::Retry { .. }) => format!("Try a record of {bridge} again"),
        Ok(JobKind::LinkDuplicate { .. }) => format!("Link a record of {bridge}"),
        Ok(JobKind::Read { connection }) => {
            let found = connections.iter().find(|c| c.id == connection);
            format!(
                "Read {}",
                found.map_or("a connection that is gone", |c| c.name.as_str())
            )
        }
        Ok(JobKind::KeepAlive { .. }) => "Keep a connection alive".to_owned(),
        Ok(JobKind::Maintain) => "Forget old rows and check the audit log".to_owned(),
        Err(_) => job.kind.replace('_', " "),
    }
}

impl Shown {
    /// `job`, seen from `now`.
    pub fn new(job: &Job, bridges: &[Bridge], connections: &[Connection], now: Timestamp) -> Self {
        let later = job.state == JobState::Queued && job.due > now + SignedDuration::from_secs(2);
        let (tone, state) = match job.state {
            JobState::Queued if later => (Tone::Warn, "Again later"),
            JobState::Queued => (Tone::Plain, "In the queue"),
            JobState::Running => (Tone::Busy, "Under way"),
            JobState::Waiting => (Tone::Warn, "Waits for a person"),
            JobState::Done => (Tone::Good, "Done"),
            JobState::Failed => (Tone::Bad, "Failed"),
        };
        Self {
            address: format!("/jobs/{}", job.id),
            what: what(job, bridges, connections),
            tone,
            state,
            reason: plainly(job.reason.as_deref().unwrap_or_default()),
            progress: job.progress.as_deref().map(|text| Going::new(text, None)),
            actor: plainly(&job.actor.to_string()),
            created: When::new(job.created, now),
            due: later.then(|| When::new(job.due, now)),
        }
    }
}

/// How long a job has taken so far, or took.
pub fn took(job: &Job, now: Timestamp) -> Option<String> {
    let started = job.started?;
    Some(lasting(started.duration_until(job.finished.unwrap_or(now))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_once_it_is_no_guess() {
        let after = |seconds: i64, done| left(done, 1_000, SignedDuration::from_secs(seconds));
        assert_eq!(after(1, 10), "");
        assert_eq!(after(30, 0), "");
        assert_eq!(after(30, 1_000), "");
        assert_eq!(after(30, 500), "about 30 s left");
        assert_eq!(after(30, 950), "a few seconds left");
        assert_eq!(after(60, 100), "about 9 min left");
    }
}
