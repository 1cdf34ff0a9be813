//! Token refresh as a storm: three processes with fifty tasks each want a token at the same moment, expiry after expiry,
//! and some of the processes die at it. What the vendor was asked is counted on its side.
//!
//! `RMMBRIDGE_STORM_EXPIRIES` sets how many expiries there are, 200 unless it says otherwise.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

#[path = "storm/stage.rs"]
mod stage;

use engine::{Quiet, Work};
use harness::chance::Chance;
use jobs::{JobKind, JobState, Queue, Worker, WorkerOptions};
use model::ConnectionState;
use simulators::faults::{Effect, Moment};
use simulators::ninjaone::oauth::Rotation;
use stage::{Outcome, Stage};
use std::time::Duration;
use testkit::Engine;
use tokio_util::sync::CancellationToken;

#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
fn expiries() -> u64 {
    let asked = std::env::var("RMMBRIDGE_STORM_EXPIRIES").ok();
    asked.map_or(200, |text| text.parse().unwrap())
}

/// Expiry after expiry. In about one of ten a process ends: with the turn in its hands, or with the new pair stored, or,
/// where the vendor forgives it, between the answer and the commit.
async fn storm(engine: Engine, rotation: Rotation, expiries: u64, seed: u64) {
    let mut stage = Stage::new(engine, rotation).await;
    let mut chance = Chance::new(seed);
    let mut points = vec!["refresh-turn", "refresh-stored"];
    if rotation != Rotation::Invalidate {
        points.push("refresh-answered");
    }
    let mut killed = 0;
    for expiry in 0..expiries {
        let point = if expiry % 10 == 7 {
            chance.one_of(&points).copied()
        } else {
            None
        };
        let asked = stage.calls();
        let outcome = stage.round(point).await;
        let calls = stage.calls() - asked;
        let context = format!("{engine:?}, {rotation:?}, expiry {expiry}, killed at {point:?}: {outcome:?}");
        // What a process took with it to its end has to be asked for once more; nothing else is.
        let expected = 1 + u64::from(point == Some("refresh-answered"));
        assert_eq!(calls, expected, "{context}");
        assert_eq!(outcome.tokens.len(), 1, "one token for all: {context}");
        assert!(outcome.failed.is_empty(), "{context}");
        assert_eq!(outcome.dead, usize::from(point.is_some()), "{context}");
        let token = outcome.tokens.first_key_value().unwrap().0;
        assert_eq!(*token, stage.stored().await, "{context}");
        // The clock of the vendor moves with the rounds, so every token but the newest has ended.
        stage.ninja.grants().verify(token).expect(&context);
        killed += outcome.dead;
    }
    assert!(expiries < 8 || killed > 0, "no process was killed");
    let connection = stage.connection().await;
    assert_eq!(connection.state, ConnectionState::Connected);
    stage.end().await;
}

