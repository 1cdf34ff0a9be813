//! Undoing at the wrong moment: what is refused, what was cut short, and what stands still afterwards.

use crate::hub::confirmed;
use crate::undoing::{assets, day_after, type_in, undo, undo_plan};
use connect::Marker;
use engine::Error;
use engine::applying::ApplyOptions;
use engine::undoing::UndoScope;
use model::{Action, Actor, RecordKind, Run, RunKind};
use std::time::Duration;
use store::NewIntent;
use testkit::TestStore;

#[tokio::test]
async fn what_cannot_be_undone_is_refused_with_what_to_do() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, run, _) = day_after(&store).await;
    let refused = async |run: &Run| {
        undo_plan(&hub, run, UndoScope::default())
            .await
            .unwrap_err()
            .to_string()
    };
    let undone = undo(&hub, &run).await;
    let twice = refused(&run).await;
    assert!(
        twice.contains(&format!("undone by run {} already", undone.id)),
        "{twice}"
    );
    let of_undo = refused(&undone).await;
    assert!(
        of_undo.contains("it is the undo of run") && of_undo.contains("--release all"),
        "{of_undo}"
    );
    let runs = hub.engine.runs(&hub.actor, 100).await.unwrap();
    let read = runs
        .iter()
        .find(|r| matches!(r.kind, RunKind::Read { .. }))
        .unwrap();
    assert!(refused(read).await.contains("it only read"));
    // One that goes on, in this very process.
    let runner = hub.runner().await;
    let kind = RunKind::Apply {
        bridge: bridge.id.clone(),
        plan: hub
            .engine
            .newest_plan(&hub.actor, &bridge)
            .await
            .unwrap()
            .unwrap()
            .id,
    };
    let running = store.begin_run(kind, "somebody", "a holder").await.unwrap();
    let scope = UndoScope::default();
    let going_on = hub
        .engine
        .undo_plan(&hub.actor, &runner, &running, &scope, hub.work())
        .await;
    assert!(going_on.unwrap_err().to_string().contains("still running"));
    drop(runner);
    // Its process is gone; it wrote nothing.
    assert!(refused(&running).await.contains("it wrote nothing"));
}

#[tokio::test]
async fn an_undo_that_was_cut_short_goes_on_where_it_stopped() {
    let store = TestStore::sqlite().await;
    let (hub, _, run, before) = day_after(&store).await;
    let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
    let first = ApplyOptions {
        first: Some(3),
        ..confirmed()
    };
    let part = hub.apply(&plan, first).await.unwrap();
    assert_eq!(part.counts.done, 3);
    assert!(
        hub.bridge().await.paused.is_some(),
        "paused before the first write"
    );
    // The same plan again, or a new one: either goes on.
    let rest = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
    assert_eq!(rest.counts.writes(), plan.counts.writes() - 3);
    hub.apply(&plan, confirmed()).await.unwrap();
    let mut now = assets(&store).await;
    now.retain(|id, _| before.contains_key(id));
    assert_eq!(now, before);
    // The other plan was overtaken.
    let overtaken = hub.apply(&rest, confirmed()).await.unwrap_err();
    assert!(matches!(overtaken, Error::Superseded { .. }), "{overtaken}");
}

#[tokio::test]
async fn a_write_back_whose_answer_was_lost_is_found_out_and_not_reported_as_somebodys_change() {
    TestStore::on_every_engine(async |store| {
        let (hub, bridge, run, before) = day_after(&store).await;
        let plan = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
        let operations = hub
            .engine
            .operations(&hub.actor, &plan.id, 0, 10_000)
            .await
            .unwrap();
        let operation = operations
            .iter()
            .find(|o| o.action.name() == "update_asset")
            .unwrap();
        let Action::UpdateAsset { asset, changes, .. } = &operation.action else {
            unreachable!()
        };
        // A process committed its intent, the registry wrote, and the process died.
        let kind = RunKind::Undo {
            bridge: bridge.id.clone(),
            plan: plan.id.clone(),
            run: run.id.clone(),
        };
        let dead = store
            .begin_run(kind, "a process that dies", "a holder")
            .await
            .unwrap();
        let marker = Marker::new(&bridge.source, RecordKind::Asset, &operation.subject.source_id).0;
        let claims = store
            .claims(&bridge.destination, std::slice::from_ref(&marker))
            .await
            .unwrap();
        let intent = NewIntent {
            number: operation.number,
            version: claims[&marker].version,
            name: None,
            marker,
        };
        let turns = store
            .intend(
                &dead.id,
                &plan.id,
                &bridge.destination,
                &[intent],
                Duration::ZERO,
                false,
            )
            .await
            .unwrap();
        assert_eq!(turns.ours.len(), 1);
        for change in changes {
            type_in(
                &store,
                asset,
                &change.field,
                change.before.clone(),
                change.after.clone(),
            )
            .await;
        }
        let undone = hub.apply(&plan, confirmed()).await.unwrap();
        assert_eq!(undone.counts.done, u64::from(plan.counts.writes()), "{undone:?}");
        assert_eq!(store.open_writes(&bridge.destination).await.unwrap(), 0);
        let mut now = assets(&store).await;
        now.retain(|id, _| before.contains_key(id));
        assert_eq!(now, before);
        hub.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn plans_from_before_an_undo_are_refused_and_an_undo_survives_newer_reads() {
    let store = TestStore::sqlite().await;
    let (hub, bridge, run, _) = day_after(&store).await;
    let undo = undo_plan(&hub, &run, UndoScope::default()).await.unwrap();
    hub.ninja.let_a_day_pass(0.3);
    hub.read(&bridge).await;
    let ordinary = hub.plan().await;
    let newest = hub
        .engine
        .newest_plan(&hub.actor, &bridge)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(newest.id, ordinary.id, "`apply` without a plan never undoes");
    hub.apply(&undo, confirmed()).await.unwrap();
    let refused = hub.apply(&ordinary, confirmed()).await.unwrap_err();
    assert!(matches!(refused, Error::Superseded { .. }), "{refused}");
}

#[tokio::test]
async fn a_schedule_stops_at_a_paused_bridge_and_a_person_is_asked() {
    let store = TestStore::sqlite().await;
    let (hub, _, run, _) = day_after(&store).await;
    undo(&hub, &run).await;
    let bridge = hub.bridge().await;
    hub.engine
        .release_undone(&hub.actor, &bridge, None)
        .await
        .unwrap();
    let runner = hub.runner().await;
    let schedule = Actor::Schedule {
        name: "nightly".to_owned(),
    };
    let refused = hub
        .engine
        .sync(&schedule, &runner, &bridge, false, hub.work())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Paused { .. }), "{refused}");
    assert!(
        refused.to_string().contains("was undone by person:owner"),
        "{refused}"
    );
    let asked = hub
        .engine
        .sync(&hub.actor, &runner, &bridge, false, hub.work())
        .await
        .unwrap();
    assert!(asked.run.is_none() && asked.stopped.unwrap().reason.contains("paused"));
    let plan = hub
        .engine
        .newest_plan(&hub.actor, &bridge)
        .await
        .unwrap()
        .unwrap();
    let refused = hub
        .engine
        .apply(&schedule, &runner, &plan.id, confirmed(), hub.work())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Paused { .. }), "{refused}");
    let bridge = hub.engine.resume_bridge(&hub.actor, &bridge).await.unwrap();
    assert_eq!(bridge.paused, None);
    let synced = hub
        .engine
        .sync(&schedule, &runner, &bridge, false, hub.work())
        .await
        .unwrap();
    assert!(synced.run.is_some(), "{:?}", synced.stopped);
}
