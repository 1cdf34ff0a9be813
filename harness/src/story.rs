//! What became of one record, told for whoever looks into a finding: a round leaves thousands of entries behind.

use crate::hub::Hub;
use anyhow::Context as _;
use connect::Marker;
use model::{Bridge, Operation, Outcome, PlanId, RecordId, RecordKind, RunKind, SourceId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Tells what every run of `bridge` did about a source record or its `record` in the destination, what the newest plan
/// says, how both are linked now, and what the audit log has under their mark.
///
/// # Errors
/// When the store fails.
pub async fn of(
    hub: &Hub,
    bridge: &Bridge,
    (kind, source): (RecordKind, &SourceId),
    record: &RecordId,
    standing: &Value,
) -> anyhow::Result<String> {
    let store = &hub.store;
    let mut story = format!("its story:\n  it stands as {standing}\n");
    let link = store.link(&bridge.id, kind, source).await?;
    let holder = store.link_to(&bridge.id, kind, record).await?;
    writeln!(
        story,
        "  {kind:?} {source} is linked to {:?}; {record} is linked to {:?}",
        link.map(|link| link.destination.0),
        holder.map(|link| link.source.0)
    )?;
    let marks = store.undone(&bridge.id).await?;
    for mark in marks
        .values()
        .filter(|mark| mark.record == *record || mark.source == *source)
    {
        writeln!(story, "  undone: {mark:?}")?;
    }
    let mut runs = store.runs(usize::MAX).await?;
    runs.reverse();
    for run in runs {
        let (RunKind::Apply { bridge: of, plan } | RunKind::Undo { bridge: of, plan, .. }) = &run.kind else {
            continue;
        };
        if *of != bridge.id {
            continue;
        }
        let items = store.items_of(&run.id).await?;
        let outcomes: BTreeMap<u32, &Outcome> = items.iter().map(|(n, item)| (*n, &item.outcome)).collect();
        for operation in about(hub, plan, (kind, source), record).await? {
            let outcome = outcomes.get(&operation.number);
            let kind = match run.kind {
                RunKind::Undo { .. } => "undo",
                _ => "run",
            };
            writeln!(
                story,
                "  {kind} {} at {}: {} → {outcome:?}",
                run.id,
                run.started,
                told(&operation)?
            )?;
        }
    }
    if let Some(plan) = store.newest_plan(&bridge.id).await? {
        for operation in about(hub, &plan.id, (kind, source), record).await? {
            writeln!(story, "  newest plan {}: {}", plan.id, told(&operation)?)?;
        }
    }
    let mark = Marker::new(&bridge.source, kind, source).0;
    for entry in store.audit_entries(None, usize::MAX).await? {
        if entry.subject == mark {
            writeln!(
                story,
                "  log {} at {}: {} {}",
                entry.seq, entry.at, entry.action, entry.detail
            )?;
        }
    }
    Ok(story)
}

/// The operations of a plan about the source record, or that name the record.
async fn about(
    hub: &Hub,
    plan: &PlanId,
    (kind, source): (RecordKind, &SourceId),
    record: &RecordId,
) -> anyhow::Result<Vec<Operation>> {
    let operations = hub.store.operations(plan, 0, usize::MAX).await?;
    let mut found = Vec::new();
    for operation in operations {
        let of_source = operation.subject.kind == kind && operation.subject.source_id == *source;
        if of_source || told(&operation)?.contains(&format!("{:?}", record.as_str())) {
            found.push(operation);
        }
    }
    Ok(found)
}

fn told(operation: &Operation) -> anyhow::Result<String> {
    let action = serde_json::to_string(&operation.action).context("an action as JSON")?;
    Ok(format!(
        "{} {} ({}): {action}, {}",
        operation.number, operation.subject.source_id, operation.subject.label, operation.reason
    ))
}
