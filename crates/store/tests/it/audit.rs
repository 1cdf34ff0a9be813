//! The audit log: whatever was changed by hand shows, and nothing is done that it could not tell of.

use crate::estate;
use model::{Actor, ActorRole, RunKind};
use store::{AuditHead, AuditMark, Error, Note, Store, Verified};
use testkit::{Engine, TestStore};

fn ana() -> Actor {
    Actor::Person {
        name: "ana".to_owned(),
        role: ActorRole::Owner,
    }
}

async fn note(store: &Store, count: usize) {
    for n in 0..count {
        store
            .note_alone(Note::new("test.noted", n.to_string()))
            .await
            .unwrap();
    }
}

async fn broken_at(store: &Store, kept: Option<&AuditHead>) -> i64 {
    match store.verify_audit(kept).await.unwrap() {
        Verified::Broken { seq, .. } => seq,
        whole => panic!("the log was said to hold: {whole:?}"),
    }
}

#[tokio::test]
async fn a_change_and_its_entry_are_one() {
    TestStore::on_every_engine(async |test| {
        let before = test.audit_head().await.unwrap().seq;
        let bridge = estate::bridge(&test.on_behalf_of(&ana())).await;
        let entries = test.audit_entries(None, 1).await.unwrap();
        assert_eq!(
            (entries[0].actor.as_str(), entries[0].action.as_str()),
            ("person:ana", "bridge.added")
        );
        assert_eq!(entries[0].subject, bridge.name);
        assert_eq!(entries[0].detail["id"], bridge.id.as_str());
        let after = test.audit_head().await.unwrap().seq;
        assert!(after > before);
        // What is refused leaves no entry.
        test.add_bridge(
            &bridge.name,
            &bridge.source,
            &bridge.destination,
            "default",
            bridge.settings.clone(),
        )
        .await
        .unwrap_err();
        assert_eq!(test.audit_head().await.unwrap().seq, after);
        assert_eq!(
            test.verify_audit(None).await.unwrap(),
            Verified::Whole { entries: after }
        );
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_never_in_it() {
    TestStore::on_every_engine(async |test| {
        let connection = estate::source(&test).await;
        let secrets = [("client_secret".to_owned(), "hunter2-secret".into())].into();
        test.update_connection(&connection, &secrets).await.unwrap();
        let entries = test.audit_entries(None, 100).await.unwrap();
        let all = serde_json::to_string(&entries).unwrap();
        assert!(all.contains("client_secret") && !all.contains("hunter2"), "{all}");
    })
    .await;
}

#[tokio::test]
async fn whatever_was_changed_by_hand_shows() {
    TestStore::on_every_engine(async |test| {
        let start = test.audit_head().await.unwrap().seq;
        note(&test, 5).await;
        let at = |n: i64| start + n;
        let damage = [
            (
                format!(
                    "UPDATE audit_entry SET actor = 'person:bob' WHERE seq = {}",
                    at(2)
                ),
                at(2),
            ),
            (
                format!("UPDATE audit_entry SET detail = '1' WHERE seq = {}", at(3)),
                at(3),
            ),
            (
                format!("UPDATE audit_entry SET at = at + 1 WHERE seq = {}", at(1)),
                at(1),
            ),
            (format!("DELETE FROM audit_entry WHERE seq = {}", at(4)), at(4)),
        ];
        for (statement, seq) in damage {
            let undamaged = test.audit_entries(None, 100).await.unwrap();
            let saved = test.sql("SELECT COUNT(*) FROM audit_entry").await;
            test.sql("CREATE TABLE saved AS SELECT * FROM audit_entry").await;
            test.sql(&statement).await;
            assert_eq!(broken_at(&test, None).await, seq, "{statement}");
            test.sql("DELETE FROM audit_entry").await;
            test.sql("INSERT INTO audit_entry SELECT * FROM saved").await;
            test.sql("DROP TABLE saved").await;
            assert_eq!(test.audit_entries(None, 100).await.unwrap(), undamaged);
            assert_eq!(
                test.verify_audit(None).await.unwrap(),
                Verified::Whole { entries: saved }
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_cut_at_its_end_is_told_by_the_mark_outside() {
    TestStore::on_every_engine(async |test| {
        let mark = AuditMark::at(test.directory().join("audit.head"));
        assert_eq!(mark.kept().unwrap(), None);
        note(&test, 3).await;
        let head = test.audit_head().await.unwrap();
        mark.keep(&head).unwrap();
        assert_eq!(mark.kept().unwrap(), Some(head.clone()));
        // The last entry goes, and the head is put right by somebody who knows how.
        let last = head.seq - 1;
        test.sql(&format!("DELETE FROM audit_entry WHERE seq = {}", head.seq))
            .await;
        test.sql(&format!(
            "UPDATE audit_head SET seq = {last}, hash = (SELECT hash FROM audit_entry WHERE seq = {last})"
        ))
        .await;
        assert_eq!(
            test.verify_audit(None).await.unwrap(),
            Verified::Whole { entries: last }
        );
        assert_eq!(broken_at(&test, Some(&head)).await, head.seq);
        // Entries that come after do not cover it up.
        note(&test, 2).await;
        assert_eq!(broken_at(&test, Some(&head)).await, head.seq);
    })
    .await;
}

#[tokio::test]
async fn a_chain_made_without_the_key_does_not_hold() {
    let (test, other) = (TestStore::sqlite().await, TestStore::sqlite().await);
    // Another hub's chain is one that was made with another key; here both would draw the same.
    other.sql("DELETE FROM secret WHERE name = 'audit-key'").await;
    note(&other.another().await, 3).await;
    note(&test, 3).await;
    let path = other.directory().join("rmmbridge.db");
    let attach = format!(
        "ATTACH '{}' AS other; DELETE FROM audit_entry; INSERT INTO audit_entry SELECT * FROM other.audit_entry;
         UPDATE audit_head SET seq = (SELECT seq FROM other.audit_head), hash = (SELECT hash FROM other.audit_head)",
        path.display()
    );
    let connection = sqlx_raw(&test, &attach).await;
    assert!(connection, "the chain was replaced");
    assert_eq!(broken_at(&test, None).await, 1);
}

async fn sqlx_raw(test: &TestStore, statements: &str) -> bool {
    use sqlx::Connection as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(test.directory().join("rmmbridge.db"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
        .execute(&mut connection)
        .await
        .is_ok()
}

#[tokio::test]
async fn without_a_log_nothing_is_done() {
    TestStore::on_every_engine(async |test| {
        test.sql("DELETE FROM audit_head").await;
        let kind = RunKind::Read {
            connection: "c-1".into(),
        };
        let error = test.begin_run(kind, "person:ana", "a holder").await.unwrap_err();
        assert!(matches!(error, Error::AuditLog(_)), "{error:?}");
        assert!(
            error.to_string().contains("Nothing is done without it"),
            "{error}"
        );
        assert!(test.runs(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn writers_of_several_processes_make_one_chain() {
    TestStore::on_every_engine(async |test| {
        let start = test.audit_head().await.unwrap().seq;
        let (a, b) = (test.another().await, test.another().await);
        tokio::join!(note(&a, 20), note(&b, 20), note(&test, 20));
        assert_eq!(
            test.verify_audit(None).await.unwrap(),
            Verified::Whole { entries: start + 60 }
        );
        assert!([Engine::Sqlite, Engine::Postgres].contains(&test.engine()));
    })
    .await;
}

#[test]
fn a_mark_that_is_no_mark_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.head");
    for text in ["", "x 00", "3 0g", "3"] {
        std::fs::write(&path, text).unwrap();
        let error = AuditMark::at(&path).kept().unwrap_err();
        assert!(error.to_string().contains("audit.head"), "{text:?}: {error}");
    }
}
