//! Schedules: cron expressions in a time zone, each tick one job for all workers together.

use crate::error::{Error, Result};
use crate::queue::{Queue, may};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::JobKind;
use model::{Actor, BridgeId};
use store::crash::{Point, point};
use store::{JobState, Schedule, Scheduled};

/// A schedule to be set.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// The bridge.
    pub bridge: BridgeId,
    /// What is done.
    pub what: Scheduled,
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone they are meant in, e.g. `Europe/Berlin`.
    pub zone: String,
}

fn parse(cron: &str) -> Result<Cron> {
    let wrong = |what: &str| {
        Error::Schedule(format!(
            "cron expression `{cron}`: {what}. Write minute, hour, day of the month, month and day of the week, e.g. \
             \"0 */2 * * *\" for every two hours"
        ))
    };
    let parsed = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(cron)
        .map_err(|error| wrong(&error.to_string()))?;
    let pattern = &parsed.pattern;
    let fields = [
        &pattern.minutes,
        &pattern.hours,
        &pattern.days,
        &pattern.months,
        &pattern.days_of_week,
    ];
    // The library takes a comma alone, and would look for such a minute in all hours of three thousand years.
    if fields
        .iter()
        .any(|field| field.values().is_empty() && !field.has_modifiers())
    {
        return Err(wrong("a field names nothing"));
    }
    Ok(parsed)
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        Error::Zone(format!(
            "there is no time zone `{name}`. Write its name in the IANA database, e.g. Europe/Berlin or UTC"
        ))
    })
}

/// When a schedule next ticks after `after`; `None` when it never does. Where the clocks go forward over a tick it
/// comes at the end of the gap, and where they go back a fixed time of day comes once.
///
/// # Errors
/// When the expression or the zone makes no sense.
pub fn next_tick(cron: &str, zone_name: &str, after: Timestamp) -> Result<Option<Timestamp>> {
    let after = after.to_zoned(zone(zone_name)?);
    Ok(parse(cron)?
        .find_next_occurrence(&after, false)
        .ok()
        .map(|tick| tick.timestamp()))
}

/// When a schedule last ticked at or before `at`; `None` when it never did.
///
/// # Errors
/// When the expression or the zone makes no sense.
pub(crate) fn tick_at_or_before(cron: &str, zone_name: &str, at: Timestamp) -> Result<Option<Timestamp>> {
    let at = at.to_zoned(zone(zone_name)?);
    Ok(parse(cron)?
        .find_previous_occurrence(&at, true)
        .ok()
        .map(|tick| tick.timestamp()))
}

/// The last tick at or before `now` that comes after `last`: those before it were missed, and are not made up for.
fn due_tick(schedule: &Schedule, now: Timestamp) -> Result<Option<Timestamp>> {
    let last = tick_at_or_before(&schedule.cron, &schedule.zone, now)?;
    Ok(last.filter(|tick| *tick > schedule.last_tick))
}

impl Queue {
    /// Sets what a bridge does by itself; one of the same sort is replaced. Ticks from now on count.
    ///
    /// # Errors
    /// When the actor may not, the expression or the zone makes no sense, or the store fails.
    pub async fn set_schedule(&self, actor: &Actor, new: &NewSchedule) -> Result<Schedule> {
        may(actor, "set schedules")?;
        let now = self.store().clock().now();
        if next_tick(&new.cron, &new.zone, now)?.is_none() {
            return Err(Error::Schedule(format!(
                "cron expression `{}` never comes",
                new.cron
            )));
        }
        let store = self.store().on_behalf_of(actor);
        let set = store.set_schedule(&new.bridge, new.what, &new.cron, &new.zone);
        Ok(set.await?)
    }

