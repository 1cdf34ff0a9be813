//! Leases in the database, and the runner's lock on a data directory.

use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::{Error, Lease, RunnerLock};
use testkit::TestStore;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_lease_names_its_holder_until_it_is_released_or_overdue() {
    TestStore::on_every_engine(async |test| {
        let held = test.take_lease("runner", "host-a 71", MINUTE).await.unwrap();
        assert_eq!(
            held,
            Lease {
                name: "runner".to_owned(),
                holder: "host-a 71".to_owned()
            }
        );
        let other = test.another().await;
        let error = other.take_lease("runner", "host-b 5", MINUTE).await.unwrap_err();
        assert!(
            matches!(&error, Error::Busy { holder } if holder == "host-a 71"),
            "{error:?}"
        );
        assert!(error.to_string().contains("(host-a 71)"), "{error}");
        // Its holder renews it, others have leases of their own.
        test.take_lease("runner", "host-a 71", Duration::MAX)
            .await
            .unwrap();
        other.take_lease("limits", "host-b 5", MINUTE).await.unwrap();

        test.release_lease(&held).await.unwrap();
        let taken = other
            .take_lease("runner", "host-b 5", Duration::from_millis(1))
            .await
            .unwrap();
        // Released late, by who had it once: it stays with its new holder.
        test.release_lease(&held).await.unwrap();
        assert_eq!(
            test.sql("SELECT COUNT(*) FROM lease WHERE holder = 'host-b 5'")
                .await,
            2
        );

        test.clock().advance(SignedDuration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
        test.take_lease("runner", "host-c 9", MINUTE).await.unwrap();
        let error = other
            .take_lease("runner", &taken.holder, MINUTE)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Busy { holder } if holder == "host-c 9"),
            "{error:?}"
        );
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ran_out_long_ago_is_forgotten_and_no_other() {
    TestStore::on_every_engine(async |test| {
        let overdue = Duration::from_millis(1);
        test.take_lease("process:gone", "host-a 71", overdue)
            .await
            .unwrap();
        test.take_lease("process:here", "host-b 5", Duration::MAX)
            .await
            .unwrap();
        assert_eq!(test.forget_leases(Timestamp::UNIX_EPOCH).await.unwrap(), 0);
        // Leases go by the server's clock where there is one: this is after either.
        let later: Timestamp = "2200-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(test.forget_leases(later).await.unwrap(), 1);
        assert_eq!(
            test.sql("SELECT COUNT(*) FROM lease WHERE name = 'process:here'")
                .await,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn several_leases_are_taken_together_and_renewed_by_one_heartbeat() {
    TestStore::on_every_engine(async |test| {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let both = names(&["source:1", "bridge:1"]);
        test.take_leases(&both, "a", MINUTE).await.unwrap();
        let refused = test
            .take_leases(&names(&["bridge:2", "source:1"]), "b", MINUTE)
            .await;
        assert!(matches!(refused, Err(Error::Busy { holder }) if holder == "a"));
        // All or none: what was free is free still.
        test.take_leases(&names(&["bridge:2"]), "c", MINUTE)
            .await
            .unwrap();
        let held = test.renew_leases("a", MINUTE).await.unwrap();
        assert_eq!(held.into_iter().collect::<Vec<_>>(), ["bridge:1", "source:1"]);
        let seen = test.leases("bridge:").await.unwrap();
        let seen: Vec<_> = seen
            .iter()
            .map(|l| (l.name.as_str(), l.holder.as_str()))
            .collect();
        assert_eq!(seen, [("bridge:1", "a"), ("bridge:2", "c")]);
        test.release_leases(&names(&["bridge:1", "bridge:2"]), "a")
            .await
            .unwrap();
        assert_eq!(test.leases("bridge:").await.unwrap().len(), 1, "another's stays");
        test.release_leases(&[], "a").await.unwrap();
        assert!(test.renew_leases("a", MINUTE).await.unwrap().is_empty());
    })
    .await;
}

fn busy(directory: &Path) -> String {
    match RunnerLock::take(directory, "second").unwrap_err() {
        Error::Busy { holder } => holder,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_second_runner_is_told_who_the_first_is() {
    let directory = tempfile::tempdir().unwrap();
    let first = RunnerLock::take(directory.path(), "rmmbridge apply, process 71").unwrap();
    assert_eq!(busy(directory.path()), "rmmbridge apply, process 71");
    drop(first);
    let next = RunnerLock::take(directory.path(), "x").unwrap();
    assert_eq!(busy(directory.path()), "x");
    drop(next);

    let missing = directory.path().join("missing");
    let error = RunnerLock::take(&missing, "x").unwrap_err();
    assert!(matches!(error, Error::DataDirectory { .. }), "{error:?}");
    assert!(error.to_string().contains(&*missing.to_string_lossy()), "{error}");
}

/// The directory the other process is to lock.
const DIRECTORY: &str = "RUNNER_LOCK_DIRECTORY";

#[test]
fn a_killed_process_leaves_no_lock() {
    let directory = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leases::hold_the_lock", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ready = directory.path().join("ready");
    for _ in 0..500 {
        if ready.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(ready.exists(), "the other process did not take the lock");
    let held = RunnerLock::take(directory.path(), "second");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(matches!(held, Err(Error::Busy { holder }) if holder == "first"));
    RunnerLock::take(directory.path(), "second").unwrap();
}

#[test]
#[ignore = "the other process of a_killed_process_leaves_no_lock, which starts it and kills it"]
#[expect(
    clippy::disallowed_methods,
    reason = "how the first process tells the second the directory"
)]
fn hold_the_lock() {
    let directory = std::env::var(DIRECTORY).unwrap();
    let _lock = RunnerLock::take(Path::new(&directory), "first").unwrap();
    std::fs::write(Path::new(&directory).join("ready"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}
