//! One job, from its claim to its end.

use crate::error::Result;
use crate::queue::Queue;
use crate::result::{JobResult, SkippedNumbers};
use crate::verdict::{Verdict, verdict};
use engine::applying::ApplyOptions;
use engine::progress::Phase;
use engine::sync::Stopped;
use engine::undoing::UndoScope;
use engine::{Engine, Progress, Remedy, Runner, Work};
use jiff::SignedDuration;
use model::JobKind;
use model::{Actor, Run, RunId};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::crash::{Point, point};
use store::{Job, JobEnd, JobState};
use tokio_util::sync::CancellationToken;

/// How often a job's row says how far it is.
const TELL: Duration = Duration::from_secs(1);
/// The least time before what is in doubt is looked at again.
const DOUBT: SignedDuration = SignedDuration::from_secs(5);

/// What jobs are run with.
pub(crate) struct Hands {
    pub engine: Engine,
    pub queue: Queue,
    pub runner: Arc<Runner>,
    pub stop: CancellationToken,
}

/// How far a job is, kept for whoever writes it down.
#[derive(Default)]
struct Latest(Mutex<Option<String>>);

impl Progress for Latest {
    fn at(&self, phase: &'static str, done: u64, total: Option<u64>) {
        let text = Phase { phase, done, total }.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
}

impl Latest {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a job that was done left behind.
struct Done {
    result: JobResult,
    run: Option<Run>,
    /// Why it did not write what it planned, although nothing failed.
    stopped: Option<Stopped>,
}

impl Hands {
    /// Starts the job of a delivery, if that is still its turn, and sees it through to whatever becomes of it.
    pub async fn take(&self, job: &str, delivery: i64) {
        let claimed = self
            .queue
            .store()
            .claim_job(job, delivery, self.runner.holder())
            .await;
        let job = match claimed {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => {
                // It stays queued; housekeeping pushes it again.
                tracing::warn!(job, error = %error, "A job could not be begun.");
                return;
            }
        };
        tracing::info!(job = %job.id, kind = %job.kind, attempt = job.attempt, by = %job.actor, "Job begun.");
        let outcome = self.begin(&job).await;
        // Whoever cannot write the end down leaves a running job without a living holder behind, sooner or later:
        // it is then taken up again, and what it did stands.
        for pause in [1, 5, 20, 60] {
            match self.settle(&job, &outcome).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(job = %job.id, error = %error, "The end of a job could not be stored yet.");
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
            }
        }
        tracing::error!(job = %job.id, "The end of a job could not be stored.");
    }

    /// A job that broke the program's own rules is not tried again by itself.
    pub async fn cut_short(&self, job: &str, delivery: i64, why: &str) {
        tracing::error!(job, error = why, "A job was cut short by a fault of the program.");
        let end = JobEnd {
            reason: Some(format!("a fault of the program cut it short: {why}")),
            ..JobEnd::default()
        };
        let ended = async {
            let store = self.queue.store();
            let mut tx = store.transaction().await?;
            store
                .end_job(&mut tx, job, delivery, JobState::Failed, &end)
                .await?;
            tx.commit().await
        };
        if let Err(error) = ended.await {
            tracing::error!(job, error = %error, "That could not be stored.");
        }
    }

    async fn begin(&self, job: &Job) -> engine::Result<Done> {
        point(Point::JobClaimed)?;
        self.run(job).await
    }

