//! Retention: what is no longer needed is forgotten, some at a time, so that nothing waits for it.
//!
//! The rows of a plan and of its runs are kept for a number of days, which is how far back an undo reaches. Their counts
//! are kept, and so are links, the audit log and every claim on a record.

use crate::engine::{Engine, require};
use crate::error::Result;
use crate::progress::Work;
use jiff::SignedDuration;
use model::{Actor, ActorRole, PlanId};
use store::Forgotten;

/// Rows of one transaction.
const BATCH: u32 = 2_000;
/// For how long a lease is kept once it ran out: longer than any machine that held one is asleep and comes back to it.
const LEASE_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The shortest time rows may be kept: an undo of yesterday's run must always be possible.
pub const LEAST_DAYS: u32 = 7;

impl Engine {
    /// For how many days rows of plans and runs are kept, which is how far back an undo reaches.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kept_days(&self, actor: &Actor) -> Result<u32> {
        require(actor, ActorRole::Viewer, "see for how long rows are kept")?;
        Ok(self.store.kept_days().await?)
    }

    /// Says for how many days rows of plans and runs are kept; at least [`LEAST_DAYS`].
    ///
    /// # Errors
    /// When the actor is no Owner, the time is too short, or the store fails.
    pub async fn keep_for(&self, actor: &Actor, days: u32) -> Result<()> {
        require(actor, ActorRole::Owner, "say for how long rows are kept")?;
        if days < LEAST_DAYS {
            return Err(crate::error::Error::TooShort { least: LEAST_DAYS });
        }
        Ok(self.acting(actor).store.keep_for(days).await?)
    }

    /// Forgets what is older than that. Stopped or killed it goes on the next time.
    ///
    /// # Errors
    /// When the store fails, or the work is stopped.
    pub async fn forget_old_rows(&self, actor: &Actor, work: Work<'_>) -> Result<Forgotten> {
        require(actor, ActorRole::Technician, "forget old rows")?;
        let days = i64::from(self.store.kept_days().await?);
        let now = self.clock().now();
        let before = now
            .checked_sub(SignedDuration::from_hours(24 * days))
            .unwrap_or(now);
        let store = &self.acting(actor).store;
        store
            .forget_leases(now.checked_sub(LEASE_KEPT).unwrap_or(now))
            .await?;
        let mut all = Forgotten::default();
        loop {
            work.check()?;
            let Some(some) = store.forget_plan_rows(before, BATCH).await? else {
                break;
            };
            all.plans += some.plans;
            all.operations += some.operations;
            all.items += some.items;
            work.progress
                .at("Forgetting old rows", all.operations + all.items, None);
            // Others that wait to write come first.
            tokio::task::yield_now().await;
        }
        loop {
            work.check()?;
            match store.forget_notifications(before, BATCH).await? {
                0 => return Ok(all),
                some => all.notifications += some,
            }
        }
    }

    /// Whether the rows of a plan were forgotten; its counts stand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_forgotten(&self, actor: &Actor, plan: &PlanId) -> Result<bool> {
        require(actor, ActorRole::Viewer, "see plans")?;
        Ok(self.store.plan_is_forgotten(plan).await?)
    }
}
