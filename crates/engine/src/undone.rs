//! What was undone waits for a release: which records those are, and letting them be written again.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Bridge, RecordKind, RunKind, SourceId, Undone};
use serde::Serialize;

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
        let mut named = Vec::with_capacity(all.len());
        for undone in all {
            let (run, _) = self.store.runs_beginning(undone.run.as_str(), 1).await?;
            let operation = match run.first().map(|run| &run.kind) {
                Some(RunKind::Undo { plan, .. }) => {
                    let of = self
                        .store
                        .operations_about(plan, undone.kind, &undone.source)
                        .await?;
                    of.into_iter().next()
                }
                _ => None,
            };
            named.push(HeldBack {
                label: operation
                    .as_ref()
                    .map_or_else(|| undone.source.to_string(), |o| o.subject.label.clone()),
                client: operation.map_or_else(String::new, |o| o.client_label),
                undone,
            });
        }
        Ok((named, total))
    }
}
