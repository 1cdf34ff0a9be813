//! The queue as front ends see it ([`engine::queueing`]).

use crate::error::Error;
use crate::queue::Queue;
use crate::schedule::next_tick;
use async_trait::async_trait;
use engine::queueing::{Jobs, NextTick};
use model::{Actor, ActorRole, JobKind};
use store::Scheduled;

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
            other => Self::Queue(other.to_string()),
        }
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
}
