//! A database that is locked, or gone for a while: nothing is half done, and what was asked for can be asked again.

use model::ConnectionState;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};
use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{DatabaseUrl, Error, NewConnection, Store, Verified};
use testkit::{CountingRandom, Engine, FixedClock, TestStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn new(name: &str) -> NewConnection {
    NewConnection {
        kind: "ninjaone".to_owned(),
        name: name.to_owned(),
        state: ConnectionState::NotConfigured,
        settings: serde_json::json!({}),
        allow_private_hosts: false,
    }
}

async fn add(store: &Store, name: &str) -> store::Result<()> {
    store
        .add_connection(new(name), &BTreeMap::new())
        .await
        .map(|_| ())
}

async fn lock(test: &TestStore) -> SqliteConnection {
    let DatabaseUrl::Sqlite(path) = test.url() else {
        panic!("a SQLite database")
    };
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    other
}

#[tokio::test]
async fn a_database_somebody_locks_for_a_moment_is_waited_for() {
    let test = TestStore::sqlite().await;
    let mut other = lock(&test).await;
    // Readers go on meanwhile.
    assert!(test.connections().await.unwrap().is_empty());
    let began = Instant::now();
    let release = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        other.execute("ROLLBACK").await.unwrap();
    };
    let (added, ()) = tokio::join!(add(&test, "one"), release);
    added.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1_400));
    assert_eq!(test.connections().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_that_stays_locked_is_called_so_and_nothing_of_the_step_is_stored() {
    let test = TestStore::sqlite().await;
    let mut other = lock(&test).await;
    let refused = add(&test, "one").await.unwrap_err();
    assert!(matches!(refused, Error::Locked), "{refused}");
    assert!(
        refused.to_string().contains("locked by another process"),
        "{refused}"
    );
    other.execute("ROLLBACK").await.unwrap();
    assert!(test.connections().await.unwrap().is_empty());
    add(&test, "one").await.unwrap();
    assert_eq!(test.connections().await.unwrap().len(), 1);
}

/// A way to the server that can be cut: what goes through it breaks, and whoever comes is turned away.
struct Way {
    port: u16,
    open: watch::Sender<bool>,
}

impl Way {
    async fn to(server: (String, u16)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, cut) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), cut.clone());
                tokio::spawn(async move {
                    if !*cut.borrow_and_update() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect((server.0.as_str(), server.1)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, open }
    }
}

/// Writers go on while the server is gone for `time`: each has either stored its record, or can say so and do it again.
async fn gone_for(time: Duration) {
    if !Engine::available().contains(&Engine::Postgres) {
        return;
    }
    let test = TestStore::new(Engine::Postgres).await;
    let DatabaseUrl::Postgres(address) = test.url() else {
        panic!("a PostgreSQL database")
    };
    let server = PgConnectOptions::from_str(address).unwrap();
    let way = Way::to((server.get_host().to_owned(), server.get_port())).await;
    let through = server.host("127.0.0.1").port(way.port).to_url_lossy();
    let clock = Arc::new(FixedClock::default());
    let random = Arc::new(CountingRandom::counting_from(1 << 40));
    let url = DatabaseUrl::parse(through.as_str()).unwrap();
    let store = Store::open(&url, TestStore::key(), clock, random).await.unwrap();
    add(&store, "before").await.unwrap();

    let began = Instant::now();
    let writers = (0..4).map(|who| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut failures = 0_u32;
            for n in 0..15 {
                let name = format!("{who}-{n}");
                loop {
                    match add(&store, &name).await {
                        Ok(()) => break,
                        // Stored by an earlier attempt whose answer was lost.
                        Err(Error::Taken { .. }) if failures > 0 => break,
                        Err(Error::Database(_)) => failures += 1,
                        Err(other) => panic!("{other}"),
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            failures
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    way.open.send_replace(false);
    tokio::time::sleep(time).await;
    way.open.send_replace(true);
    let mut failures = 0;
    for writer in writers {
        failures += writer.await.unwrap();
    }
    assert!(began.elapsed() >= time);
    let names: Vec<_> = store
        .connections()
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    assert_eq!(names.len(), 61, "each once, after {failures} failures: {names:?}");
    let verified = store.verify_audit(None).await.unwrap();
    assert!(matches!(verified, Verified::Whole { .. }), "{verified:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_for_seconds_loses_nothing() {
    gone_for(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_for_half_a_minute_loses_nothing() {
    gone_for(Duration::from_secs(32)).await;
}
