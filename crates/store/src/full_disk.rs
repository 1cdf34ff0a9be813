//! What a full disk does to SQLite, tried with the limit SQLite itself can put on a connection (`max_page_count`
//! counts pages of the database, as a full disk would).

use crate::db::Db;
use crate::error::{Error, Result};
use crate::open::{DatabaseUrl, Store};
use crate::registry::{NewRegistryAsset, NewRegistryClient};
use crate::vault::MasterKey;
use jiff::Timestamp;
use model::{Clock, ConnectionState, Random, RawDevice};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

struct StandingStill;
impl Clock for StandingStill {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

struct Counting(AtomicU64);
impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        for (byte, digit) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = digit;
        }
    }
}

/// A store, and the directory that must outlive it.
async fn open() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(directory.path().join("rmmbridge.db"));
    let key = MasterKey::from_hex(&SecretString::from("7".repeat(64)), "a test").unwrap();
    let random = Arc::new(Counting(AtomicU64::new(1)));
    let store = Store::open(&url, Arc::new(key), Arc::new(StandingStill), random)
        .await
        .unwrap();
    (store, directory)
}

/// Leaves room for `pages` more pages of 4 KiB.
async fn leave_room(store: &Store, pages: i64) {
    let Db::Sqlite { write, .. } = &store.db else {
        panic!("this is about SQLite")
    };
    let used: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(write)
        .await
        .unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", used + pages));
    sqlx::query(limit).execute(write).await.unwrap();
}

fn must_be_full<T: std::fmt::Debug>(result: Result<T>) {
    match result {
        Err(Error::DiskFull) => {}
        other => panic!("{other:?}"),
    }
    let shown = Error::DiskFull.to_string();
    assert!(
        shown.contains("nothing of this step was stored. Free some space"),
        "{shown}"
    );
}

fn device(id: u32, text: &str) -> RawDevice {
    RawDevice {
        id: id.to_string().into(),
        uid: None,
        organization: "1".into(),
        raw: text.into(),
        digest: [u8::try_from(text.len() % 251).unwrap(); 32],
        last_contact: None,
    }
}

async fn source(store: &Store) -> model::Connection {
    let new = crate::NewConnection {
        kind: "ninjaone".to_owned(),
        name: "NinjaOne".to_owned(),
        state: ConnectionState::Connected,
        settings: serde_json::json!({}),
        allow_private_hosts: false,
    };
    store.add_connection(new, &BTreeMap::new()).await.unwrap()
}

/// How many rows of `table` there are.
async fn count(store: &Store, table: &str) -> i64 {
    let Db::Sqlite { read, .. } = &store.db else {
        panic!("this is about SQLite")
    };
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(read).await.unwrap()
}

#[tokio::test]
async fn a_pass_that_does_not_fit_leaves_the_last_snapshot_and_the_next_one_works() {
    let (store, _directory) = open().await;
    let connection = source(&store).await;
    let pass = async |text: &str| {
        let mut writer = store.begin_snapshot(&connection.id, None).await?;
        for id in 1..=60 {
            writer.device(device(id, text)).await?;
        }
        writer.finish(&[], &[], &[], 1).await
    };
    let first = pass("before").await.unwrap();
    // In memory until the end, and, at half a megabyte each, through the waiting room.
    for text in ["x".repeat(5_000), "x".repeat(500_001)] {
        leave_room(&store, 20).await;
        must_be_full(pass(&text).await);
        assert_eq!(
            store.current_snapshot(&connection.id).await.unwrap().unwrap(),
            first
        );
        assert_eq!(
            store
                .device(&connection.id, &"60".into())
                .await
                .unwrap()
                .unwrap()
                .raw,
            "before"
        );
        assert_eq!(
            store
                .device(&connection.id, &"1".into())
                .await
                .unwrap()
                .unwrap()
                .raw,
            "before"
        );
        assert_eq!(count(&store, "source_snapshot").await, 1);
        assert_eq!(store.integrity().await.unwrap(), "ok");
    }
    leave_room(&store, 100_000).await;
    pass("after").await.unwrap();
    assert_eq!(
        store
            .device(&connection.id, &"60".into())
            .await
            .unwrap()
            .unwrap()
            .raw,
        "after"
    );
    store.close().await;
}

#[tokio::test]
async fn a_batch_of_assets_that_does_not_fit_is_not_half_stored() {
    let (store, _directory) = open().await;
    let client = NewRegistryClient {
        name: "Acme".to_owned(),
        ..NewRegistryClient::default()
    };
    let client = store.add_registry_clients(&[client]).await.unwrap().remove(0);
    let batch: Vec<_> = (0..200)
        .map(|n| NewRegistryAsset {
            client: client.clone(),
            site: None,
            asset_type: None,
            source_id: None,
            marker: Some(format!("marker {n}")),
            fields: [("details".to_owned(), serde_json::json!("x".repeat(3_000)))].into(),
        })
        .collect();
    leave_room(&store, 20).await;
    must_be_full(store.add_registry_assets(&batch).await.map(|_| ()));
    assert_eq!(store.registry_asset_count().await.unwrap(), 0);
    // The same handle goes on once there is room.
    leave_room(&store, 100_000).await;
    let answers = store.add_registry_assets(&batch).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(store.registry_asset_count().await.unwrap(), 200);
    assert_eq!(store.integrity().await.unwrap(), "ok");
    store.close().await;
}

#[tokio::test]
async fn a_secret_that_does_not_fit_leaves_the_old_one() {
    let (store, _directory) = open().await;
    store.put_secret("c", "token", "old").await.unwrap();
    leave_room(&store, 0).await;
    must_be_full(store.put_secret("c", "token", &"x".repeat(100_000)).await);
    let secret = store.secret("c", "token").await.unwrap().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), "old");
    store.close().await;
}
