//! Which fields of one asset are written.

use crate::coerce::is_blank;
use crate::mapping::{CompiledMapping, CompiledRule};
use crate::own::{FieldDecision, FieldState, decide, same_or_both_blank_values};
use model::{Change, ConflictDecision, ConflictVerdict, DeviceProjection, Fields};
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields of one asset that differ from what its device says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FieldChanges {
    /// To be written.
    pub changes: Vec<Change>,
    /// For a person to decide.
    pub conflicts: Vec<Change>,
}

/// What people decided about the fields of one device.
pub(crate) type DecidedFields = BTreeMap<String, ConflictDecision>;

/// Compares a device with what stands in the destination. `written` is what this bridge last wrote, `decided` what
/// people said about conflicts.
pub(crate) fn compare(
    mapping: &CompiledMapping,
    device: &DeviceProjection,
    current: &Fields,
    written: &Fields,
    decided: Option<&DecidedFields>,
) -> FieldChanges {
    let mut found = FieldChanges::default();
    for rule in mapping.rules() {
        let source = source_value(rule, device);
        // An unreadable value is not an absent one: it empties nothing.
        if source.is_none() && rule.may_be_unreadable(&device.faults) {
            continue;
        }
        let decision = decide(&FieldState {
            owner: rule.owner,
            constant: rule.constant().is_some(),
            clear: rule.clear,
            source,
            current: current.get(&rule.target),
            written: written.get(&rule.target),
            decided: decided
                .and_then(|fields| fields.get(&rule.target))
                .and_then(|decision| holds(decision, source, current.get(&rule.target))),
        });
        let list = match decision {
            FieldDecision::Keep => continue,
            FieldDecision::Write => &mut found.changes,
            FieldDecision::Conflict => &mut found.conflicts,
        };
        list.push(Change {
            field: rule.target.clone(),
            before: value_or_null(current.get(&rule.target)),
            after: value_or_null(source),
        });
    }
    found
}

/// The fields of a new asset: what would be written if all stood blank.
pub(crate) fn new_fields(mapping: &CompiledMapping, device: &DeviceProjection) -> Fields {
    let found = compare(mapping, device, &Fields::new(), &Fields::new(), None);
    found
        .changes
        .into_iter()
        .map(|change| (change.field, change.after))
        .collect()
}

/// A decision holds for the two values it was made for.
fn holds(
    decision: &ConflictDecision,
    source: Option<&Value>,
    current: Option<&Value>,
) -> Option<ConflictVerdict> {
    let same = same_or_both_blank_values(Some(&decision.source_value), source)
        && same_or_both_blank_values(Some(&decision.destination_value), current);
    same.then_some(decision.verdict)
}

fn source_value<'a>(rule: &'a CompiledRule, device: &'a DeviceProjection) -> Option<&'a Value> {
    match rule.constant() {
        Some(constant) => Some(constant),
        None => device.fields.get(&rule.target),
    }
}

/// A value, or null where there is none or a blank one.
pub(crate) fn value_or_null(value: Option<&Value>) -> Value {
    value.filter(|v| !is_blank(v)).cloned().unwrap_or(Value::Null)
}
