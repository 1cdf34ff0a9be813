//! Rotating the master key: while others work, killed anywhere, and never over a key that is not there.

use model::ConnectionState;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::vault::VaultError;
use store::{Error, KeyRing, NewConnection, Store};
use testkit::{CountingRandom, TestStore};

/// Numbers that repeat, for the points at which a rotation is dropped.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A key file that holds the key test stores are opened with.
fn key_file(test: &TestStore) -> PathBuf {
    let path = test.directory().join("master.key");
    write_key(&path, &"7".repeat(64));
    path
}

fn write_key(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Another process: the same database with the keys of this file.
async fn process(test: &TestStore, path: &Path) -> Store {
    open_file(test, path).await.unwrap()
}

async fn open_file(test: &TestStore, path: &Path) -> store::Result<Store> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let from = NEXT.fetch_add(1, Ordering::Relaxed) << 40;
    let random = Arc::new(CountingRandom::counting_from(from));
    let keys = KeyRing::from_file(path, random.as_ref())?;
    let clock = Arc::new(testkit::FixedClock::default());
    Store::open(test.url(), keys, clock, random).await
}

async fn text(store: &Store, owner: &str, name: &str) -> Option<String> {
    let secret = store.secret(owner, name).await.unwrap();
    secret.map(|s| s.expose_secret().to_owned())
}

/// A connection with `count` secrets named by their numbers; its id.
async fn fill(store: &Store, count: usize) -> String {
    let new = NewConnection {
        kind: "ninjaone".to_owned(),
        name: "with many secrets".to_owned(),
        state: ConnectionState::Connected,
        settings: serde_json::json!({}),
        allow_private_hosts: false,
    };
    let secrets = (0..count).map(|number| (format!("{number:05}"), format!("value {number}").into()));
    let secrets: BTreeMap<String, SecretString> = secrets.collect();
    store.add_connection(new, &secrets).await.unwrap().id.to_string()
}

