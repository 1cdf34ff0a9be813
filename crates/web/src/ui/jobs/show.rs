//! One job.

use super::{address, with_then};
use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::frame::back_to;
use crate::ui::time::{When, count};
use crate::ui::{Frame, Section, Tone, page};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use engine::{Job, JobState};
use jiff::Timestamp;
use model::RunCounts;
use serde::Deserialize;

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
pub struct Then {
    #[serde(default)]
    then: String,
}

impl Then {
    /// A page of ours.
    pub fn address(&self) -> &str {
        back_to(&self.then)
    }
}

#[derive(Template)]
#[template(path = "jobs/show.html")]
struct JobPage {
    frame: Frame,
    part: Part,
    again: String,
    /// Where what happens is told, while something does.
    live: Option<String>,
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "jobs/part.html")]
pub struct Part {
    tone: Tone,
    state: &'static str,
    said: String,
    since: When,
    over: bool,
    then: String,
    /// What its run wrote.
    run: Option<String>,
}

/// What a job does, as a heading.
fn heading(kind: &str) -> &'static str {
    match kind {
        "read" => "Reading",
        "sync" | "sync_client" => "Sync",
        "plan_only" => "Making a plan",
        "apply" => "Applying a plan",
        "finish" => "Finish",
        "retry" => "Trying a record again",
        "keep_alive" => "Keeping a connection alive",
        "maintain" => "Maintenance",
        _ => "A job",
    }
}

impl Part {
    /// A job as it stands, seen from `now`.
    pub fn new(job: &Job, then: &str, now: Timestamp) -> Self {
        let (tone, state, by_itself) = match job.state {
            JobState::Queued if job.attempt > 0 => {
                (Tone::Warn, "Tried again soon", "It is tried again by itself.")
            }
            JobState::Queued => (Tone::Busy, "In the queue", "A worker takes it in a moment."),
            JobState::Running => (Tone::Busy, "Under way", "It has begun."),
            JobState::Waiting => (Tone::Warn, "Waits", "Somebody has to look."),
            JobState::Done if job.reason.is_some() => {
                (Tone::Warn, "Overtaken", "Something newer took its place.")
            }
            JobState::Done => (Tone::Good, "Done", "Everything was done."),
            JobState::Failed => (Tone::Bad, "Failed", "It could not be done."),
        };
        let told = match job.state {
            JobState::Running => job.progress.clone(),
            _ => job.reason.clone(),
        };
        Self {
            tone,
            state,
            said: told.unwrap_or_else(|| by_itself.to_owned()),
            since: When::new(job.finished.or(job.started).unwrap_or(job.created), now),
            over: matches!(job.state, JobState::Waiting | JobState::Done | JobState::Failed),
            then: then.to_owned(),
            run: None,
        }
    }

    /// Whether nothing more happens to it by itself, or not before somebody looked.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// What a run wrote, in words.
fn written(counts: &RunCounts) -> String {
    let mut said = match counts.done {
        0 => "Nothing was written".to_owned(),
        1 => "One record was written".to_owned(),
        n => format!("{} records were written", count(n)),
    };
    for (number, what) in [
        (counts.failed, "were refused"),
        (counts.unknown, "have an unknown outcome and are looked up"),
        (counts.skipped, "were left as they are"),
    ] {
        if number > 0 {
            said.push_str(&format!(", {} {what}", count(number)));
        }
    }
    said + "."
}

/// The page.
pub async fn show(
    State(web): State<Web>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(then): Query<Then>,
) -> Result<Response> {
    let job = web.engine.job(&signed_in.actor, &id).await?;
    let mut part = Part::new(&job, then.address(), web.engine.clock().now());
    if let Some(run) = job.run.as_ref().filter(|_| part.over) {
        let run = web.engine.find_run(&signed_in.actor, run.as_str()).await?;
        part.run = Some(written(&run.counts));
    }
    page(&JobPage {
        frame: signed_in.frame(heading(&job.kind), Section::Runs).await?,
        again: address(&id, then.address()),
        live: (!part.over).then(|| with_then(&format!("/jobs/{id}/live"), then.address())),
        part,
    })
}
