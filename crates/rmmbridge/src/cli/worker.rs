//! `worker`: runs jobs and schedules until it is stopped.

use crate::session::Session;
use clap::Args;
use jobs::{Queue, Worker, WorkerOptions};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct WorkerArguments {
    /// How many jobs it runs at once, each on a bridge of its own
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
}

pub async fn run(session: &Session, arguments: WorkerArguments) -> anyhow::Result<ExitCode> {
    let queue = Queue::open(session.store.clone()).await?;
    let options = WorkerOptions {
        concurrency: usize::from(arguments.concurrency),
    };
    let worker = Worker::begin(
        session.engine.clone(),
        queue,
        &session.actor,
        options,
        session.stop.clone(),
    )
    .await?;
    eprintln!(
        "worker: ready, {} at once; Ctrl-C stops it at the next safe point",
        arguments.concurrency
    );
    eprint!("{}", super::pause::notice(session).await?);
    worker.run().await;
    eprintln!("worker: stopped; what was under way is back in the queue");
    Ok(ExitCode::SUCCESS)
}