    async fn run(&self, job: &Job) -> engine::Result<Done> {
        let kind: JobKind = match serde_json::from_value(job.arguments.clone()) {
            Ok(kind) => kind,
            Err(source) => {
                let what = "arguments of a job";
                return Err(store::Error::Stored { what, source }.into());
            }
        };
        let latest = Latest::default();
        let stop = self.stop.child_token();
        let work = Work {
            progress: &latest,
            stop: &stop,
        };
        let working = self.carry_out(&job.actor, kind, work);
        let mut working = std::pin::pin!(working);
        let mut tell = tokio::time::interval(TELL);
        tell.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut working => return done,
                _ = tell.tick() => {}
            }
            let store = self.queue.store();
            tokio::select! {
                biased;
                done = &mut working => return done,
                asked = store.job_stop_asked(&job.id) => {
                    if let Ok(Some(_)) = asked {
                        stop.cancel();
                    }
                }
            }
            let Some(text) = latest.take() else { continue };
            // The work goes on meanwhile: it may hold what this write waits for.
            let telling = store.note_progress(&job.id, job.delivery, &text);
            tokio::select! {
                biased;
                done = &mut working => return done,
                told = telling => {
                    if let Err(error) = told {
                        tracing::debug!(error = %error, "How far a job is could not be noted.");
                    }
                }
            }
        }
    }

    async fn carry_out(&self, actor: &Actor, kind: JobKind, work: Work<'_>) -> engine::Result<Done> {
        let (engine, runner) = (&self.engine, self.runner.as_ref());
        Ok(match kind {
            JobKind::Sync {
                bridge,
                client,
                confirmed,
            } => {
                let bridge = self.queue.store().bridge(&bridge).await?;
                let report = match &client {
                    None => engine.sync(actor, runner, &bridge, confirmed, work).await?,
                    Some(client) => {
                        engine
                            .sync_client(actor, runner, &bridge, client, confirmed, work)
                            .await?
                    }
                };
                Done {
                    run: report.run.clone(),
                    stopped: report.stopped.clone(),
                    result: JobResult::Sync(Box::new(report.into())),
                }
            }
            JobKind::PlanOnly { bridge, client, read } => {
                let bridge = self.queue.store().bridge(&bridge).await?;
                if read {
                    engine.read(actor, runner, &bridge.source, None, work).await?;
                }
                let (plan, skipped) = engine
                    .make_plan_naming_skipped(actor, runner, &bridge, client.as_ref(), work)
                    .await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Plan {
                        plan,
                        skipped_fields: skipped.into(),
                    },
                }
            }
            JobKind::Apply {
                plan,
                first,
                deselected,
                confirmed,
                in_doubt,
                despite_pause,
                selection,
                ..
            } => {
                let options = ApplyOptions {
                    first,
                    deselected,
                    confirmed,
                    in_doubt,
                    despite_pause,
                    selection,
                };
                let run = engine.apply(actor, runner, &plan, options, work).await?;
                Done {
                    run: Some(run.clone()),
                    stopped: None,
                    result: JobResult::Apply { run },
                }
            }
            JobKind::Finish {
                bridge,
                generation,
                confirmed,
            } => {
                let bridge = self.queue.store().bridge(&bridge).await?;
                let finished = engine
                    .finish(actor, runner, &bridge, generation, confirmed, work)
                    .await?;
                Done {
                    run: finished.run.clone(),
                    stopped: finished.stopped.map(|reason| Stopped {
                        reason,
                        remedy: Remedy::Person,
                    }),
                    result: JobResult::Finish {
                        plan: finished.plan,
                        run: finished.run,
                        skipped_fields: finished.skipped.into(),
                    },
                }
            }
            JobKind::PlanUndo {
                run,
                operations,
                records,
                ..
            } => {
                let run = engine.find_run(actor, run.as_str()).await?;
                let scope = UndoScope { records, operations };
                let plan = engine.undo_plan(actor, runner, &run, &scope, work).await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Plan {
                        plan,
                        skipped_fields: SkippedNumbers::default(),
                    },
                }
            }
            JobKind::Retry {
                bridge,
                record,
                source,
            } => {
                let bridge = self.queue.store().bridge(&bridge).await?;
                let tried = engine
                    .retry_record(actor, runner, &bridge, (record, &source), work)
                    .await?;
                Done {
                    run: tried.run.clone(),
                    stopped: None,
                    result: JobResult::Retry {
                        plan: tried.plan,
                        run: tried.run,
                    },
                }
            }
            JobKind::LinkDuplicate {
                bridge,
                record,
                source,
                is,
            } => {
                let bridge = self.queue.store().bridge(&bridge).await?;
                engine
                    .link_duplicate(actor, runner, &bridge, (record, &source), &is, work)
                    .await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Linked { record: is },
                }
            }
            JobKind::Read { connection } => {
                let report = engine.read(actor, runner, &connection, None, work).await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Read(report.into()),
                }
            }
            JobKind::Maintain => {
                let verified = engine.watch_audit_log(actor).await?;
                let audit = serde_json::to_value(&verified).unwrap_or_default();
                let forgotten = engine.forget_old_rows(actor, work).await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Maintained { forgotten, audit },
                }
            }
            JobKind::KeepAlive { connection } => {
                engine.keep_alive(actor, &connection, work).await?;
                Done {
                    run: None,
                    stopped: None,
                    result: JobResult::Alive,
                }
            }
        })
    }

    /// Writes down what became of a job: its row, and what follows from it, in one transaction.
    async fn settle(&self, job: &Job, outcome: &engine::Result<Done>) -> Result<()> {
        point(Point::BeforeJobSettled)?;
        self.write_down(job, outcome).await?;
        Ok(point(Point::JobSettled)?)
    }

    async fn write_down(&self, job: &Job, outcome: &engine::Result<Done>) -> Result<()> {
        let store = self.queue.store();
        let now = store.clock().now();
        let verdict = match outcome {
            Ok(done) => return self.finish(job, done).await,
            Err(engine::Error::Stopped) => match store.job_stop_asked(&job.id).await? {
                Some(by) => Verdict::Overtaken {
                    reason: format!("{by} stopped it; what was finished before stands"),
                },
                None => verdict(&engine::Error::Stopped, job.attempt),
            },
            Err(error) => verdict(error, job.attempt),
        };
        tracing::info!(job = %job.id, kind = %job.kind, verdict = ?verdict, "Job not done.");
        let mut tx = store.transaction().await?;
        let mut end = JobEnd::default();
        let state = match verdict {
            Verdict::Again {
                after,
                reason,
                counts,
            } => {
                let due = match after.is_zero() {
                    true => job.due,
                    false => now + SignedDuration::try_from(after).unwrap_or(SignedDuration::ZERO),
                };
                let attempt = if counts { job.attempt } else { job.attempt - 1 };
                self.queue
                    .again_in(&mut tx, job, due, reason.as_deref(), attempt)
                    .await?;
                return Ok(tx.commit().await?);
            }
            Verdict::Wait {
                reason,
                connection,
                writes,
            } => {
                end.reason = Some(reason);
                end.waits_for_writes = writes;
                if let Some(name) = connection {
                    end.waits_for = store.connection_named(&name).await?.map(|c| c.id);
                }
                JobState::Waiting
            }
            Verdict::Overtaken { reason } => {
                end.reason = Some(reason);
                JobState::Done
            }
            Verdict::Failed { reason } => {
                end.reason = Some(reason);
                JobState::Failed
            }
        };
        if store.end_job(&mut tx, &job.id, job.delivery, state, &end).await? && state == JobState::Waiting {
            store.overtake_jobs(&mut tx, job).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn finish(&self, job: &Job, done: &Done) -> Result<()> {
        let store = self.queue.store();
        let state = match &done.stopped {
            Some(_) => JobState::Waiting,
            None => JobState::Done,
        };
        let mut waits_for = None;
        if let Some(Remedy::Writes(Some(name))) = done.stopped.as_ref().map(|s| &s.remedy) {
            waits_for = store.connection_named(name).await?.map(|c| c.id);
        }
        let end = JobEnd {
            reason: done.stopped.as_ref().map(|s| s.reason.clone()),
            waits_for,
            waits_for_writes: matches!(&done.stopped, Some(s) if matches!(s.remedy, Remedy::Writes(_))),
            result: Some(serde_json::to_value(&done.result)?),
            run: done.run.as_ref().map(|run| run.id.clone()),
        };
        let doubt = match &done.run {
            Some(run) if run.counts.unknown > 0 => store.doubt_ends(&run.id).await?,
            _ => None,
        };
        let mut tx = store.transaction().await?;
        if store.end_job(&mut tx, &job.id, job.delivery, state, &end).await? {
            store.overtake_jobs(&mut tx, job).await?;
            if let (Some(run), Some(ends)) = (&done.run, doubt) {
                self.look_again(&mut tx, job, run, ends).await?;
            }
        }
        tx.commit().await?;
        let run = end.run.as_ref().map(RunId::as_str);
        tracing::info!(job = %job.id, kind = %job.kind, run, state = state.as_str(), "Job ended.");
        Ok(())
    }

    /// What is in doubt is looked up once it can no longer arrive.
    async fn look_again(
        &self,
        tx: &mut store::Tx,
        job: &Job,
        run: &Run,
        ends: jiff::Timestamp,
    ) -> Result<()> {
        let (model::RunKind::Apply { bridge, plan } | model::RunKind::Undo { bridge, plan, .. }) = &run.kind
        else {
            return Ok(());
        };
        let kind = JobKind::Apply {
            bridge: bridge.clone(),
            plan: plan.clone(),
            first: None,
            deselected: Default::default(),
            confirmed: true,
            in_doubt: true,
            despite_pause: false,
            selection: None,
        };
        let due = ends.max(self.queue.store().clock().now() + DOUBT);
        let key = format!("doubt:{}", run.id);
        self.queue.enqueue_in(tx, &job.actor, &key, &kind, due).await?;
        Ok(())
    }
}