async fn key_ids(test: &TestStore) -> i64 {
    test.sql("SELECT COUNT(DISTINCT key_id) FROM secret").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_secret_opens_during_and_after_a_rotation() {
    TestStore::on_every_engine(async |test| {
        let path = key_file(&test);
        let (ours, theirs) = (process(&test, &path).await, process(&test, &path).await);
        let bulk = &fill(&ours, 1500).await;
        let stop = Arc::new(AtomicBool::new(false));
        let (worker, told, owner) = (theirs.clone(), stop.clone(), bulk.clone());
        // Another process, which knew the old key only, reads and writes all the time.
        let working = tokio::spawn(async move {
            let mut dice = Dice(7);
            let mut rounds = 0_u64;
            while !told.load(Ordering::Relaxed) {
                let name = format!("{:05}", dice.below(1500));
                let read = text(&worker, &owner, &name).await.unwrap();
                assert!(read.starts_with("value "), "{read}");
                let name = format!("{:05}", dice.below(1500));
                worker.put_secret(&owner, &name, "value anew").await.unwrap();
                rounds += 1;
            }
            rounds
        });
        let old = std::fs::read_to_string(&path).unwrap();
        let done = ours.rotate_key(false, &|_| {}).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(working.await.unwrap() > 0);
        assert!(!done.resumed && done.wrapped > 0, "{done:?}");
        assert_eq!(key_ids(&test).await, 1);
        assert_eq!(ours.rows_to_wrap(&done.key).await.unwrap(), 0);
        // The old key is no longer in the file; it is kept beside it, for backups.
        let file = std::fs::read_to_string(&path).unwrap();
        assert_eq!(file.lines().count(), 1);
        assert!(!file.contains(old.trim()));
        let retired = std::fs::read_to_string(&done.retired[0]).unwrap();
        assert_eq!(retired.trim(), old.trim());
        // Who starts now has the new key alone, and everything opens.
        let fresh = process(&test, &path).await;
        for number in 0..1500 {
            let value = text(&fresh, bulk, &format!("{number:05}")).await.unwrap();
            assert!(value == format!("value {number}") || value == "value anew", "{value}");
        }
        // Who has the old key alone is refused by both ids, and nothing was written.
        let error = test.open_with(TestStore::key()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Vault(VaultError::WrongKey { sealed_with, .. }) if *sealed_with == done.key),
            "{error:?}"
        );
        // And again: another key, another file.
        let second = fresh.rotate_key(false, &|_| {}).await.unwrap();
        assert_ne!(second.key, done.key);
        assert!(text(&theirs, bulk, "00001").await.is_some());
        for store in [ours, theirs, fresh] {
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn k1_k2_k3_a_rotation_killed_anywhere_is_taken_up_again() {
    TestStore::on_every_engine(async |test| {
        let path = key_file(&test);
        let store = process(&test, &path).await;
        let bulk = &fill(&store, 2000).await;
        store.close().await;
        let mut dice = Dice(11);
        let mut interrupted = 0;
        let mut keys = std::collections::BTreeSet::new();
        for round in 0..40 {
            let store = process(&test, &path).await;
            let time = Duration::from_micros(dice.below(40_000));
            match tokio::time::timeout(time, store.rotate_key(false, &|_| {})).await {
                Ok(done) => {
                    keys.insert(done.unwrap().key);
                }
                Err(_) => interrupted += 1,
            }
            // Whatever was left, the next process opens every secret with what stands in the file.
            let next = process(&test, &path).await;
            for _ in 0..20 {
                let number = dice.below(2000);
                let value = text(&next, bulk, &format!("{number:05}")).await.unwrap();
                assert_eq!(value, format!("value {number}"), "round {round}");
            }
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 2, "round {round}: {lines} keys");
            next.put_secret(bulk, "written", &round.to_string())
                .await
                .unwrap();
            next.close().await;
            store.close().await;
        }
        assert!(interrupted > 5, "only {interrupted} of 40 were interrupted");
        let store = process(&test, &path).await;
        store.rotate_key(false, &|_| {}).await.unwrap();
        assert_eq!(key_ids(&test).await, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        for number in 0..2000 {
            let value = text(&store, bulk, &format!("{number:05}")).await.unwrap();
            assert_eq!(value, format!("value {number}"));
        }
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn k1_a_prepared_key_seals_nothing_yet() {
    TestStore::on_every_engine(async |test| {
        let path = key_file(&test);
        let store = process(&test, &path).await;
        let prepared = store.rotate_key(true, &|_| {}).await.unwrap();
        assert!(prepared.prepared_only && prepared.wrapped == 0);
        store.put_secret("c", "t", "value").await.unwrap();
        assert_eq!(
            test.sql(&format!(
                "SELECT COUNT(*) FROM secret WHERE key_id = '{}'",
                prepared.key
            ))
            .await,
            0
        );
        // The old key alone still opens everything: a machine the file was not copied to yet goes on.
        test.another().await.close().await;
        let done = store.rotate_key(false, &|_| {}).await.unwrap();
        assert_eq!(done.key, prepared.key);
        assert!(done.resumed);
        assert_eq!(text(&store, "c", "t").await.unwrap(), "value");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_wrong_or_lost_key_never_overwrites_anything() {
    TestStore::on_every_engine(async |test| {
        let path = key_file(&test);
        let store = process(&test, &path).await;
        store.put_secret("c", "t", "value").await.unwrap();
        // Another key in the file: refused at the start, and a running process does not rotate to it blindly.
        write_key(&path, &"3".repeat(64));
        let refused = open_file(&test, &path).await.unwrap_err();
        assert!(
            matches!(refused, Error::Vault(VaultError::WrongKey { .. })),
            "{refused:?}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "3".repeat(64));
        // The file is gone: the rotation refuses and does not make one.
        std::fs::remove_file(&path).unwrap();
        let refused = store.rotate_key(false, &|_| {}).await.unwrap_err();
        assert!(
            matches!(refused, Error::Vault(VaultError::KeyFile { .. })),
            "{refused:?}"
        );
        assert!(!path.exists());
        // A record of a key nobody knows stops it with everything still readable.
        write_key(&path, &"7".repeat(64));
        test.sql(
            "INSERT INTO secret (owner_id, name, key_id, wrapped, sealed, updated)
                  SELECT 'z', 'lost', 'feedfeedfeedfeed', wrapped, sealed, 1 FROM secret WHERE name = 't'",
        )
        .await;
        let refused = store.rotate_key(false, &|_| {}).await.unwrap_err().to_string();
        assert!(refused.contains("feedfeedfeedfeed"), "{refused}");
        assert_eq!(
            text(&process(&test, &path).await, "c", "t").await.unwrap(),
            "value"
        );
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn keys_of_the_environment_are_rotated_by_putting_the_new_one_first() {
    TestStore::on_every_engine(async |test| {
        test.put_secret("c", "t", "value").await.unwrap();
        let refused = test.rotate_key(false, &|_| {}).await.unwrap_err().to_string();
        assert!(refused.contains("openssl rand -hex 32"), "{refused}");
        let both = SecretString::from(format!("{} {}", "9".repeat(64), "7".repeat(64)));
        let keys = KeyRing::from_text(&both, "RMMBRIDGE_MASTER_KEY").unwrap();
        let clock = Arc::new(testkit::FixedClock::default());
        let random = Arc::new(CountingRandom::counting_from(9 << 40));
        let store = Store::open(test.url(), keys, clock, random).await.unwrap();
        // Nothing was rotated by opening alone.
        assert_eq!(text(&test, "c", "t").await.unwrap(), "value");
        let done = store.rotate_key(false, &|_| {}).await.unwrap();
        assert!(done.wrapped >= 2 && done.retired.is_empty(), "{done:?}");
        let new = test.open_with(TestStore::key_of('9')).await.unwrap();
        assert_eq!(text(&new, "c", "t").await.unwrap(), "value");
        // The process with the old key alone says which it needs, for reading and for writing.
        for refused in [
            test.secret("c", "t").await.map(|_| ()),
            test.put_secret("c", "u", "x").await,
        ] {
            assert!(refused.unwrap_err().to_string().contains(&done.key));
        }
        new.close().await;
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_rotations_at_once_do_not_meet() {
    let test = TestStore::sqlite().await;
    let path = key_file(&test);
    let (a, b) = (process(&test, &path).await, process(&test, &path).await);
    fill(&a, 600).await;
    let (a, b) = tokio::join!(a.rotate_key(false, &|_| {}), b.rotate_key(false, &|_| {}));
    let refused = [&a, &b]
        .into_iter()
        .filter(|r| matches!(r, Err(Error::Vault(VaultError::Rotating { .. }))))
        .count();
    // Either one was refused, or they came one after the other.
    assert!(refused == 1 || (a.is_ok() && b.is_ok()), "{a:?} {b:?}");
    assert_eq!(key_ids(&test).await, 1);
}

/// `cargo test -p store --release -- --ignored --nocapture ten_thousand`
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a figure, not a check: it prints how long 10,000 secrets take"]
async fn figures_ten_thousand_secrets_rotated_while_others_work() {
    TestStore::on_every_engine(async |test| {
        let path = key_file(&test);
        let (ours, theirs) = (process(&test, &path).await, process(&test, &path).await);
        let bulk = &fill(&ours, 10_000).await;
        let stop = Arc::new(AtomicBool::new(false));
        let (told, owner) = (stop.clone(), bulk.clone());
        let working = tokio::spawn(async move {
            let (mut dice, mut rounds, mut longest) = (Dice(3), 0_u64, Duration::ZERO);
            while !told.load(Ordering::Relaxed) {
                let name = format!("{:05}", dice.below(10_000));
                let began = Instant::now();
                theirs.put_secret(&owner, &name, "value anew").await.unwrap();
                longest = longest.max(began.elapsed());
                assert!(text(&theirs, &owner, &name).await.is_some());
                rounds += 1;
            }
            (rounds, longest)
        });
        let began = Instant::now();
        let done = ours.rotate_key(false, &|_| {}).await.unwrap();
        let took = began.elapsed();
        stop.store(true, Ordering::Relaxed);
        let (rounds, longest) = working.await.unwrap();
        eprintln!(
            "{:?}: {} secrets wrapped in {took:?}; meanwhile {rounds} written and read, the slowest write {longest:?}",
            test.engine(),
            done.wrapped
        );
        assert_eq!(key_ids(&test).await, 1);
    })
    .await;
}
