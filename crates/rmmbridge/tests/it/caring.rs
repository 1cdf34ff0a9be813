//! How everything stands, and who is told: as people run it.

use crate::tenant::{bridged, ninja};
use model::ConnectionState;
use simulators::mailbox::{Mailbox, Options};
use std::time::{Duration, Instant};

/// How long to wait for what a worker does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_of_a_connection_once_across_restarts_and_of_its_recovery() {
    let (ninja, mailbox) = (ninja(60).await, Mailbox::start(Options::default()).await.unwrap());
    let program = bridged(&ninja, "default");
    let port = mailbox.port().to_string();
    let add = [
        "notify",
        "add",
        "mail",
        "--name",
        "owner",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--security",
        "none",
        "--from",
        "hub@example.test",
        "--to",
        "owner@example.test",
    ];
    program.works(&add);
    program.refuses(&add, &["notification channel named `owner` exists already"]);
    let tried = program.works(&["notify", "test", "owner"]);
    assert!(tried.contains("250 2.0.0 taken as letter 1"), "{tried}");
    let store = program.store().await;
    let connection = store.connection_named("ninjaone").await.unwrap().unwrap();
    let broken = ConnectionState::NeedsAttention {
        reason: "the grant is dead".to_owned(),
    };
    store.set_connection_state(&connection.id, &broken).await.unwrap();
    let until = |letters: usize| {
        let began = Instant::now();
        while mailbox.letters().len() < letters {
            assert!(began.elapsed() < PATIENCE, "{:#?}", mailbox.letters());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    for _ in 0..2 {
        let worker = program.start(&["worker"]);
        worker.says("worker: ready");
        until(2);
        std::thread::sleep(Duration::from_secs(6));
        worker.signal("TERM");
        worker.end();
    }
    assert_eq!(
        mailbox.letters().len(),
        2,
        "once, by two workers one after the other"
    );
    assert!(
        mailbox.letters()[1]
            .data
            .contains("Connection ninjaone: needs attention")
    );
    let status = program.ends(3, &["status"]).out;
    assert!(
        status.contains("waiting") && status.contains("the grant is dead"),
        "{status}"
    );
    store
        .set_connection_state(&connection.id, &ConnectionState::Connected)
        .await
        .unwrap();
    let worker = program.start(&["worker"]);
    until(3);
    worker.signal("TERM");
    worker.end();
    let listed = program.works(&["notify", "list"]);
    assert!(
        listed.contains("over: connection_attention (Connection ninjaone) sent: 250"),
        "{listed}"
    );
    program.works(&["notify", "remove", "owner"]);
    program.refuses(&["notify", "test", "owner"], &["rmmbridge notify add"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_the_age_of_data_and_the_next_run() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    let status = program.works(&["status"]);
    assert!(
        status.contains("fresh") && status.contains("never synced") && status.contains("by hand"),
        "{status}"
    );
    program.works(&["plan", "--read"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["sync", "--confirm"]);
    program.works(&["schedule", "set", "assets", "--cron", "0 * * * *"]);
    let status = &program.json(&["status"])["bridges"][0];
    assert_eq!(status["state"], "fresh");
    assert!(
        status["age_seconds"].as_i64().unwrap() < 120 && status["next"].is_string(),
        "{status:#}"
    );
    assert_eq!(
        (status["open_questions"].as_u64(), status["in_doubt"].as_u64()),
        (Some(0), Some(0))
    );
    program.works(&["pause", "--reason", "prices move"]);
    let status = program.ends(3, &["status"]).out;
    assert!(
        status.contains("! all writes are paused") && status.contains("No worker"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_shown_and_set() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    assert!(
        program
            .works(&["retention"])
            .contains("kept for 90 days: an undo reaches back so far")
    );
    assert!(
        program
            .works(&["retention", "--days", "30", "--forget-now"])
            .contains("Forgotten: 0 rows of 0 plans")
    );
    program.refuses(&["retention", "--days", "1"], &["7 days at least"]);
}
