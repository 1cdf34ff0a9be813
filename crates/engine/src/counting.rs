//! What is counted for whoever watches: runs and writes, by how they ended. Nobody collects it in a command.

use metrics::counter;
use model::{Outcome, Run, RunKind, RunState};

/// A run that ended.
pub(crate) fn run(run: &Run) {
    let kind = match run.kind {
        RunKind::Read { .. } => "read",
        RunKind::Apply { .. } => "apply",
        RunKind::Undo { .. } => "undo",
    };
    let state = match run.state {
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Failed { .. } => "failed",
    };
    counter!("rmmbridge_runs_total", "kind" => kind, "state" => state).increment(1);
}

/// Writes that ended.
pub(crate) fn outcomes<'a>(outcomes: impl Iterator<Item = &'a Outcome>) {
    let mut counts = model::RunCounts::default();
    outcomes.for_each(|outcome| counts.add(outcome));
    for (outcome, count) in [
        ("done", counts.done),
        ("failed", counts.failed),
        ("skipped", counts.skipped),
        ("unknown", counts.unknown),
    ] {
        if count > 0 {
            counter!("rmmbridge_writes_total", "outcome" => outcome).increment(count);
        }
    }
}
