//! An audit log that does not hold: nothing is written, it is said once, and writes go on when it is whole again.

use crate::hub::{Hub, confirmed, engine_on, owner, small};
use crate::notifying::{look, mail};
use crate::undoing::assets;
use engine::auditing::{AuditEnd, Verified};
use engine::undoing::UndoScope;
use engine::{Engine, EngineOptions, Error, Quiet, Runner, Work};
use jiff::SignedDuration;
use model::{EventKind, PlanSummary, Run, RunKind};
use simulators::mailbox::{self, Mailbox};
use std::path::Path;
use std::time::Duration;
use store::{AuditMark, BackupOptions, Note, Store};
use testkit::TestStore;
use tokio_util::sync::CancellationToken;

/// An entry that was written long ago.
const OLD: i64 = 2;

/// An engine on `store`, of the database of `test`, that keeps the end of the log in `mark`.
fn keeping(test: &TestStore, store: Store, mark: &Path) -> Engine {
    let options = EngineOptions {
        audit_mark: Some(AuditMark::at(mark)),
        send_within: Duration::from_secs(2),
        ..EngineOptions::new("a test")
    };
    Engine::new(store, engine_on(test).connectors().clone(), options)
}

/// A hub that keeps the end of its log, with a plan that creates a small estate in the registry.
async fn planned(test: &TestStore) -> (Hub, PlanSummary) {
    let mark = test.directory().join("audit.head");
    let hub = Hub::on(keeping(test, (*test).clone(), &mark), small(20)).await;
    let source = hub.connect("ninjaone", true).await.unwrap();
    let registry = hub.registry().await;
    let bridge = hub
        .engine
        .add_bridge(&hub.actor, "assets", &source.id, &registry.id, "humanizeit")
        .await
        .unwrap();
    hub.read(&bridge).await;
    hub.create_undecided(&bridge).await;
    let plan = hub.plan().await;
    assert!(plan.counts.writes() >= 20, "{:?}", plan.counts);
    (hub, plan)
}

async fn apply(hub: &Hub, runner: &Runner, plan: &PlanSummary) -> engine::Result<Run> {
    hub.engine
        .apply(&hub.actor, runner, &plan.id, confirmed(), hub.work())
        .await
}

/// Refused because of the log, in words that name the entry and what to do.
fn refused<T: std::fmt::Debug>(result: engine::Result<T>, entry: i64) {
    match result {
        Err(error @ Error::Store(store::Error::AuditLog(_))) => {
            let (said, entry) = (error.to_string(), format!("entry {entry}"));
            for words in [entry.as_str(), "restore a backup", "`rmmbridge audit verify`"] {
                assert!(said.contains(words), "{said}");
            }
        }
        other => panic!("{other:?}"),
    }
}

async fn note(store: &Store, count: usize) {
    for n in 0..count {
        let note = Note::new("test.noted", n.to_string());
        store.note_alone(note).await.unwrap();
    }
}

/// Changes an old entry by hand.
async fn change(test: &TestStore) {
    test.sql(&format!(
        "UPDATE audit_entry SET subject = 'x' || subject WHERE seq = {OLD}"
    ))
    .await;
}

async fn change_back(test: &TestStore) {
    test.sql(&format!(
        "UPDATE audit_entry SET subject = SUBSTR(subject, 2) WHERE seq = {OLD}"
    ))
    .await;
}

/// Cuts the last entry off, as somebody does who knows how; its number.
async fn cut(test: &TestStore) -> i64 {
    let last = test.audit_head().await.unwrap().seq;
    for statement in [
        format!("CREATE TABLE cut_off AS SELECT * FROM audit_entry WHERE seq = {last}"),
        format!("DELETE FROM audit_entry WHERE seq = {last}"),
        format!(
            "UPDATE audit_head SET seq = {last} - 1,
                    hash = (SELECT hash FROM audit_entry WHERE seq = {last} - 1)"
        ),
    ] {
        test.sql(&statement).await;
    }
    last
}

