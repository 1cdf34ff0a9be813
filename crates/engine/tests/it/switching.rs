//! Switching off: nothing is sent, what is under way stops, reads and plans go on.

use crate::hub::{Hub, confirmed, small};
use crate::undoing::{assets, day_after, undo_plan};
use engine::applying::ApplyOptions;
use engine::undoing::UndoScope;
use engine::{Error, Progress, Remedy, Work};
use model::{Actor, ActorRole, Bridge, ConnectionState, RunState};
use simulators::directory::{self, Directory};
use store::Store;
use testkit::TestStore;
use tokio_util::sync::CancellationToken;

fn technician() -> Actor {
    Actor::Person {
        name: "technician".to_owned(),
        role: ActorRole::Technician,
    }
}

/// Pauses all writes as soon as a record was written, from outside as another process would.
struct PausesOnce {
    store: Store,
    handle: tokio::runtime::Handle,
}

impl Progress for PausesOnce {
    fn at(&self, phase: &'static str, done: u64, _total: Option<u64>) {
        if phase == "Applying" && done == 3 {
            let store = self.store.clone();
            let pausing = async move { store.pause_writes("wrong tenant").await };
            tokio::task::block_in_place(|| self.handle.block_on(pausing)).unwrap();
        }
    }
}

async fn ready(hub: &Hub, bridge: &Bridge) -> model::PlanSummary {
    hub.read(bridge).await;
    hub.create_undecided(bridge).await;
    hub.plan().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_while_all_writes_are_paused_and_everything_else_goes_on() {
    TestStore::on_every_engine(async |store| {
        let directory = Directory::start(directory::Options::default()).await.unwrap();
        let (hub, bridge) = Hub::to_directory(&store, small(20), &directory).await;
        let engine = &hub.engine;
        assert!(matches!(
            engine.pause_writes(&technician(), "  ").await,
            Err(Error::NoReason { .. })
        ));
        let pause = engine.pause_writes(&technician(), "prices move").await.unwrap();
        assert_eq!(
            (pause.by.as_str(), pause.reason.as_str()),
            ("person:technician", "prices move")
        );
        // A second one changes nothing: who stopped it first is who is asked.
        let second = engine.pause_writes(&hub.actor, "another").await.unwrap();
        assert_eq!(second, pause);
        // Reads and plans go on.
        let plan = ready(&hub, &bridge).await;
        assert!(plan.counts.writes() > 20);
        let refused = hub.apply(&plan, confirmed()).await.unwrap_err();
        assert_eq!(refused.remedy(), Remedy::Writes(None));
        let words = refused.to_string();
        assert!(
            words.contains("by person:technician: prices move") && words.contains("rmmbridge resume"),
            "{words}"
        );
        assert_eq!(directory.effects().writes(), 0, "nothing was sent");
        let runs = engine.runs(&hub.actor, 10).await.unwrap();
        assert!(
            runs.iter()
                .all(|run| matches!(run.kind, model::RunKind::Read { .. })),
            "no run was begun"
        );
        // A sync reads and plans, and says why it wrote nothing.
        let runner = hub.runner().await;
        let synced = engine
            .sync(&hub.actor, &runner, &hub.bridge().await, true, hub.work())
            .await
            .unwrap();
        drop(runner);
        let stopped = synced.stopped.unwrap();
        assert!(synced.run.is_none() && stopped.reason.contains("prices move"));
        assert_eq!(stopped.remedy, Remedy::Writes(None));
        // Only an Owner lets them go on.
        assert!(matches!(
            engine.resume_writes(&technician()).await,
            Err(Error::Forbidden { .. })
        ));
        assert_eq!(engine.resume_writes(&hub.actor).await.unwrap(), Some(pause));
        assert_eq!(engine.resume_writes(&hub.actor).await.unwrap(), None);
        let run = hub.apply(&synced.plan, confirmed()).await.unwrap();
        assert_eq!(run.counts.done, u64::from(synced.plan.counts.writes()));
        let log = store.audit_entries(None, 1_000).await.unwrap();
        let of = |action: &str| {
            log.iter()
                .filter(|e| e.action == action)
                .map(|e| e.actor.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("writes.paused"), ["person:technician"]);
        assert_eq!(of("writes.resumed"), ["person:owner"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_stops_before_its_next_group_and_goes_on_later() {
    TestStore::on_every_engine(async |store| {
        let directory = Directory::start(directory::Options::default()).await.unwrap();
        let (hub, bridge) = Hub::to_directory(&store, small(30), &directory).await;
        let plan = ready(&hub, &bridge).await;
        let progress = PausesOnce {
            store: store.another().await,
            handle: tokio::runtime::Handle::current(),
        };
        let stop = CancellationToken::new();
        let work = Work {
            progress: &progress,
            stop: &stop,
        };
        let runner = hub.runner().await;
        let stopped = hub
            .engine
            .apply(&hub.actor, &runner, &plan.id, confirmed(), work)
            .await
            .unwrap_err();
        drop(runner);
        assert_eq!(stopped.remedy(), Remedy::Writes(None), "{stopped}");
        let runs = hub.engine.runs(&hub.actor, 1).await.unwrap();
        let RunState::Failed { reason } = &runs[0].state else {
            panic!("{:?}", runs[0]);
        };
        assert!(
            reason.contains("wrong tenant"),
            "the run says why it stopped: {reason}"
        );
        let written = runs[0].counts.done;
        assert!(
            (3..=5).contains(&written),
            "{written}: what was claimed by then was finished"
        );
        assert_eq!(directory.effects().writes(), written);
        assert_eq!(
            store.open_writes(&bridge.destination).await.unwrap(),
            0,
            "nothing is in doubt"
        );
        hub.engine.resume_writes(&hub.actor).await.unwrap();
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(run.counts.done + written, u64::from(plan.counts.writes()));
        assert!(directory.duplicates().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_refused_too_unless_the_person_says_otherwise() {
    TestStore::on_every_engine(async |store| {
        let (hub, _, run, before) = day_after(&store).await;
        hub.engine
            .pause_writes(&hub.actor, "it went wrong")
            .await
            .unwrap();
        let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        let refused = hub.apply(&plan, confirmed()).await.unwrap_err();
        assert_eq!(refused.remedy(), Remedy::Writes(None), "{refused}");
        let despite = ApplyOptions {
            despite_pause: true,
            ..confirmed()
        };
        hub.apply(&plan, despite.clone()).await.unwrap();
        let mut now = assets(&store).await;
        now.retain(|id, _| before.contains_key(id));
        assert_eq!(now, before);
        // The word holds for an undo only.
        hub.engine
            .release_undone(&hub.actor, &hub.bridge().await, None)
            .await
            .unwrap();
        let ordinary = hub.plan().await;
        assert!(ordinary.counts.writes() > 0);
        let refused = hub.apply(&ordinary, despite).await.unwrap_err();
        assert_eq!(refused.remedy(), Remedy::Writes(None), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_or_paused_connection_is_sent_nothing() {
    TestStore::on_every_engine(async |store| {
        let directory = Directory::start(directory::Options::default()).await.unwrap();
        let (hub, bridge) = Hub::to_directory(&store, small(20), &directory).await;
        let (engine, actor, to) = (&hub.engine, &hub.actor, &bridge.destination);
        let plan = ready(&hub, &bridge).await;
        let closed = engine
            .set_read_only(actor, to, true, Some("audit"))
            .await
            .unwrap();
        assert!(closed.read_only);
        let refused = hub.apply(&plan, confirmed()).await.unwrap_err();
        assert_eq!(
            refused.remedy(),
            Remedy::Writes(Some("directory".to_owned())),
            "{refused}"
        );
        assert!(
            refused
                .to_string()
                .contains("rmmbridge connection writable directory"),
            "{refused}"
        );
        assert_eq!(directory.effects().writes(), 0);
        // It is read all the same.
        let plan = hub.plan().await;
        engine.set_read_only(actor, to, false, None).await.unwrap();
        // Paused, it is not even read.
        let paused = engine.pause_connection(actor, to, Some("moving")).await.unwrap();
        assert_eq!(paused.state, ConnectionState::Paused);
        let requests = format!("{:?}", directory.effects());
        let runner = hub.runner().await;
        let planned = engine.make_plan(actor, &runner, &bridge, None, hub.work()).await;
        assert!(matches!(planned, Err(Error::NotUsable { .. })), "{planned:?}");
        assert!(matches!(
            engine.check(actor, to).await,
            Err(Error::NotUsable { .. })
        ));
        drop(runner);
        let refused = hub.apply(&plan, confirmed()).await.unwrap_err();
        assert!(
            refused.to_string().contains("connection `directory` is paused"),
            "{refused}"
        );
        assert_eq!(
            format!("{:?}", directory.effects()),
            requests,
            "nothing was asked"
        );
        // A technician switches no connection, and what is noticed meanwhile does not wake it.
        assert!(matches!(
            engine.resume_connection(&technician(), to).await,
            Err(Error::Forbidden { .. })
        ));
        store
            .observe_connection(to, &ConnectionState::Connected)
            .await
            .unwrap();
        assert_eq!(store.connection(to).await.unwrap().state, ConnectionState::Paused);
        let back = engine.resume_connection(actor, to).await.unwrap();
        assert_eq!(back.state, ConnectionState::Connected);
        hub.apply(&plan, confirmed()).await.unwrap();
        assert!(directory.effects().writes() > 20);
        // A source that is paused is not read, and was authorized before: it is so again.
        engine
            .pause_connection(actor, &bridge.source, None)
            .await
            .unwrap();
        let runner = hub.runner().await;
        let read = engine
            .read(actor, &runner, &bridge.source, None, hub.work())
            .await;
        assert!(matches!(read, Err(Error::NotUsable { .. })));
        let back = engine.resume_connection(actor, &bridge.source).await.unwrap();
        assert_eq!(back.state, ConnectionState::Connected);
        let log = store.audit_entries(None, 1_000).await.unwrap();
        let switched = log.iter().filter(|e| e.action == "connection.switched");
        assert_eq!(switched.count(), 6);
    })
    .await;
}
