//! Databases of every earlier schema come up to date with their rows: some that mean something, and one of every table.

use crate::estate;
use std::collections::BTreeMap;
use testkit::{Engine, MIGRATOR, RawConnection, TestDatabase, TestStore};

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

/// The tables in the order they were made, each with its columns and their types.
async fn tables(connection: &mut RawConnection) -> Vec<(String, Vec<(String, String)>)> {
    let tables = match connection {
        RawConnection::Sqlite(_) => {
            "SELECT name, type FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
        }
        RawConnection::Postgres(_) => {
            "SELECT relname::text, relkind::text FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid"
        }
    };
    let mut all = Vec::new();
    for (table, _) in connection.pairs(tables).await {
        if table.starts_with("_sqlx") || table.starts_with("sqlite_") {
            continue;
        }
        let columns = match connection {
            RawConnection::Sqlite(_) => format!("SELECT name, type FROM pragma_table_info('{table}')"),
            RawConnection::Postgres(_) => format!(
                "SELECT column_name::text, upper(data_type::text) FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        let columns = connection.pairs(&columns).await;
        all.push((table, columns));
    }
    all
}

/// One row into every table that takes one: each text is the same, so that each refers to the one row there is.
async fn fill(connection: &mut RawConnection) {
    for (table, columns) in tables(connection).await {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values = columns.iter().map(|(_, of)| match (of.as_str(), &*connection) {
            ("TEXT", _) => "'the one'",
            ("BIGINT", _) => "1",
            ("BOOLEAN", _) => "FALSE",
            ("BYTEA", RawConnection::Sqlite(_)) => "x'01'",
            ("BYTEA", RawConnection::Postgres(_)) => r"'\x01'",
            other => panic!("a column of {table} is of a type of its own: {}", other.0),
        });
        let values: Vec<&str> = values.collect();
        connection
            .run(&format!(
                "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
                names.join(", "),
                values.join(", ")
            ))
            .await;
    }
}

/// What stands in every column of every table.
async fn everything(connection: &mut RawConnection) -> BTreeMap<(String, String), Vec<String>> {
    let mut all = BTreeMap::new();
    for (table, columns) in tables(connection).await {
        for (column, _) in columns {
            let values =
                format!("SELECT '', COALESCE(CAST({column} AS TEXT), 'none') FROM {table} ORDER BY 2");
            let values = connection.pairs(&values).await;
            let values = values.into_iter().map(|(_, value)| value).collect();
            all.insert((table.clone(), column), values);
        }
    }
    all
}

async fn holds_the_old_rows(store: &TestStore, schema: i64) {
    let newest = MIGRATOR.iter().map(|m| m.version).max().unwrap();
    assert_eq!(
        store.sql("SELECT MAX(version) FROM _sqlx_migrations").await,
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
            store.sql(&format!("SELECT COUNT(*) FROM {what}")).await,
            count,
            "{what}"
        );
    }
    let in_doubt = "SELECT COUNT(*) FROM write_claim WHERE marker = 'c1/asset/8' AND sent_at = 8";
    assert_eq!(
        store.sql(in_doubt).await,
        i64::from(schema < CLAIMS),
        "schema {schema}"
    );
    // What began without a turn has one by its time, and what begins from now on comes after it.
    let by_time = "SELECT COUNT(*) FROM plan p, run r, turn_count t
                   WHERE p.turn = p.created AND r.turn = r.started AND t.last = r.turn";
    assert_eq!(
        store.sql(by_time).await,
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
            let (database, mut old) = TestDatabase::old(engine, schema).await;
            let digest = match engine {
                Engine::Sqlite => "x'0102'",
                Engine::Postgres => r"'\x0102'",
            };
            for row in ROWS {
                old.run(&row.replace("DIGEST", digest)).await;
            }
            old.close().await;
            let store = TestStore::on(database).await;
            holds_the_old_rows(&store, schema).await;
            store.require_confirmed_instance().await.unwrap();
        }
    }
}

#[tokio::test]
async fn no_upgrade_changes_or_loses_what_stands_in_any_table() {
    for engine in Engine::available() {
        // The text is the same for both, and making a schema takes a server ten times as long.
        let each = match engine {
            Engine::Sqlite => 1,
            Engine::Postgres => 4,
        };
        for migration in MIGRATOR.iter().step_by(each) {
            let schema = migration.version;
            let (_database, mut connection) = TestDatabase::old(engine, schema).await;
            fill(&mut connection).await;
            let before = everything(&mut connection).await;
            connection.migrate(None).await;
            let after = everything(&mut connection).await;
            connection.close().await;
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