async fn put_back(test: &TestStore) {
    for statement in [
        "INSERT INTO audit_entry SELECT * FROM cut_off",
        "UPDATE audit_head SET seq = seq + 1, hash = (SELECT hash FROM cut_off)",
        "DROP TABLE cut_off",
    ] {
        test.sql(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_lives_on_writes_nothing_after_the_log_was_cut() {
    TestStore::on_every_engine(async |test| {
        let (hub, plan) = planned(&test).await;
        let runner = hub.runner().await;
        let last = cut(&test).await;
        refused(apply(&hub, &runner, &plan).await, last);
        assert_eq!(test.registry_asset_count().await.unwrap(), 0);
        let runs = hub.engine.runs(&hub.actor, 10).await.unwrap();
        assert!(
            runs.iter().all(|run| matches!(run.kind, RunKind::Read { .. })),
            "no run was begun: {runs:?}"
        );
        drop(runner);
        refused(hub.engine.become_runner(&hub.actor).await, last);
        // Nobody has checked the whole of it meanwhile: its end is looked at anew each time.
        put_back(&test).await;
        hub.apply(&plan, confirmed()).await.unwrap();
        assert!(test.registry_asset_count().await.unwrap() > 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_sees_of_the_end_stands_until_the_whole_log_was_checked() {
    TestStore::on_every_engine(async |test| {
        let (hub, plan) = planned(&test).await;
        drop(hub.runner().await);
        let last = cut(&test).await;
        look(&hub.engine).await;
        put_back(&test).await;
        look(&hub.engine).await;
        refused(hub.engine.become_runner(&hub.actor).await, last);
        let found = hub.engine.verify_audit(&hub.actor).await.unwrap();
        assert_eq!(found, Verified::Whole { entries: last });
        hub.apply(&plan, confirmed()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_found_broken_stops_undos_as_well_and_is_shown_with_the_plan() {
    TestStore::on_every_engine(async |test| {
        let (hub, plan) = planned(&test).await;
        let run = hub.apply(&plan, confirmed()).await.unwrap();
        let written = assets(&test).await;
        let runner = hub.runner().await;
        let undo = hub
            .engine
            .undo_plan(&hub.actor, &runner, &run, &UndoScope::default(), hub.work())
            .await
            .unwrap();
        change(&test).await;
        let check = hub.engine.watch_audit_log(&hub.actor).await.unwrap();
        assert!(
            matches!(check.verified, Verified::Broken { seq: OLD, .. }),
            "{check:?}"
        );
        assert_eq!(check.end, AuditEnd::Kept);
        refused(apply(&hub, &runner, &undo).await, OLD);
        assert_eq!(assets(&test).await, written);
        let review = hub.engine.review(&hub.actor, &undo.id).await.unwrap();
        let why = review.refused.unwrap().why;
        assert!(why.contains("rmmbridge audit verify"), "{why}");
        drop(runner);
        // Its end is as it was kept, which makes it no better.
        look(&hub.engine).await;
        refused(hub.engine.become_runner(&hub.actor).await, OLD);
        change_back(&test).await;
        let found = hub.engine.verify_audit(&hub.actor).await.unwrap();
        assert!(matches!(found, Verified::Whole { .. }), "{found:?}");
        let undone = hub.apply(&undo, confirmed()).await.unwrap();
        assert!(undone.counts.done > 0, "{undone:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_log_is_said_once_however_often_it_is_found_and_so_is_its_end() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    TestStore::on_every_engine(async |test| {
        let mark = test.directory().join("audit.head");
        let engine = keeping(&test, (*test).clone(), &mark);
        let second = keeping(&test, test.another().await, &mark);
        let mailbox = Mailbox::start(mailbox::Options::default()).await.unwrap();
        let channel = mail(&mailbox, "mail");
        engine.add_channel(&owner(), channel).await.unwrap();
        note(&test, 3).await;
        let find = async || {
            for _ in 0..2 {
                for engine in [&engine, &second] {
                    engine.verify_audit(&owner()).await.unwrap();
                    look(engine).await;
                }
            }
        };
        find().await;
        assert!(mailbox.letters().is_empty(), "all is well");
        change(&test).await;
        find().await;
        let letters = mailbox.letters();
        assert_eq!(letters.len(), 1, "{letters:#?}");
        assert!(
            letters[0]
                .data
                .contains("Subject: [rmmbridge] The audit log: is broken"),
            "{}",
            letters[0].data
        );
        let said = engine.channels(&owner()).await.unwrap().remove(0).last.remove(0);
        assert_eq!(said.event.kind, EventKind::AuditBroken);
        let (text, entry) = (said.event.text, format!("entry {OLD}"));
        assert!(
            text.contains(&entry) && text.contains("rmmbridge audit verify"),
            "{text}"
        );
        change_back(&test).await;
        find().await;
        let letters = mailbox.letters();
        assert_eq!(letters.len(), 2, "{letters:#?}");
        assert!(
            letters[1].data.contains("The audit log: is whole"),
            "{}",
            letters[1].data
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_the_end_finds_it_cut_and_it_stays_so_until_all_of_it_was_checked() {
    TestStore::on_every_engine(async |test| {
        let engine = keeping(&test, (*test).clone(), &test.directory().join("audit.head"));
        note(&test, 3).await;
        engine.keep_audit_mark().await.unwrap();
        assert_eq!(engine.look_at_audit_log(&owner()).await.unwrap(), None);
        let last = cut(&test).await;
        assert_eq!(
            engine.broken_audit_log(&owner()).await.unwrap(),
            None,
            "nobody has looked"
        );
        let found = engine.look_at_audit_log(&owner()).await.unwrap().unwrap();
        assert_eq!(
            (found.what.clone(), found.since),
            (
                format!("entry {last} is not the one that was written"),
                engine.clock().now()
            )
        );
        test.clock().advance(SignedDuration::from_mins(10));
        put_back(&test).await;
        for known in [
            engine.look_at_audit_log(&owner()).await.unwrap(),
            engine.broken_audit_log(&owner()).await.unwrap(),
        ] {
            assert_eq!(known.as_ref(), Some(&found), "since it was found first");
        }
        refused(engine.become_runner(&owner()).await, last);
        engine.verify_audit(&owner()).await.unwrap();
        assert_eq!(engine.look_at_audit_log(&owner()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_cannot_be_written_refuses_runs_only_as_long_as_it_cannot() {
    TestStore::on_every_engine(async |test| {
        let place = test.directory().join("not mounted");
        let engine = keeping(&test, (*test).clone(), &place.join("audit.head"));
        note(&test, 1).await;
        let error = engine.become_runner(&owner()).await.unwrap_err().to_string();
        assert!(error.contains("cannot be kept"), "{error}");
        look(&engine).await;
        let health = test.health().await.unwrap();
        let audit = health.iter().find(|h| h.subject == "audit").unwrap();
        assert_eq!(
            (audit.state.as_str(), audit.told),
            ("not kept", Some(EventKind::AuditBroken))
        );
        std::fs::create_dir(&place).unwrap();
        engine.become_runner(&owner()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_restored_hub_is_held_against_no_end_of_another_one() {
    TestStore::on_every_engine(async |test| {
        let stop = CancellationToken::new();
        let work = || Work {
            progress: &Quiet,
            stop: &stop,
        };
        let mark = test.directory().join("audit.head");
        let engine = keeping(&test, (*test).clone(), &mark);
        let path = test.directory().join("hub.backup");
        note(&test, 3).await;
        engine
            .back_up(&owner(), &path, &BackupOptions::default(), work())
            .await
            .unwrap();
        note(&test, 3).await;
        engine.keep_audit_mark().await.unwrap();

        let fresh = TestStore::new(test.engine()).await;
        fresh.clock().advance(SignedDuration::from_mins(10));
        engine_on(&fresh)
            .restore(&owner(), &path, None, work())
            .await
            .unwrap();
        // Opened anew, it has the restored key.
        let engine = keeping(&fresh, fresh.another().await, &mark);
        let check = engine.watch_audit_log(&owner()).await.unwrap();
        assert!(matches!(check.verified, Verified::Whole { .. }), "{check:?}");
        assert_eq!(check.end, AuditEnd::Waits);
        engine.confirm_instance(&owner()).await.unwrap();
        let check = engine.watch_audit_log(&owner()).await.unwrap();
        assert!(matches!(check.verified, Verified::Whole { .. }), "{check:?}");
        assert_eq!(check.end, AuditEnd::Kept);
        engine.become_runner(&owner()).await.unwrap();
    })
    .await;
}
