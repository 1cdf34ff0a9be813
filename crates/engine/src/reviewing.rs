//! Looking through a plan before it is applied: a page at a time, and taking operations out of it.
//!
//! What is taken out belongs to the plan and not to whoever did it: everybody sees it, and however the plan is applied,
//! it stays unwritten. The next plan has it again; to leave a record alone for good, it is ignored or excluded.

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Action, Actor, ActorRole, Bridge, Operation, PlanId, PlanSummary, RunCounts};
use std::collections::BTreeSet;
pub use store::{OperationFilter, Selected};

/// A plan and how it stands.
#[derive(Clone, Debug)]
pub struct Review {
    /// The plan.
    pub plan: PlanSummary,
    /// Its bridge.
    pub bridge: Bridge,
    /// Operations that are taken out of it.
    pub deselected: u64,
    /// How often that changed: whoever applies it says what they saw.
    pub selection: i64,
    /// How many of its operations ended how so far.
    pub begun: RunCounts,
    /// Why it cannot be applied as things stand.
    pub refused: Option<Refused>,
    /// Whether its operations are no longer kept.
    pub forgotten: bool,
}

/// Why a plan cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, in words.
    pub why: String,
    /// Whether a new plan helps.
    pub plan_anew: bool,
}

impl Review {
    /// Operations that would be written now.
    pub fn to_write(&self) -> u64 {
        let writes = u64::from(self.plan.counts.writes());
        writes
            .saturating_sub(self.deselected)
            .saturating_sub(self.begun.done)
    }
}

impl Engine {
    /// A plan and how it stands for whoever asks.
    ///
    /// # Errors
    /// When there is no such plan.
    pub async fn review(&self, actor: &Actor, id: &PlanId) -> Result<Review> {
        let plan = self.plan(actor, id).await?;
        let bridge = self.store.bridge(&plan.bridge).await?;
        let refused = match self.require_applicable(actor, &plan, &bridge, false).await {
            Ok(()) => None,
            Err(error) => {
                use crate::Error as E;
                let plan_anew = matches!(error, E::StalePlan { .. } | E::Superseded { .. });
                let why = error.to_string();
                Some(Refused { why, plan_anew })
            }
        };
        Ok(Review {
            deselected: self.store.deselected(id).await?.len() as u64,
            selection: self.store.plan_selection(id).await?,
            begun: self.store.plan_counts_begun(id).await?,
            forgotten: self.store.plan_is_forgotten(id).await?,
            refused,
            plan,
            bridge,
        })
    }

    /// Refuses a plan that cannot be applied as things stand: asked before it is put into the queue, so that the person
    /// hears it at once.
    ///
    /// # Errors
    /// Why it cannot be applied.
    pub async fn check_applicable(&self, actor: &Actor, id: &PlanId) -> Result<()> {
        require(actor, ActorRole::Technician, "apply plans")?;
        let plan = self.plan(actor, id).await?;
        let bridge = self.store.bridge(&plan.bridge).await?;
        self.require_applicable(actor, &plan, &bridge, false).await
    }

    /// A page of the operations of a plan that the filter lets through, each with whether it is taken out, and how many
    /// there are on all pages.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_page(
        &self,
        actor: &Actor,
        plan: &PlanId,
        filter: &OperationFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<(Operation, bool)>, u64)> {
        require(actor, ActorRole::Viewer, "see plans")?;
        let operations = self.store.operation_page(plan, filter, offset, limit).await?;
        let total = match filter.client.is_none() && filter.search.trim().is_empty() {
            // Counted when the plan was made.
            true if !self.store.plan_is_forgotten(plan).await? => {
                let counts = self.store.plan(plan).await?.counts;
                let names = Action::NAMES.iter();
                let asked =
                    names.filter(|n| filter.actions.is_empty() || filter.actions.iter().any(|a| a == *n));
                asked.map(|name| u64::from(counts.of(name))).sum()
            }
            _ => self.store.operation_count(plan, filter).await?,
        };
        let out = self.store.deselected(plan).await?;
        let marked = operations.into_iter().map(|operation| {
            let deselected = out.contains(&operation.number);
            (operation, deselected)
        });
        Ok((marked.collect(), total))
    }

    /// The numbers of the operations that are taken out of a plan.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deselected(&self, actor: &Actor, plan: &PlanId) -> Result<BTreeSet<u32>> {
        require(actor, ActorRole::Viewer, "see plans")?;
        Ok(self.store.deselected(plan).await?)
    }

    /// Takes operations out of a plan, or with `back` puts them into it again; how many were. It holds for this plan and
    /// however it is applied.
    ///
    /// # Errors
    /// When there is no such plan.
    pub async fn deselect(&self, actor: &Actor, plan: &PlanId, which: &Selected, back: bool) -> Result<u64> {
        require(actor, ActorRole::Technician, "take operations out of plans")?;
        self.plan(actor, plan).await?;
        Ok(self.acting(actor).store.deselect(plan, which, back).await?)
    }
}