async fn on(engine: Engine, story: impl AsyncFn(Engine)) {
    if Engine::available().contains(&engine) {
        story(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_an_expiry_where_the_old_token_dies_on_sqlite() {
    storm(Engine::Sqlite, Rotation::Invalidate, expiries(), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_an_expiry_where_the_old_token_dies_on_postgres() {
    on(Engine::Postgres, async |engine| {
        storm(engine, Rotation::Invalidate, expiries(), 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_an_expiry_where_the_old_token_lives_on() {
    for engine in Engine::available() {
        storm(engine, Rotation::Grace(60), expiries() / 10, 3).await;
        storm(engine, Rotation::Static, expiries() / 10, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_waits_for_a_slow_endpoint() {
    for engine in Engine::available() {
        let mut stage = Stage::new(engine, Rotation::Invalidate).await;
        let slow = Effect::Latency { ms: 800 };
        let fault = stage.ninja.faults().next("*/oauth/token", 2, slow);
        for expiry in 1..=2 {
            let outcome = stage.round(None).await;
            assert_eq!(
                (outcome.tokens.len(), stage.calls(), outcome.failed.len()),
                (1, expiry, 0)
            );
        }
        assert_eq!(stage.struck(fault), 2);
        stage.end().await;
    }
}

/// Waits until a job is in this state.
async fn comes_to(queue: &Queue, id: &str, state: JobState) {
    let wait = async {
        while queue.job(id).await.unwrap().state != state {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(LIMIT, wait).await;
    assert!(came.is_ok(), "it is no {state:?}: {:?}", queue.job(id).await);
}

/// The vendor has rotated, and the only copy of the new pair died with its process, or its answer was lost on the way.
/// Nothing can bring it back: all are told so, the connection needs attention, and what is to be done waits.
async fn the_pair_is_lost(engine: Engine, how: &str) {
    let mut stage = Stage::new(engine, Rotation::Invalidate).await;
    stage.round(None).await;
    let asked = stage.calls();
    let mut outcome = match how {
        "a process died" => stage.round(Some("refresh-answered")).await,
        _ => stage.lose_the_answer().await,
    };
    if outcome.failed.contains_key("Unavailable") {
        // Nobody knows yet that the pair is lost: what a lost answer leaves is a token that may still be good.
        outcome = stage.again(None).await;
    }
    let context = format!("{engine:?}, {how}: {outcome:?}");
    assert!(outcome.tokens.is_empty(), "{context}");
    assert_eq!(outcome.failed.keys().collect::<Vec<_>>(), ["Auth"], "{context}");
    let calls = stage.calls() - asked;
    // Each process asks once with the dead token, and then knows.
    assert!((2..=5).contains(&calls), "{calls} calls: {context}");
    stage.again(None).await;
    stage.again(None).await;
    assert!(stage.calls() - asked <= calls + 1, "it asks again and again");

    // A job that needs the connection waits for a person, and the connection says why.
    let queue = Queue::open(stage.store.clone()).await.unwrap();
    let stop = CancellationToken::new();
    let options = WorkerOptions { concurrency: 1 };
    let worker = Worker::begin(
        stage.engine.clone(),
        queue.clone(),
        &stage.actor,
        options,
        stop.clone(),
    );
    let worker = tokio::spawn(worker.await.unwrap().run());
    let read = JobKind::Read {
        connection: stage.id.clone(),
    };
    let id = queue
        .enqueue(&stage.actor, "read", &read)
        .await
        .unwrap()
        .id
        .unwrap();
    comes_to(&queue, &id, JobState::Waiting).await;
    let ConnectionState::NeedsAttention { reason } = stage.connection().await.state else {
        panic!("{context}: it is {:?}", stage.connection().await.state);
    };
    assert!(reason.contains("econnect"), "{reason}");

    // A person consents again: the job goes on by itself, and the storm as if nothing had been.
    stage.consent().await;
    comes_to(&queue, &id, JobState::Done).await;
    stop.cancel();
    worker.await.unwrap();
    for expiry in 1..=3 {
        let asked = stage.calls();
        let outcome = stage.round(None).await;
        assert_eq!(
            (outcome.tokens.len(), outcome.failed.len()),
            (1, 0),
            "{expiry}: {outcome:?}"
        );
        assert_eq!(stage.calls() - asked, 1, "{expiry}");
    }
    let work = Work {
        progress: &Quiet,
        stop: &CancellationToken::new(),
    };
    stage
        .engine
        .keep_alive(&stage.actor, &stage.id, work)
        .await
        .unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_died_with_its_process_is_told_and_waited_for() {
    for engine in Engine::available() {
        the_pair_is_lost(engine, "a process died").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_was_lost_on_its_way_is_told_and_waited_for() {
    for engine in Engine::available() {
        the_pair_is_lost(engine, "the answer was lost").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_healed_by_the_next_refresh_where_the_old_token_lives_on() {
    for engine in Engine::available() {
        for rotation in [Rotation::Grace(60), Rotation::Static] {
            let mut stage = Stage::new(engine, rotation).await;
            let asked = stage.calls();
            let mut outcome: Outcome = stage.lose_the_answer().await;
            for _ in 0..3 {
                if outcome.failed.is_empty() {
                    break;
                }
                assert_eq!(outcome.failed.keys().collect::<Vec<_>>(), ["Unavailable"]);
                outcome = stage.again(None).await;
            }
            assert!(outcome.failed.is_empty(), "{engine:?}, {rotation:?}: {outcome:?}");
            assert_eq!(outcome.tokens.len(), 1);
            assert_eq!(stage.calls() - asked, 2, "the one that was lost, and one more");
            assert_eq!(*outcome.tokens.first_key_value().unwrap().0, stage.stored().await);
            stage.end().await;
        }
    }
}

/// Where in the answer a connection breaks when its answer is lost: after the vendor has done its part.
pub(crate) const LOST: Effect = Effect::Reset {
    at: Moment::AfterHeaders,
};

/// Longest time for anything here that is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