    /// All schedules.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        Ok(self.store().schedules().await?)
    }

    /// Pauses a schedule, saying why, or resumes it without a reason. Ticks that passed meanwhile are not made up for.
    ///
    /// # Errors
    /// When the actor may not, there is none, or the store fails.
    pub async fn switch_schedule(&self, actor: &Actor, id: &str, paused: Option<&str>) -> Result<()> {
        may(actor, "pause and resume schedules")?;
        let store = self.store().on_behalf_of(actor);
        Ok(store.switch_schedule(id, paused.is_none(), paused).await?)
    }

    /// Removes a schedule.
    ///
    /// # Errors
    /// When the actor may not, there is none, or the store fails.
    pub async fn remove_schedule(&self, actor: &Actor, id: &str) -> Result<()> {
        may(actor, "remove schedules")?;
        Ok(self.store().on_behalf_of(actor).remove_schedule(id).await?)
    }

    /// Makes a job of every tick that is due. Several workers that notice the same tick make one.
    pub(crate) async fn tick(&self) -> Result<()> {
        let now = self.store().clock().now();
        for schedule in self.store().schedules().await? {
            if !schedule.enabled {
                continue;
            }
            match due_tick(&schedule, now) {
                Ok(None) => {}
                Ok(Some(tick)) => self.make_job(&schedule, tick).await?,
                // It was checked when it was set; the zone's data may be gone from this machine.
                Err(error) => {
                    tracing::warn!(schedule = %schedule.id, error = %error, "A schedule cannot be read here.");
                }
            }
        }
        Ok(())
    }

    async fn make_job(&self, schedule: &Schedule, tick: Timestamp) -> Result<()> {
        let kind = match schedule.what {
            Scheduled::Sync => JobKind::Sync {
                bridge: schedule.bridge.clone(),
                client: None,
                confirmed: false,
            },
            Scheduled::PlanOnly => JobKind::PlanOnly {
                bridge: schedule.bridge.clone(),
                client: None,
                read: true,
            },
        };
        let bridge = self.store().bridge(&schedule.bridge).await?;
        if bridge.paused.is_some() && schedule.what == Scheduled::Sync {
            // Somebody took a run back: the tick waits until the bridge is resumed.
            return Ok(());
        }
        let actor = Actor::Schedule { name: bridge.name };
        let mut tx = self.store().transaction().await?;
        if !self.store().move_schedule(&mut tx, &schedule.id, tick).await? {
            return Ok(());
        }
        let open = self
            .store()
            .open_jobs(&mut tx, &schedule.bridge, kind.name())
            .await?;
        // One that waits for a person is overtaken by the new one, and so is one that only has to write: reads and plans
        // go on meanwhile. One that goes on by itself stands for it.
        let goes_on = open
            .iter()
            .find(|job| job.state != JobState::Waiting || (job.waits_for.is_some() && !job.waits_for_writes));
        if let Some(job) = goes_on {
            tracing::info!(schedule = %schedule.id, %tick, job = %job.id, "The last tick's job is not over; this tick is part of it.");
        } else {
            let key = format!("schedule:{}:{}", schedule.id, tick.as_second());
            self.enqueue_in(&mut tx, &actor, &key, &kind, self.store().clock().now())
                .await?;
            tracing::info!(schedule = %schedule.id, %tick, what = kind.name(), "A schedule ticked.");
        }
        point(Point::TickStored)?;
        tx.commit().await?;
        Ok(point(Point::TickCommitted)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next(cron: &str, after: &str) -> String {
        next_tick(cron, "Europe/Berlin", at(after))
            .unwrap()
            .unwrap()
            .to_string()
    }

    fn every_night(last_tick: &str) -> Schedule {
        Schedule {
            id: "s-1".to_owned(),
            bridge: "b-1".into(),
            what: Scheduled::Sync,
            cron: "30 2 * * *".to_owned(),
            zone: "Europe/Berlin".to_owned(),
            enabled: true,
            paused: None,
            last_tick: at(last_tick),
            since: None,
        }
    }

    #[test]
    fn a_time_of_day_is_that_of_the_zone_in_winter_and_summer() {
        assert_eq!(next("0 9 * * *", "2026-01-15T00:00:00Z"), "2026-01-15T08:00:00Z");
        assert_eq!(next("0 9 * * *", "2026-07-15T00:00:00Z"), "2026-07-15T07:00:00Z");
    }

    #[test]
    fn a_time_that_the_clocks_skip_comes_once_after_the_gap() {
        // 29 March 2026, 02:00 becomes 03:00 in Berlin: there is no 02:30.
        assert_eq!(next("30 2 * * *", "2026-03-29T00:00:00Z"), "2026-03-29T01:00:00Z");
        assert_eq!(next("30 2 * * *", "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00Z");
    }

    #[test]
    fn a_time_that_comes_twice_ticks_once() {
        // 25 October 2026, 03:00 becomes 02:00 in Berlin: 02:30 comes at 00:30 and at 01:30 UTC.
        assert_eq!(next("30 2 * * *", "2026-10-25T00:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next("30 2 * * *", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
        let schedule = every_night("2026-10-25T00:30:00Z");
        assert_eq!(due_tick(&schedule, at("2026-10-25T01:30:00Z")).unwrap(), None);
        assert_eq!(due_tick(&schedule, at("2026-10-25T12:00:00Z")).unwrap(), None);
    }

    #[test]
    fn an_interval_goes_on_through_both_changes() {
        assert_eq!(next("0 * * * *", "2026-03-29T00:30:00Z"), "2026-03-29T01:00:00Z");
        assert_eq!(next("0 * * * *", "2026-10-25T00:30:00Z"), "2026-10-25T01:00:00Z");
        assert_eq!(next("0 * * * *", "2026-10-25T01:00:00Z"), "2026-10-25T02:00:00Z");
    }

    #[test]
    fn ticks_that_were_missed_run_once() {
        let schedule = every_night("2026-01-10T01:30:00Z");
        let due = due_tick(&schedule, at("2026-01-15T09:00:00Z")).unwrap();
        assert_eq!(due, Some(at("2026-01-15T01:30:00Z")));
        let caught_up = every_night("2026-01-15T01:30:00Z");
        assert_eq!(due_tick(&caught_up, at("2026-01-15T09:00:00Z")).unwrap(), None);
        // A clock that was put back makes nothing tick again.
        assert_eq!(due_tick(&caught_up, at("2026-01-15T00:00:00Z")).unwrap(), None);
    }

    #[test]
    fn the_skipped_tick_is_due_after_the_gap() {
        let schedule = every_night("2026-03-28T01:30:00Z");
        assert_eq!(due_tick(&schedule, at("2026-03-29T00:59:59Z")).unwrap(), None);
        let due = due_tick(&schedule, at("2026-03-29T01:00:01Z")).unwrap();
        assert_eq!(due, Some(at("2026-03-29T01:00:00Z")));
    }

    #[test]
    fn what_makes_no_sense_is_named_with_a_way_out() {
        let wrong = next_tick("every night", "UTC", at("2026-01-01T00:00:00Z")).unwrap_err();
        assert!(wrong.to_string().contains("every night") && wrong.to_string().contains("0 */2 * * *"));
        let wrong = next_tick("0 2 * * *", "Berlin", at("2026-01-01T00:00:00Z")).unwrap_err();
        assert!(wrong.to_string().contains("`Berlin`") && wrong.to_string().contains("Europe/Berlin"));
        let seconds = next_tick("0 0 2 * * *", "UTC", at("2026-01-01T00:00:00Z"));
        assert!(seconds.is_err(), "six fields would mean seconds");
        for empty in [", * * * *", "0 , * * *", "0 0 , * *", "0 0 * , *", "0 0 * * ,"] {
            let wrong = next_tick(empty, "UTC", at("2026-01-01T00:00:00Z")).unwrap_err();
            assert!(wrong.to_string().contains("a field names nothing"), "{wrong}");
        }
        // What the library counts by itself is no number, and something all the same.
        for counted in ["0 0 L * *", "0 0 15W * *", "0 0 * * 1#2", "0 0 * * 7"] {
            let tick = next_tick(counted, "UTC", at("2026-01-01T00:00:00Z"));
            assert!(tick.unwrap().is_some(), "{counted}");
        }
    }
}
