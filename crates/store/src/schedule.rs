//! Schedules: when a bridge is synced, or only planned, without anybody asking.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, plain};
use crate::open::Store;
use jiff::Timestamp;
use model::BridgeId;
use serde_json::json;

/// What a schedule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduled {
    /// Read, plan, apply within the brakes.
    Sync,
    /// Read and plan; nothing is written.
    PlanOnly,
}

impl Scheduled {
    /// The word it is stored and shown as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::PlanOnly => "plan_only",
        }
    }
}

/// When a bridge is synced or planned by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Our id.
    pub id: String,
    /// The bridge.
    pub bridge: BridgeId,
    /// What is done.
    pub what: Scheduled,
    /// When: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone those are meant in, by its name in the IANA database.
    pub zone: String,
    /// Whether a person wants it to run.
    pub enabled: bool,
    /// Why it does not run although it is wanted to.
    pub paused: Option<String>,
    /// The last tick a job was made for; at first, when it was set.
    pub last_tick: Timestamp,
    /// When it was set: older data is not held against it.
    pub since: Option<Timestamp>,
}

type Row = (
    String,
    String,
    String,
    String,
    String,
    bool,
    Option<String>,
    i64,
    Option<i64>,
);

fn schedule(row: Row) -> Schedule {
    let (id, bridge, what, cron, zone, enabled, paused, last_tick, since) = row;
    Schedule {
        id,
        bridge: BridgeId(bridge),
        what: if what == Scheduled::PlanOnly.as_str() {
            Scheduled::PlanOnly
        } else {
            Scheduled::Sync
        },
        cron,
        zone,
        enabled,
        paused,
        last_tick: instant(last_tick),
        since: since.map(instant),
    }
}

impl Store {
    /// Sets what a bridge does by itself; a schedule of the same sort is replaced, and runs again if it was paused.
    ///
    /// # Errors
    /// When there is no such bridge, or the database fails.
    pub async fn set_schedule(
        &self,
        bridge: &BridgeId,
        what: Scheduled,
        cron: &str,
        zone: &str,
    ) -> Result<Schedule> {
        let mut tx = self.write().await?;
        let now = self.clock.now();
        let row = fetch_optional!(
            tx,
            Row,
            "INSERT INTO schedule (id, bridge_id, what, cron, zone, enabled, paused, last_tick, since)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $7)
             ON CONFLICT (bridge_id, what) DO UPDATE SET cron = excluded.cron, zone = excluded.zone,
                 enabled = excluded.enabled, paused = NULL, last_tick = excluded.last_tick, since = excluded.since
             RETURNING id, bridge_id, what, cron, zone, enabled, paused, last_tick, since",
            self.new_id().to_string(),
            bridge.as_str(),
            what.as_str(),
            plain(cron),
            plain(zone),
            true,
            micros(now)
        )
        .map_err(|error| {
            if error.is_foreign_key_violation() {
                return Error::Missing {
                    what: "bridge",
                    name: bridge.to_string(),
                };
            }
            error
        })?;
        let detail = json!({ "what": what.as_str(), "cron": cron, "zone": zone });
        let note = Note::new("schedule.set", bridge.as_str()).with(detail);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        row.map(schedule).ok_or_else(|| Error::Missing {
            what: "schedule",
            name: bridge.to_string(),
        })
    }

    /// All schedules.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            "SELECT id, bridge_id, what, cron, zone, enabled, paused, last_tick, since FROM schedule
             ORDER BY bridge_id, what"
        )?;
        Ok(rows.into_iter().map(schedule).collect())
    }

    /// Switches a schedule off for a reason, or on again; ticks that passed meanwhile are not made up for.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn switch_schedule(&self, id: &str, enabled: bool, paused: Option<&str>) -> Result<()> {
        let mut tx = self.write().await?;
        let now = micros(self.clock.now());
        let switched = fetch_optional!(
            tx,
            (String, String),
            "UPDATE schedule SET enabled = $1, paused = $2, last_tick = CASE WHEN $1 THEN $3 ELSE last_tick END
             WHERE id = $4 RETURNING bridge_id, what",
            enabled,
            paused.map(plain),
            now,
            id
        )?;
        let (bridge, what) = found(switched, id)?;
        let action = match enabled {
            true => "schedule.resumed",
            false => "schedule.paused",
        };
        let note = Note::new(action, bridge).with(json!({ "what": what, "reason": paused }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Removes a schedule.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn remove_schedule(&self, id: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let removed = fetch_optional!(
            tx,
            (String, String),
            "DELETE FROM schedule WHERE id = $1 RETURNING bridge_id, what",
            id
        )?;
        let (bridge, what) = found(removed, id)?;
        let note = Note::new("schedule.removed", bridge).with(json!({ "what": what }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Moves a schedule on to `tick` within a transaction. Whether it was there and not beyond it already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_schedule(&self, tx: &mut Tx, id: &str, tick: Timestamp) -> Result<bool> {
        let moved = execute!(
            tx,
            "UPDATE schedule SET last_tick = $1 WHERE id = $2 AND last_tick < $1 AND enabled",
            micros(tick),
            id
        )?;
        Ok(moved > 0)
    }
}

fn found<T>(row: Option<T>, id: &str) -> Result<T> {
    row.ok_or_else(|| Error::Missing {
        what: "schedule",
        name: id.to_owned(),
    })
}
