//! What was undone waits for a release: which records those are, and letting them be written again.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Bridge, PlanId, RecordKind, RunId, RunKind, SourceId, Undone};
use serde::Serialize;
use std::collections::BTreeMap;

/// A record that plans leave alone since its writes were undone, with what people call it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldBack {
    /// The record, and who undid it.
    #[serde(flatten)]
    pub undone: Undone,
    /// What people called it when it was undone; its id where the plan of that is no longer kept.
    pub label: String,
    /// The name of its client; empty where it is not known.
    pub client: String,
}

impl Engine {
    /// The records of a bridge whose writes were undone and that nobody released yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn undone(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<Undone>> {
        require(actor, ActorRole::Viewer, "see what was undone")?;
        let all = self.store.undone(&bridge.id).await?;
        Ok(all.into_values().filter(Undone::holds).collect())
    }

    /// The same with their names, the last undone first: at most `limit` of them, and how many there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn held_back(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        limit: usize,
    ) -> Result<(Vec<HeldBack>, usize)> {
        let mut all = self.undone(actor, bridge).await?;
        let total = all.len();
        all.sort_by(|a, b| (b.at, a.kind, &a.source).cmp(&(a.at, b.kind, &b.source)));
        all.truncate(limit);
        let mut plans = BTreeMap::new();
        let mut named = Vec::with_capacity(all.len());
        for undone in all {
            if !plans.contains_key(&undone.run) {
                let plan = self.plan_of_undo(&undone.run).await?;
                plans.insert(undone.run.clone(), plan);
            }
            let about = match plans.get(&undone.run) {
                Some(Some(plan)) => {
                    self.store
                        .operations_about(plan, undone.kind, &undone.source)
                        .await?
                }
                _ => Vec::new(),
            };
            let (label, client) = match about.into_iter().next() {
                Some(operation) => (operation.subject.label, operation.client_label),
                None => (undone.source.to_string(), String::new()),
            };
            named.push(HeldBack {
                undone,
                label,
                client,
            });
        }
        Ok((named, total))
    }

    /// The plan that a run of an undo applied.
    async fn plan_of_undo(&self, run: &RunId) -> Result<Option<PlanId>> {
        let (run, _) = self.store.runs_beginning(run.as_str(), 1).await?;
        Ok(run.into_iter().next().and_then(|run| match run.kind {
            RunKind::Undo { plan, .. } => Some(plan),
            RunKind::Apply { .. } | RunKind::Read { .. } => None,
        }))
    }

    /// Lets undone records be planned and written again, all of the bridge or these; how many there were.
    ///
    /// # Errors
    /// When one of them is not held back.
    pub async fn release_undone(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        records: Option<&[(RecordKind, SourceId)]>,
    ) -> Result<u64> {
        require(actor, ActorRole::Technician, "release what was undone")?;
        if let Some(records) = records {
            let held = self.store.undone(&bridge.id).await?;
            let missing = records.iter().find(|r| !held.get(*r).is_some_and(Undone::holds));
            if let Some((kind, source)) = missing {
                return Err(Error::Unknown {
                    what: "undone record",
                    name: format!("{}:{source}", kind.as_str()),
                    known: None,
                });
            }
        }
        let store = &self.acting(actor).store;
        Ok(store
            .release_undone(&bridge.id, records, &actor.to_string())
            .await?)
    }
}
