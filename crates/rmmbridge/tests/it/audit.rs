//! The audit log as an operator meets it: checked by command, and what a log that does not hold stops.

use crate::program::{MASTER_KEY, Program};
use crate::serving::get;
use crate::tenant::{bridge, ninja};
use simulators::ninjaone::NinjaOne;
use store::DatabaseUrl;
use testkit::TestStore;

/// An entry that was written long ago.
const OLD: i64 = 3;

/// A program on the database of a test.
fn on(test: &TestStore) -> Program {
    let address = match test.url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(address) => address.clone(),
    };
    Program::new()
        .with("RMMBRIDGE_DATABASE", &address)
        .with("RMMBRIDGE_MASTER_KEY", MASTER_KEY)
}

/// The same after a few things were noted.
fn noted(test: &TestStore) -> Program {
    let program = on(test);
    for _ in 0..2 {
        program.works(&["pause", "--reason", "prices move"]);
        program.works(&["resume"]);
    }
    program
}

/// Changes an old entry by hand.
async fn change(test: &TestStore) {
    let statement = format!("UPDATE audit_entry SET subject = 'x' || subject WHERE seq = {OLD}");
    test.sql(&statement).await;
}

async fn change_back(test: &TestStore) {
    let statement = format!("UPDATE audit_entry SET subject = SUBSTR(subject, 2) WHERE seq = {OLD}");
    test.sql(&statement).await;
}

/// A program on the database of a test, about to write an estate for the first time.
fn about_to_write(test: &TestStore, ninja: &NinjaOne) -> Program {
    let program = on(test);
    bridge(&program, ninja, "humanizeit");
    program.ends(3, &["sync"]);
    program.works(&["match", "create", "--unmatched"]);
    program.works(&["plan"]);
    program
}

/// That nothing is written, nor read, because of an entry of the log.
async fn is_stopped(program: &Program, test: &TestStore, ninja: &NinjaOne, entry: i64) {
    let entry = format!("entry {entry}");
    let (noted, asked) = (test.audit_head().await.unwrap(), ninja.requests().total);
    for command in ["sync", "apply"] {
        program.refuses(
            &[command],
            &[entry.as_str(), "restore a backup", "`rmmbridge audit verify`"],
        );
    }
    assert_eq!(test.registry_asset_count().await.unwrap(), 0);
    assert_eq!(test.audit_head().await.unwrap(), noted, "no run was begun");
    assert_eq!(ninja.requests().total, asked);
}

