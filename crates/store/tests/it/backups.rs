//! Backups: made while the hub works, read back, and restored into either engine.

use crate::{assets, estate};
use secrecy::ExposeSecret as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{BackupOptions, BackupReport, DatabaseUrl, Error, KeyRing, Store};
use testkit::{CountingRandom, Engine, FixedClock, TestStore};

pub fn options() -> BackupOptions {
    BackupOptions {
        program: "0.1.0".to_owned(),
        ..BackupOptions::default()
    }
}

pub async fn back_up(store: &Store, path: &Path) -> BackupReport {
    store.backup(path, &options(), &|_| {}).await.unwrap()
}

async fn restore(store: &Store, path: &Path) -> Result<BackupReport, Error> {
    store.restore(path, None, &|_| {}).await
}

/// A hub with something in most tables.
pub async fn furnish(store: &Store, devices: u32) {
    let bridge = estate::bridge(store).await;
    let source = store.connection(&bridge.source).await.unwrap();
    let made =
        (1..=devices).map(|id| estate::device(id, "1", &format!("raw of Reception-{id} ünïcode \u{1f600}")));
    estate::pass(store, &source, made).await;
    store
        .put_secret(source.id.as_str(), "client_secret", "the client secret")
        .await
        .unwrap();
    let client = assets::client(store, "Acme Dental").await;
    for number in 1..=3 {
        assets::add(store, assets::new(&client, &format!("PC-{number}"), "SN")).await;
    }
    estate::run(store, &bridge.id, "plan").await;
}

/// Rows of the tables `furnish` fills.
async fn census(test: &TestStore) -> Vec<i64> {
    let mut counts = vec![];
    for table in [
        "connection",
        "bridge",
        "source_device",
        "registry_asset",
        "run",
        "secret",
    ] {
        counts.push(test.sql(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    counts
}

#[tokio::test]
async fn a_backup_of_either_engine_is_restored_into_either_engine() {
    for from in Engine::available() {
        let test = TestStore::new(from).await;
        furnish(&test, 700).await;
        let path = test.directory().join("hub.backup");
        let report = back_up(&test, &path).await;
        assert!(report.rows() > 700 && report.key.is_some(), "{report:?}");
        let verified = test.verify_backup(&path, None).await.unwrap();
        assert_eq!(verified, report);
        for into in Engine::available() {
            eprintln!("{from:?} into {into:?}");
            let fresh = TestStore::new(into).await;
            assert_eq!(restore(&fresh, &path).await.unwrap(), report);
            assert_eq!(census(&fresh).await, census(&test).await);
            let source = fresh.connection_named("NinjaOne").await.unwrap().unwrap();
            assert_eq!(
                estate::raw(&fresh, &source, "700").await,
                "raw of Reception-700 ünïcode \u{1f600}"
            );
            let secret = fresh.secret(source.id.as_str(), "client_secret").await.unwrap();
            assert_eq!(secret.unwrap().expose_secret(), "the client secret");
            assert_eq!(source, test.connection_named("NinjaOne").await.unwrap().unwrap());
            // It waits, and says why; what is stored can be looked at, as above.
            let refused = fresh.require_confirmed_instance().await.unwrap_err().to_string();
            assert!(
                refused.contains("restored from a backup of 2026-01-15"),
                "{refused}"
            );
            assert!(refused.contains("rmmbridge instance confirm"), "{refused}");
            // The restored hub can be backed up again, and it is the same but for its waiting.
            let again = fresh.directory().join("again.backup");
            assert_eq!(back_up(&fresh, &again).await.rows(), report.rows());
            // And opens like any other.
            fresh.another().await.close().await;
        }
    }
}

#[tokio::test]
async fn t4_neither_names_nor_secrets_show_in_a_backup_unless_somebody_asks() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 5).await;
        let holds = |path: &Path, text: &str| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(text.len()).any(|w| w == text.as_bytes())
        };
        let sealed = test.directory().join("sealed");
        back_up(&test, &sealed).await;
        let open = test.directory().join("open");
        let unencrypted = BackupOptions {
            unencrypted: true,
            ..options()
        };
        let report = test.backup(&open, &unencrypted, &|_| {}).await.unwrap();
        assert_eq!(report.key, None);
        assert_eq!(test.verify_backup(&open, None).await.unwrap(), report);
        for text in ["Acme Dental", "the client secret", "Reception-3", "NinjaOne"] {
            assert!(!holds(&sealed, text), "{text}");
        }
        // In the clear it is compressed; a secret is sealed inside of it too.
        let mut text = String::new();
        let file = std::fs::read(&open).unwrap();
        let body = file
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .nth(1)
            .unwrap()
            .0
            + 1
            + 5;
        let mut gz = flate2::read::GzDecoder::new(&file[body..]);
        std::io::Read::read_to_string(&mut gz, &mut text).unwrap();
        assert!(text.contains("Acme Dental") && !text.contains("the client secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&sealed).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        // A restore of the one in the clear needs the right key all the same, for the secrets.
        let other = Store::open(
            &DatabaseUrl::Sqlite(test.directory().join("other").join("other.db")),
            TestStore::key_of('3'),
            Arc::new(FixedClock::default()),
            Arc::new(CountingRandom::default()),
        )
        .await
        .unwrap();
        for path in [&open, &sealed] {
            let error = restore(&other, path).await.unwrap_err().to_string();
            assert!(
                error.contains("needs the master key") && error.contains("--key-file"),
                "{error}"
            );
        }
        assert!(other.connections().await.unwrap().is_empty());
        // With both keys it is restored, and its secrets are this hub's.
        let both = KeyRing::from(TestStore::key());
        other.restore(&sealed, Some(&both), &|_| {}).await.unwrap();
        let again = Store::open(
            &DatabaseUrl::Sqlite(test.directory().join("other").join("other.db")),
            TestStore::key_of('3'),
            Arc::new(FixedClock::default()),
            Arc::new(CountingRandom::default()),
        )
        .await
        .unwrap();
        let source = again.connection_named("NinjaOne").await.unwrap().unwrap();
        let secret = again.secret(source.id.as_str(), "client_secret").await.unwrap();
        assert_eq!(secret.unwrap().expose_secret(), "the client secret");
        other.close().await;
        again.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b1_a_backup_taken_while_others_write_is_of_one_moment() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 3000).await;
        let stop = Arc::new(AtomicBool::new(false));
        // Each write keeps two rows in step; a backup of two moments would part them.
        test.put_secret("pair", "a", "0").await.unwrap();
        let (writer, told) = (test.another().await, stop.clone());
        let client = assets::client(&test, "Twin").await;
        let writing = tokio::spawn(async move {
            let mut written = 0;
            while !told.load(Ordering::Relaxed) {
                let twins: Vec<_> = ["left", "right"]
                    .map(|side| assets::new(&client, &format!("{side} {written}"), side))
                    .into();
                writer.add_registry_assets(&twins).await.unwrap();
                written += 1;
            }
            writer.close().await;
            written
        });
        let path = test.directory().join("busy.backup");
        let mut reports = vec![];
        for _ in 0..3 {
            let replace = BackupOptions {
                replace: true,
                ..options()
            };
            reports.push(test.backup(&path, &replace, &|_| {}).await.unwrap());
        }
        stop.store(true, Ordering::Relaxed);
        let written = writing.await.unwrap();
        assert!(written > 3, "{written}");
        let fresh = TestStore::new(Engine::Sqlite).await;
        restore(&fresh, &path).await.unwrap();
        let side = |side: &str| format!("SELECT COUNT(*) FROM registry_asset WHERE serial = '{side}'");
        let (left, right) = (fresh.sql(&side("left")).await, fresh.sql(&side("right")).await);
        assert_eq!(left, right);
        assert!(left > 0 && left <= written, "{left} of {written}");
    })
    .await;
}

