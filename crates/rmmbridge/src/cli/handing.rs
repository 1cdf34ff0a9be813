//! Handing work to a running worker: on SQLite one process works at a time, and when that is a worker, it takes jobs.

use super::exit;
use crate::session::Session;
use anyhow::Context as _;
use engine::Runner;
use jobs::{Job, JobKind, JobResult, JobState, Queue};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// How often a followed job is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How often it is asked whether a worker is still there.
const STILL_THERE: Duration = Duration::from_secs(5);

/// Becomes the runner, or `None` when a worker is at work on this database that can be given the job instead.
pub async fn runner_or_worker(session: &Session) -> anyhow::Result<Option<Runner>> {
    let (engine, actor) = (&session.engine, &session.actor);
    match engine.become_runner(actor).await {
        Ok(runner) => Ok(Some(runner)),
        Err(error @ engine::Error::Store(store::Error::Busy { .. })) => {
            if engine.workers(actor).await?.is_empty() {
                return Err(error.into());
            }
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What became of a job that was followed.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of it, and it is taken apart at once"
)]
pub enum Followed {
    /// It was done, or stopped for a person after it did what it could.
    Result(JobResult),
    /// It waits for a person, for this reason.
    Waits(String),
}

/// Gives a job to the worker, and follows it until it is over or waits for somebody.
pub async fn hand_over(session: &Session, kind: &JobKind) -> anyhow::Result<Followed> {
    let queue = Queue::open(session.store.clone()).await?;
    let key = format!("request:{}", session.store.new_id());
    let enqueued = queue.enqueue(&session.actor, &key, kind).await?;
    let id = enqueued
        .id
        .context("the queue has a job of this request already")?;
    let workers = session.engine.workers(&session.actor).await?;
    let worker = workers.first().map_or("a worker", String::as_str);
    session
        .progress
        .say(&format!("given to {worker} as job {id}; this command follows it"));
    let job = follow(session, &queue, &id).await?;
    match (job.state, job.result) {
        (JobState::Done | JobState::Waiting, Some(result)) => Ok(Followed::Result(
            serde_json::from_value(result).context("what the worker wrote about the job")?,
        )),
        (JobState::Waiting, None) => Ok(Followed::Waits(job.reason.unwrap_or_default())),
        (_, _) => anyhow::bail!("job {id}: {}", job.reason.unwrap_or_default()),
    }
}

/// Says what a job that brought no result of the right sort waits for.
pub fn unfinished(followed: Followed) -> anyhow::Result<ExitCode> {
    match followed {
        Followed::Waits(reason) => {
            eprintln!("error: {}", plan::render::visible(&reason));
            Ok(ExitCode::from(exit::PERSON))
        }
        Followed::Result(_) => anyhow::bail!("the worker did something else; is it of another version?"),
    }
}

async fn follow(session: &Session, queue: &Queue, id: &str) -> anyhow::Result<Job> {
    let mut said = String::new();
    let mut seen = Instant::now();
    loop {
        let job = queue.job(id).await?;
        if job.state.is_over() || job.state == JobState::Waiting {
            return Ok(job);
        }
        let now = job
            .progress
            .clone()
            .or_else(|| job.reason.clone())
            .unwrap_or_default();
        if !now.is_empty() && now != said {
            session.progress.say(&plan::render::visible(&now));
            said = now;
        }
        if seen.elapsed() >= STILL_THERE {
            seen = Instant::now();
            anyhow::ensure!(
                !session.engine.workers(&session.actor).await?.is_empty(),
                "no worker has been heard of for a while: it is gone, or it cannot write to the database. Job {id} stays in \
                 the queue; where none runs, start one with rmmbridge worker"
            );
        }
        tokio::select! {
            () = session.stop.cancelled() => {
                session.progress.say(&format!("job {id} goes on at the worker; see rmmbridge jobs"));
                return Err(engine::Error::Stopped.into());
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
