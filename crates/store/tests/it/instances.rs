//! Which hub is the one: restored, copied and set-back ones wait for an Owner, workers join.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DatabaseUrl, Error, Installation, Store};
use testkit::{CountingRandom, Engine, FixedClock, TestStore};

/// A data directory of its own.
fn place(test: &TestStore, name: &str, machine: &str) -> Installation {
    let data_dir = test.directory().join(name);
    std::fs::create_dir_all(&data_dir).unwrap();
    Installation {
        data_dir,
        machine: machine.to_owned(),
    }
}

async fn at(test: &TestStore, place: &Installation) -> Store {
    test.another().await.installed(place).await.unwrap()
}

async fn refused(store: &Store) -> String {
    let error = store.require_confirmed_instance().await.unwrap_err();
    assert!(matches!(error, Error::Unconfirmed { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("rmmbridge instance confirm"), "{text}");
    // Looking at what is stored goes on.
    store.connections().await.unwrap();
    text
}

fn marker(place: &Installation) -> PathBuf {
    place.data_dir.join("instance.json")
}

#[tokio::test]
async fn a_hub_works_where_it_was_installed_and_is_found_again() {
    TestStore::on_every_engine(async |test| {
        let home = place(&test, "home", "machine 1");
        let store = at(&test, &home).await;
        store.require_confirmed_instance().await.unwrap();
        let first = store.instance().await.unwrap();
        assert_eq!((first.epoch, first.waits.clone()), (1, None));
        test.clock().advance(jiff::SignedDuration::from_hours(5));
        store.require_confirmed_instance().await.unwrap();
        let again = at(&test, &home).await;
        again.require_confirmed_instance().await.unwrap();
        assert_eq!(again.instance().await.unwrap(), first);
        // Confirming what needs no confirmation changes nothing.
        assert_eq!(again.confirm_instance().await.unwrap(), first);
    })
    .await;
}

#[tokio::test]
async fn another_worker_joins_with_the_key_and_an_empty_data_directory() {
    TestStore::on_every_engine(async |test| {
        let first = at(&test, &place(&test, "one", "machine 1")).await;
        // On SQLite another machine cannot share the file; another directory of the same machine can.
        let machine = match test.engine() {
            Engine::Sqlite => "machine 1",
            Engine::Postgres => "machine 2",
        };
        let second = at(&test, &place(&test, "two", machine)).await;
        for _ in 0..3 {
            test.clock().advance(jiff::SignedDuration::from_mins(2));
            first.require_confirmed_instance().await.unwrap();
            second.require_confirmed_instance().await.unwrap();
        }
        assert_eq!(first.instance().await.unwrap(), second.instance().await.unwrap());
        assert!(marker(&place(&test, "two", machine)).exists());
    })
    .await;
}

#[tokio::test]
async fn a_copied_data_directory_waits_and_the_others_work_on() {
    TestStore::on_every_engine(async |test| {
        let home = place(&test, "home", "machine 1");
        let first = at(&test, &home).await;
        let copy = place(&test, "copy", "machine 1");
        std::fs::copy(marker(&home), marker(&copy)).unwrap();
        let second = at(&test, &copy).await;
        let text = refused(&second).await;
        assert!(text.contains("copied or moved"), "{text}");
        first.require_confirmed_instance().await.unwrap();
        // Joining it does not put the first one out.
        let joined = second.confirm_instance().await.unwrap();
        assert_eq!((joined.epoch, joined.waits), (1, None));
        first.require_confirmed_instance().await.unwrap();
        second.require_confirmed_instance().await.unwrap();
    })
    .await;
}

/// A copy of a SQLite database and its data directory, opened there.
async fn copied(test: &TestStore, home: &Installation, to: &Installation) -> Store {
    test.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let from = test.directory().join("rmmbridge.db");
    std::fs::copy(from, to.data_dir.join("rmmbridge.db")).unwrap();
    std::fs::copy(marker(home), marker(to)).unwrap();
    open(&to.data_dir.join("rmmbridge.db"))
        .await
        .installed(to)
        .await
        .unwrap()
}

async fn open(path: &Path) -> Store {
    Store::open(
        &DatabaseUrl::Sqlite(path.to_owned()),
        TestStore::key(),
        Arc::new(FixedClock::default()),
        Arc::new(CountingRandom::counting_from(5 << 40)),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_database_copied_to_another_directory_or_machine_waits_until_confirmed() {
    let test = TestStore::sqlite().await;
    let home = place(&test, "home", "machine 1");
    let first = at(&test, &home).await;
    first.require_confirmed_instance().await.unwrap();
    let copy = place(&test, "copy", "machine 1");
    let second = copied(&test, &home, &copy).await;
    assert!(refused(&second).await.contains("was copied from, or has moved"));
    // The same path seen from another machine.
    let elsewhere = Installation {
        machine: "machine 2".to_owned(),
        ..home.clone()
    };
    refused(&at(&test, &elsewhere).await).await;
    // The first one is not disturbed by either.
    first.require_confirmed_instance().await.unwrap();
    let confirmed = second.confirm_instance().await.unwrap();
    assert_eq!((confirmed.epoch, confirmed.waits), (2, None));
    second.require_confirmed_instance().await.unwrap();
    second.close().await;
    let again = open(&copy.data_dir.join("rmmbridge.db")).await;
    let again = again.installed(&copy).await.unwrap();
    again.require_confirmed_instance().await.unwrap();
}

#[tokio::test]
async fn a_copied_postgres_database_waits_until_confirmed() {
    for engine in Engine::available() {
        if engine == Engine::Sqlite {
            continue;
        }
        let test = TestStore::new(engine).await;
        let home = place(&test, "home", "machine 1");
        at(&test, &home).await.require_confirmed_instance().await.unwrap();
        // What a dump restored into another database has: the rows, but not the place.
        let other = TestStore::new(engine).await;
        let path = test.directory().join("rows");
        test.backup(&path, &store::BackupOptions::default(), &|_| {})
            .await
            .unwrap();
        other.restore(&path, None, &|_| {}).await.unwrap();
        other.sql("UPDATE instance SET waits = NULL").await;
        let second = at(&other, &place(&test, "second", "machine 2")).await;
        assert!(refused(&second).await.contains("was copied from"));
        second.confirm_instance().await.unwrap();
        second.require_confirmed_instance().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_set_back_to_an_earlier_state_stops_every_worker() {
    TestStore::on_every_engine(async |test| {
        let (one, two) = (place(&test, "one", "machine 1"), place(&test, "two", "machine 1"));
        let (first, second) = (at(&test, &one).await, at(&test, &two).await);
        for _ in 0..4 {
            test.clock().advance(jiff::SignedDuration::from_mins(3));
            first.require_confirmed_instance().await.unwrap();
        }
        second.require_confirmed_instance().await.unwrap();
        // As when yesterday's rows come back under a hub that goes on.
        test.sql("UPDATE instance SET beat = beat - 2").await;
        assert!(refused(&first).await.contains("set back to an earlier state"));
        refused(&second).await;
        // Also one that never saw more than the old state.
        refused(&at(&test, &place(&test, "three", "machine 1")).await).await;
        let confirmed = first.confirm_instance().await.unwrap();
        assert_eq!((confirmed.epoch, confirmed.waits), (2, None));
        first.require_confirmed_instance().await.unwrap();
        // A worker is told that the hub was confirmed elsewhere, and joins by the same command.
        assert!(refused(&second).await.contains("confirmed elsewhere"));
        assert_eq!(second.confirm_instance().await.unwrap().epoch, 2);
        first.require_confirmed_instance().await.unwrap();
        second.require_confirmed_instance().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_restored_hub_waits_everywhere_and_refreshes_no_token() {
    TestStore::on_every_engine(async |test| {
        let connection = crate::estate::source(&test).await;
        let grants = test.grants(&connection.id);
        let pair = store::StoredGrant {
            access_token: "a".into(),
            refresh_token: Some("r".into()),
            scopes: vec![],
            expires: jiff::Timestamp::UNIX_EPOCH,
            version: 0,
        };
        let version = grants.replace(&pair).await.unwrap();
        let path = test.directory().join("hub.backup");
        test.backup(&path, &store::BackupOptions::default(), &|_| {})
            .await
            .unwrap();
        let fresh = TestStore::new(test.engine()).await;
        let home = place(&fresh, "home", "machine 1");
        at(&fresh, &home).await.close().await;
        fresh.restore(&path, None, &|_| {}).await.unwrap();
        let store = at(&fresh, &home).await;
        refused(&store).await;
        let minute = std::time::Duration::from_secs(60);
        let begun = store
            .grants(&connection.id)
            .begin_refresh(version, "me", minute)
            .await;
        assert!(matches!(begun, Err(Error::Unconfirmed { .. })), "{begun:?}");
        assert_eq!(store.confirm_instance().await.unwrap().epoch, 2);
        store.require_confirmed_instance().await.unwrap();
        let begun = store
            .grants(&connection.id)
            .begin_refresh(version, "me", minute)
            .await;
        assert!(matches!(begun, Ok(store::Turn::Ours)), "{begun:?}");
    })
    .await;
}

#[tokio::test]
async fn a_marker_that_cannot_be_read_or_of_another_hub_does_not_join() {
    TestStore::on_every_engine(async |test| {
        let home = place(&test, "home", "machine 1");
        at(&test, &home).await.close().await;
        let good = std::fs::read_to_string(marker(&home)).unwrap();
        let id = test.instance().await.unwrap().id;
        for bad in [String::new(), "{}".to_owned(), good.replace(&id, "another")] {
            std::fs::write(marker(&home), bad).unwrap();
            let store = at(&test, &home).await;
            assert!(refused(&store).await.contains("belongs to another hub"));
            store.confirm_instance().await.unwrap();
            store.require_confirmed_instance().await.unwrap();
        }
    })
    .await;
}
