//! Retention: the rows of plans and runs that nobody needs any more, some at a time.
//!
//! What is kept for ever: the plan's and the run's own row with their counts, the audit log, links, and every claim on a
//! record (`claim.rs`): a record that was written once is looked up before it is created again, however long ago.

use crate::audit::Note;
use crate::error::Result;
use crate::json::micros;
use crate::open::Store;
use jiff::Timestamp;
use model::PlanId;
use serde_json::json;

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forgotten {
    /// Plans whose rows went.
    pub plans: u64,
    /// Rows of plans.
    pub operations: u64,
    /// Rows of runs.
    pub items: u64,
    /// Notifications that were over.
    pub notifications: u64,
}

impl Store {
    /// Forgets rows of one plan made before `before` and of its runs, at most `batch` of each; `None` when there is no
    /// such plan. A plan is left alone while it is the newest of its bridge, while one of its runs began after
    /// `before`, goes on or is being undone, while a record of it could not be written (it may still be listed as
    /// such), and while a write of it has no known outcome.
    ///
    /// # Errors
    /// When the database fails; what was forgotten by then stays so, and the next call goes on.
    pub async fn forget_plan_rows(&self, before: Timestamp, batch: u32) -> Result<Option<Forgotten>> {
        let mut tx = self.write().await?;
        let plan = fetch_optional!(
            tx,
            (String,),
            "SELECT p.id FROM plan p
             WHERE (p.forgotten IS NULL OR p.forgotten < 0) AND p.created < $1
               AND EXISTS (SELECT 1 FROM plan n WHERE n.bridge_id = p.bridge_id AND n.undoes IS NULL AND n.about IS NULL
                           AND n.ready = p.ready AND n.turn > p.turn)
               AND NOT EXISTS (SELECT 1 FROM run r WHERE r.plan_id = p.id
                               AND (r.started >= $1 OR r.state = 'running'))
               AND NOT EXISTS (SELECT 1 FROM run u JOIN run r ON u.undoes = r.id WHERE r.plan_id = p.id
                               AND (u.started >= $1 OR u.state = 'running'))
               AND NOT EXISTS (SELECT 1 FROM run_item i WHERE i.plan_id = p.id AND i.state IN ('failed', 'unknown')
                               AND NOT EXISTS (SELECT 1 FROM run_item n WHERE n.plan_id = p.id AND n.number = i.number
                                               AND (n.state = 'done' OR n.updated > i.updated)))
               AND NOT EXISTS (SELECT 1 FROM write_claim c WHERE c.sent_at IS NOT NULL
                               AND (c.plan_id = p.id OR c.earlier LIKE '%' || p.id || '%'))
             ORDER BY p.created, p.id LIMIT 1",
            micros(before)
        )?;
        let Some((plan,)) = plan else { return Ok(None) };
        let items = execute!(
            tx,
            "DELETE FROM run_item WHERE plan_id = $1 AND number IN
                 (SELECT number FROM run_item WHERE plan_id = $1 ORDER BY number LIMIT $2)",
            plan.as_str(),
            i64::from(batch)
        )?;
        let operations = execute!(
            tx,
            "DELETE FROM plan_operation WHERE plan_id = $1 AND number IN
                 (SELECT number FROM plan_operation WHERE plan_id = $1 ORDER BY number LIMIT $2)",
            plan.as_str(),
            i64::from(batch)
        )?;
        let whole = items < u64::from(batch) && operations < u64::from(batch);
        // Below zero while some of it is left: an undo of half a run would be none.
        execute!(
            tx,
            "UPDATE plan SET forgotten = $1 WHERE id = $2",
            if whole { micros(self.clock.now()) } else { -1 },
            plan.as_str()
        )?;
        if whole {
            let note = Note::new("plan.rows_forgotten", plan).with(json!({ "made_before": before }));
            self.note(&mut tx, &[note]).await?;
        }
        tx.commit().await?;
        Ok(Some(Forgotten {
            plans: u64::from(whole),
            operations,
            items,
            notifications: 0,
        }))
    }

    /// Whether the rows of a plan were forgotten, some or all of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_is_forgotten(&self, plan: &PlanId) -> Result<bool> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (Option<i64>,),
            "SELECT forgotten FROM plan WHERE id = $1",
            plan.as_str()
        )?;
        Ok(row.is_some_and(|(forgotten,)| forgotten.is_some()))
    }

    /// Forgets notifications that were over before `before`, at most `batch`; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_notifications(&self, before: Timestamp, batch: u32) -> Result<u64> {
        let mut tx = self.write().await?;
        let forgotten = execute!(
            tx,
            "DELETE FROM notification WHERE id IN
                 (SELECT id FROM notification WHERE state <> 'queued' AND finished < $1 ORDER BY finished LIMIT $2)",
            micros(before),
            i64::from(batch)
        )?;
        if forgotten > 0 {
            let note =
                Note::new("notify.forgotten", "notifications").with(json!({ "notifications": forgotten }));
            self.note(&mut tx, &[note]).await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }

    /// For how many days rows of plans and runs are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kept_days(&self) -> Result<u32> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (String,), "SELECT value FROM meta WHERE key = 'kept_days'")?;
        Ok(row.and_then(|(days,)| days.parse().ok()).unwrap_or(KEPT_DAYS))
    }

    /// Says for how many days rows of plans and runs are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_for(&self, days: u32) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO meta (key, value) VALUES ('kept_days', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            days.to_string()
        )?;
        let note = Note::new("retention.set", "plans and runs").with(json!({ "days": days }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }
}

/// What is kept unless somebody says otherwise.
const KEPT_DAYS: u32 = 90;
