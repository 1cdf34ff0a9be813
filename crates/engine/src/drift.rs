//! Where the two sides of a bridge differ: the newest plan of the whole bridge, read as a report. A schedule that only
//! plans keeps it fresh. A difference that is fine as it is can be accepted for a reason, until either side changes.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::row_errors::given;
use jiff::Timestamp;
use model::{
    Accepted, Actor, ActorRole, Bridge, Difference, DifferenceKey, Drift, PlanId, RecordId, RecordKind, Side,
    SourceId, UnlinkedAsset,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Operations read from a plan at a time.
const PAGE: usize = 500;

/// Where the two sides differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftReport {
    /// The plan that compared them.
    pub plan: PlanId,
    /// When.
    pub planned: Timestamp,
    /// Every difference, by sort, client and name.
    pub differences: Vec<Differing>,
    /// How many of each sort nobody accepted.
    pub counts: DriftCounts,
}

/// One difference, with what people said about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differing {
    /// The difference.
    #[serde(flatten)]
    pub difference: Difference,
    /// Who accepted it and why, while neither side changed since.
    pub accepted: Option<Accepted>,
    /// The page of the source record.
    pub source_url: Option<String>,
    /// The page of the destination record.
    pub record_url: Option<String>,
}

/// How many differences nobody accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DriftCounts {
    /// Records the source has and the destination has not.
    pub only_source: u64,
    /// Records the destination has and the source has not.
    pub only_destination: u64,
    /// Fields that differ.
    pub differing: u64,
    /// Records both may have, that are not linked.
    pub unlinked: u64,
    /// Differences that were accepted; they are not in the other counts.
    pub accepted: u64,
}

impl DriftCounts {
    /// Whether the sides are the same, but for what was accepted.
    pub fn is_none(&self) -> bool {
        self.only_source + self.only_destination + self.differing + self.unlinked == 0
    }

    fn add(&mut self, differing: &Differing) {
        let count = match (&differing.accepted, differing.difference.drift) {
            (Some(_), _) => &mut self.accepted,
            (None, Drift::OnlySource) => &mut self.only_source,
            (None, Drift::OnlyDestination) => &mut self.only_destination,
            (None, Drift::Differs) => &mut self.differing,
            (None, Drift::Unlinked) => &mut self.unlinked,
        };
        *count += 1;
    }
}

