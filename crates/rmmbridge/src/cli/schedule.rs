//! `schedule`: when a bridge is synced, or only planned, without anybody asking.

use crate::output::{Output, table, time};
use crate::session::Session;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use jobs::{NewSchedule, Queue, Schedule, Scheduled, next_tick};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Sync a bridge by itself, or only plan it
    Set(SetArguments),
    /// List schedules with their next tick
    List,
    /// Pause a bridge's schedule
    Pause {
        #[command(flatten)]
        which: Which,
        /// Why, for whoever looks at it later
        #[arg(long, default_value = "a person paused it")]
        reason: String,
    },
    /// Let a paused schedule go on; ticks that passed are not made up for
    Resume(Which),
    /// Remove a bridge's schedule
    Remove(Which),
}

#[derive(Debug, Args)]
pub struct SetArguments {
    #[command(flatten)]
    which: Which,

    /// Minute, hour, day of the month, month, day of the week: "0 */2 * * *" is every two hours
    #[arg(long)]
    cron: String,

    /// The time zone that is meant, by its IANA name, e.g. Europe/Berlin
    #[arg(long, default_value = "UTC")]
    zone: String,
}

#[derive(Debug, Args)]
pub struct Which {
    /// The bridge
    bridge: String,

    /// The schedule that reads and plans, and writes nothing
    #[arg(long)]
    plan_only: bool,
}

impl Which {
    fn what(&self) -> Scheduled {
        if self.plan_only {
            Scheduled::PlanOnly
        } else {
            Scheduled::Sync
        }
    }
}

pub async fn run(session: &Session, command: ScheduleCommand, output: Output) -> anyhow::Result<ExitCode> {
    let queue = Queue::open(session.store.clone()).await?;
    let actor = &session.actor;
    match command {
        ScheduleCommand::Set(arguments) => {
            let bridge = session
                .engine
                .find_bridge(actor, Some(&arguments.which.bridge))
                .await?;
            let new = NewSchedule {
                bridge: bridge.id,
                what: arguments.which.what(),
                cron: arguments.cron,
                zone: arguments.zone,
            };
            queue.set_schedule(actor, &new).await?;
        }
        ScheduleCommand::List => {}
        ScheduleCommand::Pause { which, reason } => {
            let schedule = find(session, &queue, &which).await?;
            queue.switch_schedule(actor, &schedule.id, Some(&reason)).await?;
        }
        ScheduleCommand::Resume(which) => {
            let schedule = find(session, &queue, &which).await?;
            queue.switch_schedule(actor, &schedule.id, None).await?;
        }
        ScheduleCommand::Remove(which) => {
            let schedule = find(session, &queue, &which).await?;
            queue.remove_schedule(actor, &schedule.id).await?;
        }
    }
    list(session, &queue, output).await?;
    Ok(ExitCode::SUCCESS)
}

async fn find(session: &Session, queue: &Queue, which: &Which) -> anyhow::Result<Schedule> {
    let bridge = session
        .engine
        .find_bridge(&session.actor, Some(&which.bridge))
        .await?;
    let mut schedules = queue.schedules().await?.into_iter();
    schedules
        .find(|s| s.bridge == bridge.id && s.what == which.what())
        .with_context(|| {
            format!(
                "bridge `{}` has no {} schedule. rmmbridge schedule list shows those there are",
                bridge.name,
                which.what().as_str()
            )
        })
}

async fn list(session: &Session, queue: &Queue, output: Output) -> anyhow::Result<()> {
    let now = session.store.clock().now();
    let bridges = session.engine.bridges(&session.actor).await?;
    let mut rows = Vec::new();
    for schedule in queue.schedules().await? {
        let bridge = bridges.iter().find(|b| b.id == schedule.bridge);
        let bridge = bridge.map_or_else(|| schedule.bridge.to_string(), |b| b.name.clone());
        let next = match schedule.enabled {
            true => next_tick(&schedule.cron, &schedule.zone, now)?,
            false => None,
        };
        rows.push((bridge, schedule, next));
    }
    let document: Vec<_> = rows
        .iter()
        .map(|(bridge, s, next)| {
            serde_json::json!({
                "bridge": bridge, "what": s.what.as_str(), "cron": s.cron, "zone": s.zone,
                "enabled": s.enabled, "paused": s.paused, "last_tick": s.last_tick, "next_tick": next,
            })
        })
        .collect();
    output.show(&document, || {
        if rows.is_empty() {
            return "No schedules.".to_owned();
        }
        let rows = rows.iter().map(|(bridge, s, next)| {
            let next = match (&s.paused, next) {
                (Some(paused), _) => format!("paused: {paused}"),
                (None, Some(next)) => time(*next),
                (None, None) => "never".to_owned(),
            };
            let what = s.what.as_str().to_owned();
            vec![bridge.clone(), what, s.cron.clone(), s.zone.clone(), next]
        });
        table(&["bridge", "what", "cron", "zone", "next"], rows)
    })
}