#[tokio::test]
async fn b2_a_restore_takes_an_empty_database_only() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 10).await;
        let path = test.directory().join("hub.backup");
        back_up(&test, &path).await;
        let before = census(&test).await;
        let error = restore(&test, &path).await.unwrap_err();
        assert!(matches!(error, Error::NotEmpty { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .contains("nothing was changed. Give another one"),
            "{error}"
        );
        assert_eq!(census(&test).await, before);
        test.require_confirmed_instance().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn b2_a_damaged_or_cut_file_changes_nothing() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 900).await;
        let path = test.directory().join("hub.backup");
        back_up(&test, &path).await;
        let open = test.directory().join("open.backup");
        let clear = BackupOptions {
            unencrypted: true,
            ..options()
        };
        test.backup(&open, &clear, &|_| {}).await.unwrap();
        let fresh = TestStore::new(test.engine()).await;
        let empty = census(&fresh).await;
        let bad = test.directory().join("bad.backup");
        for path in [&path, &open] {
            let good = std::fs::read(path).unwrap();
            let mut tries = vec![
                vec![],
                good[..good.len() / 2].to_vec(),
                good[..good.len() - 1].to_vec(),
            ];
            for place in [good.len() / 3, good.len() / 2, good.len() - 30] {
                let mut changed = good.clone();
                changed[place] ^= 0x10;
                tries.push(changed);
            }
            for content in tries {
                std::fs::write(&bad, &content).unwrap();
                let error = restore(&fresh, &bad).await.unwrap_err();
                assert!(matches!(error, Error::Backup { .. }), "{error:?}");
                assert!(error.to_string().contains("bad.backup"), "{error}");
                let verified = test.verify_backup(&bad, None).await.unwrap_err();
                assert!(verified.to_string().contains("bad.backup"), "{verified}");
                assert_eq!(census(&fresh).await, empty);
            }
        }
        fresh.require_confirmed_instance().await.unwrap();
        restore(&fresh, &path).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_restore_that_is_dropped_midway_leaves_the_empty_database() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 4000).await;
        let path = test.directory().join("hub.backup");
        back_up(&test, &path).await;
        let fresh = TestStore::new(test.engine()).await;
        let empty = census(&fresh).await;
        for millis in [1, 5, 20, 60] {
            let time = std::time::Duration::from_millis(millis);
            let _ = tokio::time::timeout(time, restore(&fresh, &path)).await;
            if census(&fresh).await != empty {
                // So fast a machine restores everything in that time; then it must be everything.
                assert_eq!(census(&fresh).await, census(&test).await);
                return;
            }
        }
        restore(&fresh, &path).await.unwrap();
        assert_eq!(census(&fresh).await, census(&test).await);
    })
    .await;
}

#[tokio::test]
async fn leases_and_half_read_devices_are_no_data() {
    TestStore::on_every_engine(async |test| {
        furnish(&test, 3).await;
        let time = std::time::Duration::from_secs(60);
        test.take_lease("anything", "me", time).await.unwrap();
        let path = test.directory().join("hub.backup");
        let report = back_up(&test, &path).await;
        let names: Vec<_> = report.tables.iter().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"lease") && !names.contains(&"source_device_pending"));
        assert!(!names.iter().any(|name| name.starts_with('_')));
        let fresh = TestStore::new(test.engine()).await;
        restore(&fresh, &path).await.unwrap();
        fresh.take_lease("anything", "another", time).await.unwrap();
    })
    .await;
}
