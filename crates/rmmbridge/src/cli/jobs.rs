//! `jobs`: what is in the queue, what failed and why, and once more.

use crate::output::{Output, table, time};
use crate::session::Session;
use clap::{Args, Subcommand, ValueEnum};
use jobs::{Job, JobFilter, JobState, Queue};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct JobsArguments {
    #[command(subcommand)]
    command: Option<JobsCommand>,

    /// Only those in this state
    #[arg(long)]
    state: Option<State>,

    /// How many to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    last: usize,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Start a job again that failed, waits, or pauses
    Retry {
        /// The job's id
        job: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Queued,
    Running,
    Waiting,
    Done,
    Failed,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Waiting => Self::Waiting,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
        }
    }
}

pub async fn run(session: &Session, arguments: JobsArguments, output: Output) -> anyhow::Result<ExitCode> {
    let queue = Queue::open(session.store.clone()).await?;
    if let Some(JobsCommand::Retry { job }) = arguments.command {
        queue.retry(&session.actor, &job).await?;
        output.show(&serde_json::json!({ "job": job, "state": "queued" }), || {
            format!("Job {job} is in the queue again.")
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let filter = JobFilter {
        state: arguments.state.map(Into::into),
        bridge: None,
    };
    let jobs = queue.jobs(&filter, arguments.last).await?;
    let backlog = queue.backlog().await?;
    let workers = session.engine.workers(&session.actor).await?;
    let oldest = backlog.oldest.map(|age| age.as_secs());
    let document = serde_json::json!({
        "workers": workers, "due": backlog.due, "oldest_due_seconds": oldest,
        "jobs": jobs.iter().map(document).collect::<Vec<_>>(),
    });
    output.show(&document, || {
        let mut text = match workers.len() {
            0 => "No worker is at work. Start one with: rmmbridge worker\n".to_owned(),
            _ => format!("At work: {}\n", workers.join("; ")),
        };
        if let Some(oldest) = oldest {
            text.push_str(&format!("{} due, the oldest for {oldest} s\n", backlog.due));
        }
        if jobs.is_empty() {
            text.push_str("No jobs.\n");
            return text;
        }
        text.push_str(&table(HEADING, jobs.iter().map(row)));
        for job in &jobs {
            let reason = job.reason.as_deref().or(job.progress.as_deref());
            if let Some(reason) = reason.filter(|_| job.state != JobState::Done) {
                text.push_str(&format!("  {}: {}\n", job.id, plan::render::visible(reason)));
            }
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

const HEADING: &[&str] = &["job", "what", "state", "due", "attempts", "by"];

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.clone(),
        job.kind.clone(),
        job.state.as_str().to_owned(),
        time(job.due),
        job.attempt.to_string(),
        job.actor.to_string(),
    ]
}

fn document(job: &Job) -> serde_json::Value {
    serde_json::json!({
        "id": job.id, "key": job.key, "kind": job.kind, "arguments": job.arguments,
        "bridge": job.bridge, "connection": job.connection, "actor": job.actor.to_string(),
        "state": job.state.as_str(), "attempt": job.attempt, "due": job.due, "reason": job.reason,
        "progress": job.progress, "result": job.result, "run": job.run, "created": job.created,
        "started": job.started, "finished": job.finished,
    })
}
