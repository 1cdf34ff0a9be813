//! The queue as front ends see it ([`engine::queueing`]).

use crate::error::Error;
use crate::queue::Queue;
use crate::schedule::{NewSchedule, next_tick};
use async_trait::async_trait;
use engine::SettingProblem;
use engine::queueing::{Jobs, NextTick, SyncSchedule};
use engine::status::Calendar;
use model::{Actor, ActorRole, BridgeId, JobKind};
use store::{Schedule, Scheduled};

impl From<Error> for engine::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(error) => error,
            Error::Store(error) => error.into(),
            Error::Forbidden { actor, doing } => Self::Forbidden {
                actor,
                doing: doing.to_owned(),
                role: ActorRole::Technician,
            },
            Error::Schedule(message) => at("cron", message),
            Error::Zone(message) => at("zone", message),
            other => Self::Queue(other.to_string()),
        }
    }
}

fn at(field: &str, message: String) -> engine::Error {
    engine::Error::Input {
        problems: vec![SettingProblem {
            key: field.to_owned(),
            message,
        }],
    }
}

#[async_trait]
impl Jobs for Queue {
    async fn put(&self, actor: &Actor, key: &str, kind: &JobKind) -> engine::Result<String> {
        if let Some(id) = self.enqueue(actor, key, kind).await?.id {
            return Ok(id);
        }
        let first = self.store().job_of_key(key).await?;
        first
            .map(|job| job.id)
            .ok_or_else(|| engine::Error::Queue("this was asked for once already, long ago".to_owned()))
    }

    async fn next_ticks(&self) -> engine::Result<Vec<NextTick>> {
        let now = self.store().clock().now();
        let schedules = self.schedules().await?;
        let syncs = schedules.into_iter().filter(|s| s.what == Scheduled::Sync);
        Ok(syncs
            .map(|schedule| NextTick {
                at: schedule
                    .enabled
                    .then(|| next_tick(&schedule.cron, &schedule.zone, now).ok().flatten())
                    .flatten(),
                paused: schedule
                    .paused
                    .or_else(|| (!schedule.enabled).then(|| "switched off".to_owned())),
                bridge: schedule.bridge,
            })
            .collect())
    }

    async fn calendar(&self) -> engine::Result<Box<dyn Calendar>> {
        Ok(Box::new(Queue::calendar(self).await?))
    }

    async fn sync_schedule(&self, bridge: &BridgeId) -> engine::Result<Option<SyncSchedule>> {
        let found = self.schedule_of(bridge).await?;
        Ok(found.map(|schedule| SyncSchedule {
            cron: schedule.cron,
            zone: schedule.zone,
        }))
    }

    async fn set_sync_schedule(
        &self,
        actor: &Actor,
        bridge: &BridgeId,
        schedule: Option<&SyncSchedule>,
    ) -> engine::Result<()> {
        if let Some(schedule) = schedule {
            let new = NewSchedule {
                bridge: bridge.clone(),
                what: Scheduled::Sync,
                cron: schedule.cron.clone(),
                zone: schedule.zone.clone(),
            };
            self.set_schedule(actor, &new).await?;
        } else if let Some(set) = self.schedule_of(bridge).await? {
            self.remove_schedule(actor, &set.id).await?;
        }
        Ok(())
    }
}

impl Queue {
    async fn schedule_of(&self, bridge: &BridgeId) -> Result<Option<Schedule>, Error> {
        let all = self.schedules().await?;
        Ok(all
            .into_iter()
            .find(|s| s.bridge == *bridge && s.what == Scheduled::Sync))
    }
}