/// That it goes on once the log is found whole.
async fn goes_on(program: &Program, test: &TestStore) {
    let verified = program.json(&["audit", "verify"]);
    assert_eq!(
        (&verified["state"], &verified["end"]),
        (&"whole".into(), &"kept".into()),
        "{verified}"
    );
    program.works(&["sync"]);
    assert_eq!(test.registry_asset_count().await.unwrap(), 60);
    program.works(&["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_entry_that_was_changed_is_named_and_stops_everything_until_it_is_put_back() {
    TestStore::on_every_engine(async |test| {
        let ninja = ninja(60).await;
        let program = about_to_write(&test, &ninja);
        program.works(&["audit", "verify"]);
        change(&test).await;
        let found = program.ends(1, &["audit", "verify"]).out;
        assert!(
            found.contains(&format!("Entry {OLD}: it, or what stood before it, was changed"))
                && found.contains("restore a backup"),
            "{found}"
        );
        is_stopped(&program, &test, &ninja, OLD).await;
        // It is as it was, but nobody has looked yet.
        change_back(&test).await;
        is_stopped(&program, &test, &ninja, OLD).await;
        goes_on(&program, &test).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_is_told_by_the_end_that_was_kept() {
    TestStore::on_every_engine(async |test| {
        let ninja = ninja(60).await;
        let program = about_to_write(&test, &ninja);
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
        // It shows before anybody checks the whole of it.
        is_stopped(&program, &test, &ninja, last).await;
        let found = program.ends(1, &["audit", "verify"]).out;
        assert!(
            found.contains(&format!("Entry {last}: entries up to {last} were written")),
            "{found}"
        );
        is_stopped(&program, &test, &ninja, last).await;
        for statement in [
            "INSERT INTO audit_entry SELECT * FROM cut_off",
            "UPDATE audit_head SET seq = seq + 1, hash = (SELECT hash FROM cut_off)",
            "DROP TABLE cut_off",
        ] {
            test.sql(statement).await;
        }
        goes_on(&program, &test).await;
    })
    .await;
}

#[test]
fn a_check_says_when_no_end_was_kept() {
    let program = Program::new();
    program.works(&["export"]);
    let head = program.data_dir().join("audit.head");
    let remove = || std::fs::remove_file(&head).unwrap();
    remove();
    let found = program.works(&["audit", "verify"]);
    assert!(
        found.contains("is whole") && found.contains("No end of it was kept"),
        "{found}"
    );
    let found = program.works(&["audit", "verify"]);
    assert!(!found.contains("No end"), "it is kept from then on: {found}");
    remove();
    let found = program.json(&["audit", "verify"]);
    assert_eq!(found["end"], "not_kept", "{found}");
}

#[test]
fn a_hub_that_waits_holds_its_log_against_no_end() {
    let program = Program::new();
    program.works(&["export"]);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("hub.backup");
    let file = file.to_str().unwrap();
    program.works(&["backup", file]);
    let other = Program::new();
    let key = program.data_dir().join("master.key");
    other.works(&["restore", file, "--key-file", key.to_str().unwrap()]);
    let found = other.works(&["audit", "verify"]);
    assert!(
        found.contains("is whole") && found.contains("waits for an Owner"),
        "{found}"
    );
    other.works(&["instance", "confirm"]);
    let found = other.works(&["audit", "verify"]);
    assert!(!found.contains("waits for an Owner"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_status_say_what_was_found_since_when_and_what_to_do() {
    TestStore::on_every_engine(async |test| {
        let program = noted(&test);
        assert!(
            program
                .works(&["doctor"])
                .contains("✓ Audit log: not found broken")
        );
        program.works(&["status"]);
        change(&test).await;
        program.ends(1, &["audit", "verify"]);
        for (command, point) in [
            ("doctor", "✗ Audit log: found broken on "),
            ("status", "! The audit log was found broken on "),
        ] {
            let told = program.ends(3, &[command]).out;
            let entry = format!("UTC (entry {OLD}: it, or what stood before it, was changed)");
            for part in [point, &entry, "docs/backup.md", "rmmbridge audit verify"] {
                assert!(told.contains(part), "{told}");
            }
        }
        let status = program.ends(3, &["status", "--json"]).out;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let what = status["broken_audit_log"]["what"].as_str().unwrap();
        assert!(what.starts_with(&format!("entry {OLD}: ")), "{status:#}");
        change_back(&test).await;
        program.works(&["audit", "verify"]);
        program.works(&["doctor"]);
        program.works(&["status"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_served_while_the_log_is_broken_and_jobs_are_run_once_it_is_whole() {
    TestStore::on_every_engine(async |test| {
        let program = noted(&test);
        change(&test).await;
        program.ends(1, &["audit", "verify"]);
        let entry = format!("entry {OLD}");
        program.refuses(
            &["worker"],
            &[&entry, "restore a backup", "`rmmbridge audit verify`"],
        );
        let serving = program.start(&["serve", "--listen", "127.0.0.1:0"]);
        let said = serving.says("serve: the pages only; jobs are run once the audit log is found whole");
        assert!(said.contains(&entry), "{said}");
        let said = serving.says("serve: ready on http://");
        let pages = said
            .rsplit_once("http://")
            .unwrap()
            .1
            .trim_end_matches('/')
            .to_owned();
        let ready = get(&pages, "/ready");
        assert!(
            ready.contains("200 OK") && ready.contains("workers: 0"),
            "{ready}"
        );
        // Whoever writes is refused as before.
        program.refuses(&["worker"], &[&entry]);
        change_back(&test).await;
        program.works(&["audit", "verify"]);
        serving.says("serve: the audit log was found whole; jobs are run from now on");
        let ready = get(&pages, "/ready");
        assert!(ready.contains("workers: 1"), "{ready}");
        serving.signal("TERM");
        let ended = serving.end();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    })
    .await;
}
