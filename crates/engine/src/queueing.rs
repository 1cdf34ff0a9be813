//! The port to the durable queue, for front ends: they never call `jobs`, which implements it; the program joins them.

use crate::engine::Engine;
use crate::error::Result;
use crate::status::Calendar;
use async_trait::async_trait;
use jiff::Timestamp;
use model::{Actor, BridgeId, JobKind};

/// When a bridge does something by itself next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextTick {
    /// The bridge.
    pub bridge: BridgeId,
    /// When; `None` while it is paused or never.
    pub at: Option<Timestamp>,
    /// Why it is paused.
    pub paused: Option<String>,
}

/// When a bridge is synced without anybody asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncSchedule {
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone those are meant in.
    pub zone: String,
}

/// Puts jobs into the durable queue, and sets when they come by themselves.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Puts a job into the queue, to be started now; its id. `key` names the request: a second job of the same key is
    /// not stored, and the first one's id is given, so that a double click is one job.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    async fn put(&self, actor: &Actor, key: &str, kind: &JobKind) -> Result<String>;

    /// When each bridge with a schedule is next synced by itself.
    ///
    /// # Errors
    /// When the store fails.
    async fn next_ticks(&self) -> Result<Vec<NextTick>>;

    /// When a bridge is synced by itself; `None` when it never is.
    ///
    /// # Errors
    /// When the store fails.
    async fn sync_schedule(&self, bridge: &BridgeId) -> Result<Option<SyncSchedule>>;

    /// Sets when a bridge is synced by itself; `None` for never.
    ///
    /// # Errors
    /// [`crate::Error::Input`] at `cron` or `zone` when that makes no sense, when the actor may not, or the store fails.
    async fn set_sync_schedule(
        &self,
        actor: &Actor,
        bridge: &BridgeId,
        schedule: Option<&SyncSchedule>,
    ) -> Result<()>;

    /// The schedules as they are now, for [`Engine::status`].
    ///
    /// # Errors
    /// When the store fails.
    async fn calendar(&self) -> Result<Box<dyn Calendar>>;
}

impl Engine {
    /// The key of a request that brought none of its own: no other request has it.
    pub fn once(&self) -> String {
        self.store.new_id().to_string()
    }
}
