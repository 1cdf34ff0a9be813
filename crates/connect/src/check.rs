//! The configuration check: one tick or cross per point, with the vendor's own answer.

use serde::Serialize;

/// How one point turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it must be.
    Passed,
    /// It is not; the detail says what to do.
    Failed,
    /// It was not tried, since an earlier point failed.
    NotTried,
}

/// One point of a configuration check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckPoint {
    /// What was checked, e.g. `May read devices`.
    pub point: String,
    /// How it turned out.
    pub verdict: Verdict,
    /// What the vendor answered, and what to do about a cross.
    pub detail: String,
    /// What the vendor's account lacks, where that is why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
}

impl CheckPoint {
    /// A tick.
    pub fn passed(point: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            point: point.into(),
            verdict: Verdict::Passed,
            detail: detail.into(),
            lacks: None,
        }
    }

    /// A cross, since the vendor's account lacks a part.
    pub fn lacking(point: impl Into<String>, part: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            lacks: Some(part.into()),
            ..Self::failed(point, detail)
        }
    }

    /// A cross.
    pub fn failed(point: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            point: point.into(),
            verdict: Verdict::Failed,
            detail: detail.into(),
            lacks: None,
        }
    }

    /// Neither.
    pub fn not_tried(point: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            point: point.into(),
            verdict: Verdict::NotTried,
            detail: detail.into(),
            lacks: None,
        }
    }
}