impl Engine {
    /// Where the two sides of a bridge differ, by its newest plan of the whole bridge. What was applied of that plan
    /// since is left out.
    ///
    /// # Errors
    /// [`Error::NoneYet`] before the first plan.
    pub async fn drift(&self, actor: &Actor, bridge: &Bridge) -> Result<DriftReport> {
        require(actor, ActorRole::Viewer, "see what differs")?;
        let plan = self.whole_plan(bridge).await?;
        let done = self.store.run_items(&plan.id).await?;
        let mut found: Vec<Difference> = Vec::new();
        let mut after = 0;
        loop {
            let page = self.store.operations(&plan.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            let open = page.iter().filter(|operation| {
                let item = done.get(&operation.number);
                !item.is_some_and(|item| matches!(item.outcome, model::Outcome::Done { .. }))
            });
            found.extend(open.flat_map(plan::drift::differences));
        }
        let unlinked = self
            .nobodys(bridge, self.store.unlinked_assets(&plan.id).await?)
            .await?;
        let stored: Vec<_> = unlinked
            .iter()
            .filter_map(|asset| Some((RecordKind::Asset, asset.device.clone()?)))
            .collect();
        let holders = self.store.linked_now(&bridge.id, &stored).await?;
        found.extend(unlinked.iter().filter_map(|asset| {
            let device = asset.device.clone();
            let linked = device.and_then(|device| holders.get(&(RecordKind::Asset, device)));
            // Linked since by a plan of its client alone.
            let is_linked = linked == Some(&asset.asset);
            (!is_linked).then(|| plan::drift::nobodys(asset, linked))
        }));
        found.sort_by(|a, b| {
            (a.drift, &a.client, &a.label, &a.key).cmp(&(b.drift, &b.client, &b.label, &b.key))
        });
        let accepted: BTreeMap<DifferenceKey, Accepted> = self
            .store
            .accepted_differences(&bridge.id)
            .await?
            .into_iter()
            .map(|accepted| (accepted.key.clone(), accepted))
            .collect();
        let devices: Vec<_> = found
            .iter()
            .filter(|d| d.key.side == Side::Source && d.key.kind == RecordKind::Asset)
            .map(|d| (RecordKind::Asset, SourceId(d.key.record.clone())))
            .collect();
        let links = self.store.linked_now(&bridge.id, &devices).await?;
        let pages = self.pages(bridge).await;
        let mut counts = DriftCounts::default();
        let differences = found.into_iter().map(|difference| {
            let key = &difference.key;
            let (source, record) = match key.side {
                Side::Source => {
                    let source = SourceId(key.record.clone());
                    let link = links.get(&(key.kind, source.clone()));
                    (Some(source), link.cloned())
                }
                Side::Destination => (None, Some(RecordId(key.record.clone()))),
            };
            let differing = Differing {
                accepted: accepted.get(key).filter(|a| a.holds(&difference)).cloned(),
                source_url: source.and_then(|source| pages.source(key.kind, &source)),
                record_url: record.and_then(|record| pages.record(key.kind, &record)),
                difference,
            };
            counts.add(&differing);
            differing
        });
        let differences = differences.collect();
        Ok(DriftReport {
            plan: plan.id,
            planned: plan.created,
            differences,
            counts,
        })
    }

    /// Those that no other bridge into the same destination is linked to either.
    async fn nobodys(&self, bridge: &Bridge, assets: Vec<UnlinkedAsset>) -> Result<Vec<UnlinkedAsset>> {
        if assets.is_empty() {
            return Ok(assets);
        }
        let mut others: BTreeSet<RecordId> = BTreeSet::new();
        for other in self.store.bridges().await? {
            if other.destination == bridge.destination && other.id != bridge.id {
                others.extend(
                    self.store
                        .links(&other.id, RecordKind::Asset)
                        .await?
                        .into_values(),
                );
            }
        }
        Ok(assets
            .into_iter()
            .filter(|asset| !others.contains(&asset.asset))
            .collect())
    }

    /// Accepts differences for a reason: they are shown as such and not counted, until either side changes. Plans write
    /// what they would have written.
    ///
    /// # Errors
    /// [`Error::NoReason`] without a reason, and when one of them is no difference now; nothing is stored then.
    pub async fn accept_differences(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        keys: &[DifferenceKey],
        reason: &str,
    ) -> Result<Vec<Accepted>> {
        require(actor, ActorRole::Technician, "accept differences")?;
        let reason = given(reason, "accepting differences")?;
        let report = self.drift(actor, bridge).await?;
        let at = self.clock().now();
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let found = report.differences.iter().find(|d| &d.difference.key == key);
            let found = &found.ok_or_else(|| no_difference(key))?.difference;
            all.push(Accepted {
                key: key.clone(),
                source_value: found.source_value.clone(),
                destination_value: found.destination_value.clone(),
                reason: reason.clone(),
                by: actor.to_string(),
                at,
            });
        }
        self.acting(actor)
            .store
            .accept_differences(&bridge.id, &all)
            .await?;
        Ok(all)
    }

    /// Takes back that differences are accepted; how many were.
    ///
    /// # Errors
    /// When one of them is not accepted; nothing is changed then.
    pub async fn unaccept_differences(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        keys: &[DifferenceKey],
    ) -> Result<u64> {
        require(actor, ActorRole::Technician, "accept differences")?;
        let accepted = self.store.accepted_differences(&bridge.id).await?;
        if let Some(missing) = keys.iter().find(|key| !accepted.iter().any(|a| &a.key == *key)) {
            return Err(no_difference(missing));
        }
        Ok(self
            .acting(actor)
            .store
            .unaccept_differences(&bridge.id, keys)
            .await?)
    }
}

fn no_difference(key: &DifferenceKey) -> Error {
    let field = match key.field.is_empty() {
        true => String::new(),
        false => format!(" {}", key.field),
    };
    Error::Unknown {
        what: "difference",
        name: format!("{} {}{field}", key.kind.as_str(), key.record),
        known: None,
    }
}
