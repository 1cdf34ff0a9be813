//! The worker beside the pages. They are there without one, too: while another process runs the jobs, and while nobody
//! may, since the audit log does not hold. Whoever has to find out what happened to it needs the pages.

use crate::session::Session;
use jobs::{Queue, Worker, WorkerOptions};
use std::time::Duration;

/// How often it is looked whether the audit log was found whole meanwhile.
const LOOK: Duration = Duration::from_secs(3);

/// Who runs the jobs.
pub enum Beside {
    /// This process.
    Here(Worker),
    /// Another one.
    Elsewhere,
    /// Nobody, until the audit log is found whole.
    Held,
}

impl Beside {
    /// Begins the worker; says so where none may begin.
    pub async fn begin(session: &Session, queue: &Queue, options: WorkerOptions) -> anyhow::Result<Self> {
        let error = match worker(session, queue, options).await {
            Ok(worker) => return Ok(Self::Here(worker)),
            Err(jobs::Error::Engine(error)) => error,
            Err(error) => return Err(error.into()),
        };
        if let engine::Error::Store(store::Error::Busy { .. }) = &error {
            eprintln!("serve: the pages only; jobs are run by another process: {error}");
            return Ok(Self::Elsewhere);
        }
        // One that is whole, and whose end cannot be kept, is a disk that somebody has to mend first.
        if let engine::Error::Store(store::Error::AuditLog(_)) = &error
            && session.engine.look_at_audit_log(&session.actor).await?.is_some()
        {
            tracing::error!(error = %error, "The audit log does not hold: no job is run.");
            eprintln!("serve: the pages only; jobs are run once the audit log is found whole: {error}");
            return Ok(Self::Held);
        }
        Err(error.into())
    }

    /// Runs jobs, as far as this process does, until it is asked to stop.
    pub async fn run(self, session: &Session, queue: &Queue, options: WorkerOptions) {
        let worker = match self {
            Self::Here(worker) => Some(worker),
            Self::Elsewhere => None,
            Self::Held => once_whole(session, queue, options).await,
        };
        match worker {
            Some(worker) => worker.run().await,
            None => session.stop.cancelled().await,
        }
    }
}

async fn worker(session: &Session, queue: &Queue, options: WorkerOptions) -> jobs::Result<Worker> {
    let (engine, stop) = (session.engine.clone(), session.stop.clone());
    Worker::begin(engine, queue.clone(), &session.actor, options, stop).await
}

/// Begins the worker when the audit log was found whole; `None` when this process is asked to stop before, or another was
/// quicker.
async fn once_whole(session: &Session, queue: &Queue, options: WorkerOptions) -> Option<Worker> {
    let (engine, actor) = (&session.engine, &session.actor);
    loop {
        // There may be no worker anywhere to tell people what was found.
        tokio::select! {
            () = session.stop.cancelled() => return None,
            told = engine.deliver_notifications(actor) => {
                if let Err(error) = told {
                    tracing::warn!(error = %error, "Notifications could not be sent.");
                }
            }
        }
        tokio::select! {
            () = session.stop.cancelled() => return None,
            () = tokio::time::sleep(LOOK) => {}
        }
        // Looked at before it is tried: whoever tries is in the way of other runners for a moment.
        match engine.broken_audit_log(actor).await {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = %error, "It could not be looked how the audit log stands.");
                continue;
            }
        }
        match worker(session, queue, options).await {
            Ok(worker) => {
                eprintln!("serve: the audit log was found whole; jobs are run from now on");
                return Some(worker);
            }
            Err(jobs::Error::Engine(engine::Error::Store(error @ store::Error::Busy { .. }))) => {
                eprintln!("serve: the pages only; jobs are run by another process: {error}");
                return None;
            }
            Err(error) => {
                tracing::warn!(error = %error, "No worker could begin yet.");
                // Its end may have been cut off since; then the pages say so, and it is waited for that.
                if let Err(error) = engine.look_at_audit_log(actor).await {
                    tracing::warn!(error = %error, "It could not be looked how the audit log stands.");
                }
            }
        }
    }
}
