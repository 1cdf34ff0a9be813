//! The way back: what takes back what a run wrote, as a plan of its own.
//!
//! Each step is checked three ways: what stood before the run, what the run wrote, and what stands now. Only what
//! stands as it was written is put back; what was changed since stays and is listed with the reason. Nothing is
//! deleted: a created asset is archived, and created clients, sites and asset types stay.

mod inverse;

use crate::brakes::{Load, warnings};
use inverse::{Inverse, Step};
use model::{Action, Asset, Brakes, Cause, Fields, Operation, PlanCounts, RecordId, RecordKind, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// An operation that was carried out, and the record it ended with.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The operation.
    pub operation: Operation,
    /// The destination record.
    pub record: RecordId,
}

/// What a source record is linked to now.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkNow {
    /// The destination record.
    pub record: RecordId,
    /// What the bridge last wrote into its fields, in whichever run.
    pub written: Fields,
}

/// What an undo is planned with.
#[derive(Clone, Debug)]
pub struct UndoInput<'a> {
    /// What is taken back.
    pub done: &'a [Done],
    /// The assets these operations touched, as they are now; one that no longer exists is missing.
    pub assets: &'a BTreeMap<RecordId, Asset>,
    /// The links of the source records these operations are about, and of those they refer to.
    pub links: &'a BTreeMap<(RecordKind, SourceId), LinkNow>,
    /// Whether the destination can change an asset, by now.
    pub update: bool,
    /// Whether it can archive one.
    pub archive: bool,
    /// Whether it can take one out of the archive again.
    pub restore: bool,
    /// How many assets the bridge has linked, for the brakes.
    pub linked: u32,
    /// The bridge's brakes.
    pub brakes: &'a Brakes,
}

/// A finished undo plan.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoPlan {
    /// What is written, then what stays and why.
    pub operations: Vec<Operation>,
    /// How many of each.
    pub counts: PlanCounts,
    /// What the brakes say.
    pub warnings: Vec<String>,
}

/// Plans the undo of operations. Values go back before links are taken: a write needs its link.
pub fn plan_undo(input: &UndoInput<'_>) -> UndoPlan {
    let mut steps: Vec<(u8, &Operation, Step)> = Vec::new();
    for done in input.done {
        let of = &done.operation;
        let inverse = Inverse { input, done }.steps();
        steps.extend(
            inverse
                .into_iter()
                .map(|step| (turn(&step.0, of.subject.kind), of, step)),
        );
    }
    keep_what_was_worked_on(&mut steps);
    steps.sort_by_key(|(turn, of, _)| (*turn, of.number));
    let mut plan = UndoPlan {
        operations: Vec::with_capacity(steps.len()),
        counts: PlanCounts::default(),
        warnings: vec![],
    };
    let mut load = Load {
        linked: input.linked,
        ..Load::default()
    };
    for ((_, of, (action, reason, cause)), number) in steps.into_iter().zip(1..) {
        plan.counts.add(&action);
        match &action {
            Action::ArchiveAsset { .. } => load.archives += 1,
            Action::UpdateAsset { .. } | Action::RestoreAsset { .. } => load.changes += 1,
            Action::Unlink { changes, .. } => load.changes += u32::from(!changes.is_empty()),
            _ => {}
        }
        let cause = cause.or((!action.writes()).then_some(Cause::StaysAfterUndo));
        plan.operations.push(Operation {
            number,
            client_label: of.client_label.clone(),
            subject: of.subject.clone(),
            action,
            reason,
            cause,
            after_match: None,
            undoes: Some(of.number),
        });
    }
    plan.warnings = warnings(load, input.brakes);
    plan
}

/// Somebody may have made more of an asset that the run took out of the archive than its values tell: where it stands is told
/// by the update that came with it.
fn keep_what_was_worked_on(steps: &mut [(u8, &Operation, Step)]) {
    let somebodys = |(_, of, step): &&(u8, &Operation, Step)| {
        of.subject.kind == RecordKind::Asset && matches!(step, (Action::Review { .. }, _, None))
    };
    let kept: BTreeSet<SourceId> = steps
        .iter()
        .filter(somebodys)
        .map(|(_, of, _)| of.subject.source_id.clone())
        .collect();
    for (at, of, step) in steps {
        let is_restored = matches!(of.action, Action::RestoreAsset { .. });
        let archives = matches!(step.0, Action::ArchiveAsset { .. });
        if is_restored && archives && kept.contains(&of.subject.source_id) {
            let why = "taken out of the archive by the run, and worked on since: it stays";
            *step = (Action::Skip, why.to_owned(), None);
            *at = turn(&step.0, RecordKind::Asset);
        }
    }
}

fn turn(action: &Action, kind: RecordKind) -> u8 {
    match action {
        Action::UpdateAsset { .. } => 0,
        Action::RestoreAsset { .. } => 1,
        Action::ArchiveAsset { .. } => 2,
        Action::Unlink { .. } if kind == RecordKind::Asset => 3,
        Action::Review { .. } => 5,
        Action::Skip => 6,
        _ => 4,
    }
}

#[cfg(test)]
mod tests;
