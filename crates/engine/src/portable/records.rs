//! What people decided about single records, as a part of the document. A record goes by its id and its name: every tenant
//! has the same small ids, so another name under the id is another record.

use super::PortableReport;
use crate::engine::Engine;
use crate::error::{Error, Result};
use model::{
    Actor, Bridge, ConflictDecision, ConflictVerdict, Ignored, RecordDecisions, RecordKind, SourceId,
};
use plan::fold::fold;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A record that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableIgnored {
    /// What it becomes in the destination.
    pub kind: RecordKind,
    /// The source's id of it.
    pub source: SourceId,
    /// What people called it.
    pub label: String,
    /// Why it is left alone.
    pub reason: String,
}

/// Whose value stands in one field of one device's asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableConflict {
    /// The device.
    pub device: SourceId,
    /// What people call it; `None` when it was not in what was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Key of the field.
    pub field: String,
    /// Whose value stands.
    pub verdict: ConflictVerdict,
    /// What the source had.
    pub source_value: Value,
    /// What stood in the destination.
    pub destination_value: Value,
}

impl Engine {
    /// What was decided about single records of a bridge, for the document.
    pub(super) async fn portable_records(
        &self,
        bridge: &Bridge,
    ) -> Result<(Vec<PortableIgnored>, Vec<PortableConflict>)> {
        let RecordDecisions { ignored, conflicts } = self.store.record_decisions(&bridge.id).await?;
        let ignored = ignored.into_values().map(|ignored| PortableIgnored {
            kind: ignored.kind,
            source: ignored.source,
            label: ignored.label,
            reason: ignored.reason,
        });
        let mut decided = Vec::new();
        for (device, fields) in conflicts {
            let label = self.label_here(bridge, RecordKind::Asset, &device).await?;
            decided.extend(fields.into_values().map(|decision| PortableConflict {
                device: device.clone(),
                label: label.clone(),
                field: decision.field,
                verdict: decision.verdict,
                source_value: decision.source_value,
                destination_value: decision.destination_value,
            }));
        }
        Ok((ignored.collect(), decided))
    }

    /// Takes over what was decided about records that are here under the same name; the report names the others.
    pub(super) async fn import_records(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        ignored: Vec<PortableIgnored>,
        conflicts: Vec<PortableConflict>,
        report: &mut PortableReport,
    ) -> Result<()> {
        let (by, at) = (actor.to_string(), self.clock().now());
        let known = self.store.record_decisions(&bridge.id).await?;
        let mut labels: BTreeMap<(RecordKind, SourceId), Option<String>> = BTreeMap::new();
        let (mut leave, mut decide) = (Vec::new(), Vec::new());
        for one in ignored {
            let key = (one.kind, one.source.clone());
            if !labels.contains_key(&key) {
                let label = self.label_here(bridge, one.kind, &one.source).await?;
                labels.insert(key.clone(), label);
            }
            let same = known
                .ignored
                .get(&key)
                .is_some_and(|known| known.reason == one.reason);
            match another(labels[&key].as_ref(), Some(&one.label)) {
                Some(why) => report.left_out.push(format!(
                    "bridge `{}`, ignored {}:{}: {why}",
                    bridge.name,
                    one.kind.as_str(),
                    one.source
                )),
                None if same => {}
                None => leave.push(Ignored {
                    kind: one.kind,
                    source: one.source,
                    label: one.label,
                    reason: one.reason,
                    by: by.clone(),
                    at,
                }),
            }
        }
        for one in conflicts {
            let key = (RecordKind::Asset, one.device.clone());
            if !labels.contains_key(&key) {
                let label = self.label_here(bridge, RecordKind::Asset, &one.device).await?;
                labels.insert(key.clone(), label);
            }
            let same = known
                .conflicts
                .get(&one.device)
                .and_then(|fields| fields.get(&one.field))
                .is_some_and(|known| {
                    known.verdict == one.verdict
                        && known.source_value == one.source_value
                        && known.destination_value == one.destination_value
                });
            match another(labels[&key].as_ref(), one.label.as_ref()) {
                Some(why) => report.left_out.push(format!(
                    "bridge `{}`, conflict over {} of device {}: {why}",
                    bridge.name, one.field, one.device
                )),
                None if same => {}
                None => decide.push(ConflictDecision {
                    device: one.device,
                    field: one.field,
                    verdict: one.verdict,
                    source_value: one.source_value,
                    destination_value: one.destination_value,
                    by: by.clone(),
                    at,
                }),
            }
        }
        let store = &self.acting(actor).store;
        if !leave.is_empty() {
            store.ignore(&bridge.id, &leave).await?;
        }
        if !decide.is_empty() {
            store.decide_conflicts(&bridge.id, &decide).await?;
        }
        Ok(())
    }

    /// What a record is called in what was read last, if it was.
    async fn label_here(
        &self,
        bridge: &Bridge,
        kind: RecordKind,
        source: &SourceId,
    ) -> Result<Option<String>> {
        match self.label(bridge, kind, source).await {
            Ok(label) => Ok(Some(label)),
            Err(Error::Unknown { .. } | Error::NothingRead { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Why a record of the document is not the one that is here under its id; `None` when it is.
fn another(here: Option<&String>, was: Option<&String>) -> Option<String> {
    match (here, was) {
        (None, _) => Some("it was not read here. Read first: rmmbridge sync".to_owned()),
        (Some(is), None) => Some(format!("the document does not name it, and it is `{is}` here")),
        (Some(is), Some(was)) if fold(is) != fold(was) => {
            Some(format!("it was `{was}` and is `{is}` here. Decide it again"))
        }
        _ => None,
    }
}
