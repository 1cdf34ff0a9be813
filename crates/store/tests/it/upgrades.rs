//! Databases of every earlier schema come up to date with their rows: some that mean something, and one of every table.

use crate::estate;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use store::{DatabaseUrl, Store};
use testkit::{Engine, TestStore};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Rows in the words of the first schema, which every later one must take over.
const ROWS: [&str; 11] = [
    "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
     VALUES ('c1', 'ninjaone', 'Old NinjaOne', '{\"state\":\"connected\"}', '{}', FALSE, TRUE, 5, 1)",
    "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
     VALUES ('c2', 'registry', 'Old Registry', '{\"state\":\"connected\"}', '{}', FALSE, FALSE, 5, 1)",
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
    "INSERT INTO plan_operation (plan_id, number, action, kind, source_id, body)
     VALUES ('p1', 2, 'create_asset', 'asset', '8', '{}')",
    "INSERT INTO run_item (run_id, plan_id, number, state, detail, updated)
     VALUES ('r1', 'p1', 2, 'unknown', '{}', 8)",
    "INSERT INTO registry_client (id, name, created) VALUES ('k1', 'Old Client', 4)",
];

/// The schema that has claims: what was unknown before it is in doubt with it.
const CLAIMS: i64 = 2;

/// The schema that has turns.
const TURNS: i64 = 19;

/// A connection past the store.
enum Past {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Past {
    async fn the(test: &TestStore) -> Self {
        match test.url() {
            DatabaseUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            DatabaseUrl::Postgres(address) => Self::Postgres(PgConnection::connect(address).await.unwrap()),
        }
    }

    /// The test's database anew, as version `schema` left it.
    async fn made_old(test: &TestStore, schema: i64) -> Self {
        test.close().await;
        if let DatabaseUrl::Sqlite(path) = test.url() {
            for ending in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
            }
        }
        let mut past = Self::the(test).await;
        if matches!(past, Self::Postgres(_)) {
            past.does("DROP SCHEMA public CASCADE").await;
            past.does("CREATE SCHEMA public").await;
        }
        match &mut past {
            Self::Sqlite(connection) => MIGRATOR.run_to(schema, connection).await.unwrap(),
            Self::Postgres(connection) => MIGRATOR.run_to(schema, connection).await.unwrap(),
        }
        past
    }

    async fn does(&mut self, statement: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let done = match self {
            Self::Sqlite(connection) => query.execute(connection).await.map(drop),
            Self::Postgres(connection) => query.execute(connection).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Two columns of text.
    async fn pairs(&mut self, statement: &str) -> Vec<(String, String)> {
        let statement = AssertSqlSafe(statement.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_as(statement).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_as(statement).fetch_all(connection).await.unwrap(),
        }
    }

    async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }

    /// The tables in the order they were made, each with its columns and their types.
    async fn tables(&mut self) -> Vec<(String, Vec<(String, String)>)> {
        let tables = match self {
            Self::Sqlite(_) => "SELECT name, type FROM sqlite_master WHERE type = 'table' ORDER BY rowid",
            Self::Postgres(_) => {
                "SELECT relname::text, relkind::text FROM pg_class
                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid"
            }
        };
        let mut all = Vec::new();
        for (table, _) in self.pairs(tables).await {
            if table.starts_with("_sqlx") || table.starts_with("sqlite_") {
                continue;
            }
            let columns = match self {
                Self::Sqlite(_) => format!("SELECT name, type FROM pragma_table_info('{table}')"),
                Self::Postgres(_) => format!(
                    "SELECT column_name::text, upper(data_type::text) FROM information_schema.columns
                     WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
                ),
            };
            let columns = self.pairs(&columns).await;
            all.push((table, columns));
        }
        all
    }

    /// One row into every table that takes one: each text is the same, so that each refers to the one row there is.
    async fn fill(&mut self) {
        for (table, columns) in self.tables().await {
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let values = columns.iter().map(|(_, of)| match (of.as_str(), &self) {
                ("TEXT", _) => "'the one'",
                ("BIGINT", _) => "1",
                ("BOOLEAN", _) => "FALSE",
                ("BYTEA", Self::Sqlite(_)) => "x'01'",
                ("BYTEA", Self::Postgres(_)) => r"'\x01'",
                other => panic!("a column of {table} is of a type of its own: {}", other.0),
            });
            let values: Vec<&str> = values.collect();
            self.does(&format!(
                "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
                names.join(", "),
                values.join(", ")
            ))
            .await;
        }
    }

    /// What stands in every column of every table.
    async fn everything(&mut self) -> BTreeMap<(String, String), Vec<String>> {
        let mut all = BTreeMap::new();
        for (table, columns) in self.tables().await {
            for (column, _) in columns {
                let values =
                    format!("SELECT '', COALESCE(CAST({column} AS TEXT), 'none') FROM {table} ORDER BY 2");
                let values = self.pairs(&values).await;
                let values = values.into_iter().map(|(_, value)| value).collect();
                all.insert((table.clone(), column), values);
            }
        }
        all
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
    let in_doubt = "SELECT COUNT(*) FROM write_claim WHERE marker = 'c1/asset/8' AND sent_at = 8";
    assert_eq!(
        test.sql(in_doubt).await,
        i64::from(schema < CLAIMS),
        "schema {schema}"
    );
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
            let mut old = Past::made_old(&test, schema).await;
            let digest = match engine {
                Engine::Sqlite => "x'0102'",
                Engine::Postgres => r"'\x0102'",
            };
            for row in ROWS {
                old.does(&row.replace("DIGEST", digest)).await;
            }
            old.close().await;
            let store = test.another().await;
            holds_the_old_rows(&test, &store, schema).await;
            store.require_confirmed_instance().await.unwrap();
            store.close().await;
        }
    }
}

#[tokio::test]
async fn no_upgrade_changes_or_loses_what_stands_in_any_table() {
    for engine in Engine::available() {
        let test = TestStore::new(engine).await;
        // The text is the same for both, and making a schema takes a server ten times as long.
        let each = match engine {
            Engine::Sqlite => 1,
            Engine::Postgres => 4,
        };
        for migration in MIGRATOR.iter().step_by(each) {
            let schema = migration.version;
            let mut database = Past::made_old(&test, schema).await;
            database.fill().await;
            let before = database.everything().await;
            match &mut database {
                Past::Sqlite(connection) => MIGRATOR.run(connection).await.unwrap(),
                Past::Postgres(connection) => MIGRATOR.run(connection).await.unwrap(),
            }
            let after = database.everything().await;
            database.close().await;
            assert!(before.len() > 80, "{} columns", before.len());
            for ((table, column), values) in before {
                assert!(
                    !values.is_empty(),
                    "{engine:?}, schema {schema}: nothing stood in {table}"
                );
                let now = after.get(&(table.clone(), column.clone()));
                assert_eq!(
                    now,
                    Some(&values),
                    "{engine:?}, schema {schema}: {table}.{column}"
                );
            }
        }
    }
}
