//! Databases and backups of every earlier schema come up to date with their rows.

use crate::estate;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use store::{DatabaseUrl, Store};
use testkit::{Engine, TestStore};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Rows in the words of the first schema, which every later one must take over.
const ROWS: [&str; 9] = [
    "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
     VALUES ('c1', 'ninjaone', 'Old NinjaOne', '\"connected\"', '{}', FALSE, TRUE, 5, 1)",
    "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
     VALUES ('c2', 'registry', 'Old Registry', '\"connected\"', '{}', FALSE, FALSE, 5, 1)",
    "INSERT INTO bridge (id, name, source_id, destination_id, preset, settings, generation)
     VALUES ('b1', 'old', 'c1', 'c2', 'humanizeit', '{}', 3)",
    "INSERT INTO source_device (connection_id, id, organization_id, digest, raw, absent_snapshots)
     VALUES ('c1', '7', '1', DIGEST, 'raw of an old device', 0)",
    "INSERT INTO link (bridge_id, kind, source_id, destination_id, written, updated)
     VALUES ('b1', 'asset', '7', 'a7', '{}', 9)",
    "INSERT INTO plan (id, bridge_id, snapshot_id, generation, created, counts, warnings, ready)
     VALUES ('p1', 'b1', 's1', 3, 6, '{}', '[]', TRUE)",
    "INSERT INTO run (id, kind, connection_id, bridge_id, plan_id, state, actor, started, counts)
     VALUES ('r1', 'apply', NULL, 'b1', 'p1', '\"running\"', 'console:old', 7, '{}')",
    "INSERT INTO run_item (run_id, plan_id, number, state, detail, updated)
     VALUES ('r1', 'p1', 1, 'done', '{}', 8)",
    "INSERT INTO registry_client (id, name, created) VALUES ('k1', 'Old Client', 4)",
];

/// The schema that has turns.
const TURNS: i64 = 19;

/// Makes the test's database anew as version `schema` left it, with rows.
async fn make_old(test: &TestStore, schema: i64) {
    let digest = match test.engine() {
        Engine::Sqlite => "x'0102'",
        Engine::Postgres => r"'\x0102'",
    };
    let rows = ROWS.map(|row| AssertSqlSafe(row.replace("DIGEST", digest)));
    match test.url() {
        DatabaseUrl::Sqlite(path) => {
            for ending in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
            }
            let options = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            MIGRATOR.run_to(schema, &mut connection).await.unwrap();
            for row in rows {
                sqlx::query(row).execute(&mut connection).await.unwrap();
            }
            connection.close().await.unwrap();
        }
        DatabaseUrl::Postgres(address) => {
            let mut connection = PgConnection::connect(address).await.unwrap();
            for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
                sqlx::query(statement).execute(&mut connection).await.unwrap();
            }
            MIGRATOR.run_to(schema, &mut connection).await.unwrap();
            for row in rows {
                sqlx::query(row).execute(&mut connection).await.unwrap();
            }
            connection.close().await.unwrap();
        }
    }
}

async fn holds_the_old_rows(test: &TestStore, store: &Store, schema: i64) {
    let newest = MIGRATOR.iter().map(|m| m.version).max().unwrap();
    assert_eq!(
        test.sql("SELECT MAX(version) FROM _sqlx_migrations").await,
        newest
    );
    for (count, what) in [
        (2, "connection"),
        (1, "bridge WHERE generation = 3"),
        (1, "source_device WHERE raw = 'raw of an old device'"),
        (1, "link WHERE destination_id = 'a7'"),
        (1, "run_item WHERE state = 'done'"),
        (1, "registry_client WHERE name = 'Old Client'"),
    ] {
        assert_eq!(
            test.sql(&format!("SELECT COUNT(*) FROM {what}")).await,
            count,
            "{what}"
        );
    }
    // What began without a turn has one by its time, and what begins from now on comes after it.
    let by_time = "SELECT COUNT(*) FROM plan p, run r, turn_count t
                   WHERE p.turn = p.created AND r.turn = r.started AND t.last = r.turn";
    assert_eq!(
        test.sql(by_time).await,
        i64::from(schema < TURNS),
        "schema {schema}"
    );
    // And works on.
    store.put_secret("c1", "token", "value").await.unwrap();
    estate::connection(store, "halopsa", "New").await;
    assert!(store.integrity().await.unwrap().starts_with("ok"));
}

#[tokio::test]
async fn every_earlier_schema_comes_up_to_date_with_its_rows() {
    for engine in Engine::available() {
        for migration in MIGRATOR.iter() {
            let schema = migration.version;
            eprintln!("{engine:?}, schema {schema}");
            let test = TestStore::new(engine).await;
            test.close().await;
            make_old(&test, schema).await;
            let store = test.another().await;
            holds_the_old_rows(&test, &store, schema).await;
            store.require_confirmed_instance().await.unwrap();
            store.close().await;
        }
    }
}
