//! The schedules as `engine` sees them when it judges how fresh a bridge's data is.

use crate::queue::Queue;
use crate::schedule::{next_tick, tick_at_or_before};
use engine::freshness::Ticks;
use engine::status::Calendar;
use jiff::Timestamp;
use model::BridgeId;
use store::{Schedule, Scheduled};

/// The schedules at a moment.
#[derive(Clone, Debug)]
pub struct ScheduleCalendar {
    schedules: Vec<Schedule>,
}

impl Queue {
    /// The schedules as they are now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn calendar(&self) -> crate::Result<ScheduleCalendar> {
        Ok(ScheduleCalendar {
            schedules: self.schedules().await?,
        })
    }
}

impl ScheduleCalendar {
    /// The schedule that renews a bridge's data: a sync before one that only plans.
    fn of(&self, bridge: &BridgeId) -> Option<&Schedule> {
        let own = |what: Scheduled| {
            self.schedules
                .iter()
                .find(move |s| &s.bridge == bridge && s.what == what)
        };
        own(Scheduled::Sync).or_else(|| own(Scheduled::PlanOnly))
    }
}

impl Calendar for ScheduleCalendar {
    fn ticks(&self, bridge: &BridgeId, fresh_at: Timestamp, now: Timestamp) -> Option<Ticks> {
        let schedule = self.of(bridge)?;
        let from = schedule.since.map_or(fresh_at, |since| since.max(fresh_at));
        let next = |after| next_tick(&schedule.cron, &schedule.zone, after).ok().flatten();
        let first = next(from)?;
        let before = tick_at_or_before(&schedule.cron, &schedule.zone, from)
            .ok()
            .flatten();
        Some(Ticks {
            from,
            before: before.unwrap_or(from),
            first,
            second: next(first)?,
            next: schedule.enabled.then(|| next(now)).flatten(),
            plan_only: schedule.what == Scheduled::PlanOnly,
        })
    }

    fn paused(&self, bridge: &BridgeId) -> Option<String> {
        let schedule = self.of(bridge).filter(|schedule| !schedule.enabled)?;
        Some(
            schedule
                .paused
                .clone()
                .unwrap_or_else(|| "a person paused it".to_owned()),
        )
    }

    fn plan_only(&self, bridge: &BridgeId) -> bool {
        self.of(bridge)
            .is_some_and(|schedule| schedule.what == Scheduled::PlanOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn calendar(cron: &str) -> ScheduleCalendar {
        ScheduleCalendar {
            schedules: vec![Schedule {
                id: "s-1".to_owned(),
                bridge: "b-1".into(),
                what: Scheduled::Sync,
                cron: cron.to_owned(),
                zone: "UTC".to_owned(),
                enabled: true,
                paused: None,
                last_tick: at("2026-03-01T00:00:00Z"),
                since: Some(at("2026-03-01T00:00:00Z")),
            }],
        }
    }

    #[test]
    fn ticks_are_those_around_the_moment_the_data_was_in_step() {
        let now = at("2026-03-02T17:00:00Z");
        let ticks = calendar("0 */2 * * *")
            .ticks(&"b-1".into(), at("2026-03-02T10:05:00Z"), now)
            .unwrap();
        assert_eq!(
            (ticks.before, ticks.first, ticks.second, ticks.next),
            (
                at("2026-03-02T10:00:00Z"),
                at("2026-03-02T12:00:00Z"),
                at("2026-03-02T14:00:00Z"),
                Some(at("2026-03-02T18:00:00Z"))
            )
        );
        // What is older than the schedule is not held against it.
        let ticks = calendar("0 */2 * * *")
            .ticks(&"b-1".into(), at("2026-01-01T00:00:00Z"), now)
            .unwrap();
        assert_eq!(
            (ticks.from, ticks.first),
            (at("2026-03-01T00:00:00Z"), at("2026-03-01T02:00:00Z"))
        );
        assert_eq!(calendar("0 * * * *").ticks(&"b-2".into(), now, now), None);
    }

    #[test]
    fn a_paused_schedule_still_has_ticks_and_no_next_one() {
        let mut calendar = calendar("0 * * * *");
        calendar.schedules[0].enabled = false;
        calendar.schedules[0].paused = Some("holiday".to_owned());
        let now = at("2026-03-02T17:00:00Z");
        let ticks = calendar.ticks(&"b-1".into(), now, now).unwrap();
        assert_eq!(
            (ticks.next, calendar.paused(&"b-1".into()).as_deref()),
            (None, Some("holiday"))
        );
    }
}
