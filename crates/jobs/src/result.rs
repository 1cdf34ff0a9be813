//! What came of a job, as its row keeps it and a command prints it.

use engine::planning::SkippedFields;
use engine::read::ReadReport;
use engine::sync::SyncReport;
use model::{PlanSummary, RecordId, Run};
use serde::{Deserialize, Serialize};

/// What came of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum JobResult {
    /// Of a sync.
    Sync(Box<SyncResult>),
    /// Of a plan.
    Plan {
        /// The plan.
        plan: PlanSummary,
        /// Fields that could not be read.
        skipped_fields: SkippedNumbers,
    },
    /// Of an applied plan.
    Apply {
        /// The run.
        run: Run,
    },
    /// Of the client wizard's Finish.
    Finish {
        /// The plan that was made of its overview.
        plan: PlanSummary,
        /// The run; `None` when there was nothing to write or a person has to look first.
        run: Option<Run>,
        /// Fields that could not be read.
        skipped_fields: SkippedNumbers,
    },
    /// Of a record that was tried again.
    Retry {
        /// Its plan.
        plan: PlanSummary,
        /// The run; `None` when there was nothing to write.
        run: Option<Run>,
    },
    /// Of a record that a person said is another.
    Linked {
        /// The destination's record that it is.
        record: RecordId,
    },
    /// Of a read.
    Read(ReadNumbers),
    /// Of keeping a connection alive.
    Alive,
    /// Of maintenance.
    Maintained {
        /// What was forgotten.
        forgotten: store::Forgotten,
        /// What the whole audit log was found to be.
        audit: serde_json::Value,
    },
}

/// What a sync did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncResult {
    /// What was read.
    pub read: ReadNumbers,
    /// What was planned.
    pub plan: PlanSummary,
    /// What was applied; `None` when there was nothing to write or a person has to look first.
    pub run: Option<Run>,
    /// Why nothing was applied although there was something to write.
    pub stopped: Option<String>,
    /// Fields that were left out, since they could not be read.
    pub skipped_fields: SkippedNumbers,
}

/// What a read brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadNumbers {
    /// Devices that are there.
    pub devices: u64,
    /// Requests it took.
    pub requests: u64,
    /// Rows that changed.
    pub rows_written: u64,
    /// Devices that were there but could not be read, each with the reason.
    pub unreadable: Vec<String>,
}

/// Fields that were left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SkippedNumbers {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub first: Vec<String>,
}

impl From<ReadReport> for ReadNumbers {
    fn from(report: ReadReport) -> Self {
        Self {
            devices: report.snapshot.devices,
            requests: report.snapshot.requests,
            rows_written: report.snapshot.rows_written,
            unreadable: report.unreadable,
        }
    }
}

impl From<SkippedFields> for SkippedNumbers {
    fn from(skipped: SkippedFields) -> Self {
        Self {
            count: skipped.count,
            first: skipped.first,
        }
    }
}

impl From<SyncReport> for SyncResult {
    fn from(report: SyncReport) -> Self {
        Self {
            read: report.read.into(),
            plan: report.plan,
            run: report.run,
            stopped: report.stopped.map(|stopped| stopped.reason),
            skipped_fields: report.skipped.into(),
        }
    }
}
