//! The durable queue: what is to be done, by whichever worker is there, and again when it failed.
//!
//! A job is a row of `job` (`store::Job`); it is the truth. The queue library (apalis, in `backend` and nowhere
//! else) carries one thing: the word that a job is due, pushed in the transaction that stores or moves the row, and
//! delivered to one of the workers that poll. A delivery has a number, and only the newest one may start its job, so
//! that one which comes twice or late does nothing.
//!
//! [`Queue`] is what commands and pages hold; [`Worker`] runs jobs and schedules until it is stopped. A worker says by
//! a lease that it lives; what a dead one was at is queued again by the next that looks. Two jobs never work on one
//! bridge at once, since the use cases of `engine` hold a lease on it.

mod abandoned;
mod backend;
mod calendar;
mod error;
mod execution;
mod housekeeping;
mod port;
mod queue;
mod result;
mod schedule;
mod verdict;
mod watching;
mod worker;

pub use abandoned::LOST;
pub use calendar::ScheduleCalendar;
pub use error::{Error, Result};
pub use model::JobKind;
pub use queue::{Backlog, Enqueued, Queue};
pub use result::{JobResult, ReadNumbers, SkippedNumbers, SyncResult};
pub use schedule::{NewSchedule, next_tick};
pub use store::{Job, JobFilter, JobState, Schedule, Scheduled};
pub use worker::{Worker, WorkerOptions};
