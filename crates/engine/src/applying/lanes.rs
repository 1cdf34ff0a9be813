//! A plan on its way to a destination that takes several calls at once.
//!
//! A commit costs a disk its time, and a database has one writer at a time. So what the lanes ask of the store is
//! gathered: as many calls as lanes are free are claimed in one transaction, and what was answered while the last
//! outcomes were stored is stored in one.

use super::recheck::Recheck;
use crate::error::{Error, Result};
use crate::progress::Work;
use crate::writing::{Begun, Links, Writer};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use model::operation::Operation;
use model::{Outcome, RecordKind, RunCounts, SourceId};
use std::collections::{BTreeMap, BTreeSet};
use store::{NewItem, NewLink};

/// Most records of one claiming transaction, unless one call holds more.
const CLAIMED_TOGETHER: usize = 500;

/// A plan on its way.
pub(super) struct Applying<'a> {
    pub(super) writer: Writer<'a>,
    /// Records of an undo of which a step was not done: what else is to be taken back of them waits for it, or the asset
    /// would keep the one and lose the link that the other needs.
    pub(super) half: BTreeSet<(RecordKind, SourceId)>,
    pub(super) counts: &'a mut RunCounts,
    pub(super) links: Links,
    /// Records of one call.
    pub(super) batch: usize,
    /// Calls under way at once.
    pub(super) lanes: usize,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) work: Work<'a>,
}

/// What came to its end.
enum Step {
    Begun(Result<Begun>),
    Answered(Result<Vec<NewItem>>),
    Recorded(Result<Vec<NewItem>>),
}

/// The record an operation is about.
pub(super) fn record(operation: &Operation) -> (RecordKind, SourceId) {
    (operation.subject.kind, operation.subject.source_id.clone())
}

impl Applying<'_> {
    /// The same as [`Applying::carry_out`]; steps of an undo are judged at this moment, after those before them.
    pub(super) async fn carry_out_now(
        &mut self,
        recheck: &Recheck<'_>,
        operations: Vec<Operation>,
    ) -> Result<()> {
        if operations.iter().any(|operation| operation.undoes.is_some()) {
            self.writer.overtaken = recheck.overtaken(&operations).await?;
        }
        self.carry_out(operations).await
    }

    /// Carries out operations of one sort that do not build on each other. After a failure nothing more is begun, and
    /// what is under way is waited for: a write that was given up would be in doubt.
    async fn carry_out(&mut self, operations: Vec<Operation>) -> Result<()> {
        let of_undo = operations.iter().filter(|o| o.undoes.is_some());
        let subjects: BTreeMap<u32, _> = of_undo.map(|o| (o.number, record(o))).collect();
        let waiting = subjects
            .iter()
            .filter(|(_, subject)| self.half.contains(*subject));
        self.writer.waiting = waiting.map(|(number, _)| *number).collect();
        let (writer, links, work) = (&self.writer, &self.links, self.work);
        let mut operations = operations.into_iter();
        let mut steps: FuturesUnordered<BoxFuture<'_, Step>> = FuturesUnordered::new();
        let (mut claiming, mut sending, mut recording) = (false, 0_usize, false);
        let mut answered: Vec<NewItem> = Vec::new();
        let mut linked: Vec<NewLink> = Vec::new();
        let mut half = Vec::new();
        let mut first_error: Option<Error> = None;
        loop {
            if first_error.is_none() && !claiming && sending < self.lanes {
                let free = (self.lanes - sending).min((CLAIMED_TOGETHER / self.batch).max(1));
                let next: Vec<Operation> = operations.by_ref().take(free * self.batch).collect();
                if !next.is_empty() {
                    match work.check() {
                        Ok(()) => {
                            claiming = true;
                            steps.push(Box::pin(
                                async move { Step::Begun(writer.begin(next, links).await) },
                            ));
                        }
                        Err(stopped) => first_error = Some(stopped),
                    }
                }
            }
            if !recording && !answered.is_empty() {
                recording = true;
                let items = std::mem::take(&mut answered);
                steps.push(Box::pin(
                    async move { Step::Recorded(writer.record(items).await) },
                ));
            }
            let Some(step) = steps.next().await else { break };
            let failed = match step {
                Step::Begun(Ok(begun)) => {
                    claiming = false;
                    answered.extend(begun.items);
                    let (mut ready, send_by) = (begun.ready, begun.send_by);
                    while !ready.is_empty() {
                        let rest = ready.split_off(self.batch.min(ready.len()));
                        let call = std::mem::replace(&mut ready, rest);
                        sending += 1;
                        let sent = writer.send(call, send_by);
                        steps.push(Box::pin(async move { Step::Answered(sent.await) }));
                    }
                    None
                }
                Step::Begun(Err(error)) => {
                    claiming = false;
                    Some(error)
                }
                Step::Answered(answer) => {
                    sending -= 1;
                    answer.map(|items| answered.extend(items)).err()
                }
                Step::Recorded(Ok(items)) => {
                    recording = false;
                    for item in items {
                        self.counts.add(&item.outcome);
                        self.done += 1;
                        if !matches!(item.outcome, Outcome::Done { .. }) {
                            half.extend(subjects.get(&item.number).cloned());
                        }
                        linked.extend(item.link);
                    }
                    work.progress.at("Applying", self.done, Some(self.total));
                    None
                }
                Step::Recorded(Err(error)) => {
                    recording = false;
                    Some(error)
                }
            };
            first_error = first_error.or(failed);
        }
        drop(steps);
        self.half.extend(half);
        for link in linked {
            self.links.add(link.kind, &link.source, &link.destination);
        }
        first_error.map_or(Ok(()), Err)
    }
}
