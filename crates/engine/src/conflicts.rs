//! Fields that both sides changed and the bridge asks about: which they are, and a person's word whose values stand.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use jiff::Timestamp;
use model::{
    Actor, ActorRole, Bridge, Cause, Change, ConflictDecision, ConflictVerdict, PlanId, RecordId, RecordKind,
    RunId, SourceId,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use store::Link;

/// A field of one asset whose value a person changed in the destination, while the source has something else again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenConflict {
    /// The device.
    pub device: SourceId,
    /// What people call it.
    pub label: String,
    /// The client's name.
    pub client: String,
    /// The asset, where it is linked already.
    pub asset: Option<RecordId>,
    /// Key of the field.
    pub field: String,
    /// What the source has now; null when blank.
    pub source_value: Value,
    /// What stands in the destination; null when blank.
    pub destination_value: Value,
    /// What the bridge last wrote there, if it ever did.
    pub written: Option<WrittenBefore>,
    /// The page of the device.
    pub source_url: Option<String>,
    /// The page of the asset.
    pub record_url: Option<String>,
}

/// A value the bridge wrote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WrittenBefore {
    /// The value.
    pub value: Value,
    /// The run that wrote it.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
}

/// The open conflicts of a bridge, as of its newest plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflicts {
    /// The plan that found them.
    pub plan: PlanId,
    /// When it was made.
    pub planned: Timestamp,
    /// Those nobody decided since, in the order of the plan.
    pub open: Vec<OpenConflict>,
}

/// Which open conflicts are decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictChoice {
    /// Only these devices'; of all when empty.
    pub devices: Vec<SourceId>,
    /// Only these fields; all when empty.
    pub fields: Vec<String>,
    /// Only these fields of these devices; all that the others let through when empty.
    pub only: Vec<(SourceId, String)>,
    /// The plan whose conflicts the person saw; another one since may have other values, and nothing is decided then.
    pub seen: Option<PlanId>,
}

impl ConflictChoice {
    fn holds(&self, conflict: &OpenConflict) -> bool {
        let of_device = self.devices.is_empty() || self.devices.contains(&conflict.device);
        let is_chosen =
            |(device, field): &(SourceId, String)| *device == conflict.device && *field == conflict.field;
        of_device
            && (self.fields.is_empty() || self.fields.contains(&conflict.field))
            && (self.only.is_empty() || self.only.iter().any(is_chosen))
    }
}

impl Engine {
    /// The conflicts of the newest plan of the whole bridge that nobody decided yet.
    ///
    /// # Errors
    /// [`Error::NoneYet`] before the first plan.
    pub async fn conflicts(&self, actor: &Actor, bridge: &Bridge) -> Result<Conflicts> {
        require(actor, ActorRole::Viewer, "see conflicts")?;
        let plan = self.whole_plan(bridge).await?;
        let decided = self.store.record_decisions(&bridge.id).await?;
        let mut asked = self.store.operations_that(&plan.id, &["review"]).await?;
        asked.retain(|operation| operation.cause == Some(Cause::Conflict));
        let records: Vec<(RecordKind, SourceId)> = asked
            .iter()
            .map(|o| (RecordKind::Asset, o.subject.source_id.clone()))
            .collect();
        let links = self.store.links_of(&bridge.id, &records).await?;
        let pages = self.pages(bridge).await;
        let mut open = Vec::new();
        for operation in &asked {
            let device = &operation.subject.source_id;
            if decided.ignored(RecordKind::Asset, device).is_some() {
                continue;
            }
            let link = links.get(&(RecordKind::Asset, device.clone()));
            let of_device = decided.conflicts.get(device);
            for change in operation.action.changes() {
                if of_device
                    .and_then(|d| d.get(&change.field))
                    .is_some_and(|d| decides(d, change))
                {
                    continue;
                }
                let asset = link.map(|link| link.destination.clone());
                open.push(OpenConflict {
                    label: operation.subject.label.clone(),
                    client: operation.client_label.clone(),
                    field: change.field.clone(),
                    source_value: change.after.clone(),
                    destination_value: change.before.clone(),
                    written: link.and_then(|link| written(link, &change.field)),
                    source_url: pages.source(RecordKind::Asset, device),
                    record_url: asset
                        .as_ref()
                        .and_then(|asset| pages.record(RecordKind::Asset, asset)),
                    device: device.clone(),
                    asset,
                });
            }
        }
        Ok(Conflicts {
            plan: plan.id,
            planned: plan.created,
            open,
        })
    }

    /// Says whose values stand. What is taken is written by the next plan; what is kept is asked again only when one of
    /// the two sides changes again.
    ///
    /// # Errors
    /// When nothing is chosen by `choice`, or a newer plan was made since the person looked; nothing is stored then.
    pub async fn decide_conflicts(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        choice: &ConflictChoice,
        verdict: ConflictVerdict,
    ) -> Result<Vec<ConflictDecision>> {
        require(actor, ActorRole::Technician, "decide conflicts")?;
        let conflicts = self.conflicts(actor, bridge).await?;
        if let Some(seen) = choice.seen.as_ref().filter(|seen| **seen != conflicts.plan) {
            return Err(Error::Superseded {
                plan: seen.to_string(),
                newer: format!("plan {} was made since", conflicts.plan),
            });
        }
        let at = self.clock().now();
        let chosen = conflicts.open.iter().filter(|conflict| choice.holds(conflict));
        let decisions: Vec<ConflictDecision> = chosen
            .map(|conflict| ConflictDecision {
                device: conflict.device.clone(),
                field: conflict.field.clone(),
                verdict,
                source_value: conflict.source_value.clone(),
                destination_value: conflict.destination_value.clone(),
                by: actor.to_string(),
                at,
            })
            .collect();
        if decisions.is_empty() {
            let devices: Vec<&str> = choice.devices.iter().map(SourceId::as_str).collect();
            let named = [devices.join(", "), choice.fields.join(", ")];
            return Err(Error::Unknown {
                what: "open conflict",
                name: named.join(" "),
                known: None,
            });
        }
        self.acting(actor)
            .store
            .decide_conflicts(&bridge.id, &decisions)
            .await?;
        Ok(decisions)
    }

    /// The newest plan of the whole bridge.
    pub(crate) async fn whole_plan(&self, bridge: &Bridge) -> Result<model::PlanSummary> {
        let plan = self.store.newest_whole_plan(&bridge.id).await?;
        plan.ok_or(Error::NoneYet {
            what: "plan",
            command: "plan --read",
        })
    }
}

fn decides(decision: &ConflictDecision, change: &Change) -> bool {
    plan::own::same_value(&decision.source_value, &change.after)
        && plan::own::same_value(&decision.destination_value, &change.before)
}

fn written(link: &Link, field: &str) -> Option<WrittenBefore> {
    let written: &BTreeMap<_, _> = &link.written;
    let found = written.get(field)?;
    Some(WrittenBefore {
        value: found.value.clone(),
        run: found.run.clone(),
        at: Timestamp::from_microsecond(found.at).unwrap_or_default(),
    })
}
