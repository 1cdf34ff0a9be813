//! An upgrade that is killed on its way, or begun by three processes at once: the database comes up to date with every row.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use harness::child::{End, Program};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::{Engine, TemporaryDatabase};

static MIGRATOR: Migrator = sqlx::migrate!("../crates/store/migrations");

/// Rows of a table: so many that a migration that copies or changes them takes a while.
const ROWS: i64 = 20_000;

/// What stands in the database of the first version: a bridge whose run wrote `ROWS` assets.
fn first_rows() -> Vec<String> {
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT");
    let connection = |id: &str, kind: &str| {
        format!(
            "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
             VALUES ('{id}', '{kind}', 'Old {kind}', '{{\"state\":\"connected\"}}', '{{}}', FALSE, FALSE, 5, 1)"
        )
    };
    vec![
        connection("c1", "ninjaone"),
        connection("c2", "registry"),
        "INSERT INTO bridge (id, name, source_id, destination_id, preset, settings, generation)
         VALUES ('b1', 'old', 'c1', 'c2', 'default', '{}', 3)"
            .to_owned(),
        "INSERT INTO plan (id, bridge_id, snapshot_id, generation, created, counts, warnings, ready)
         VALUES ('p1', 'b1', 's1', 3, 6, '{}', '[]', TRUE)"
            .to_owned(),
        "INSERT INTO run (id, kind, bridge_id, plan_id, state, actor, started, counts)
         VALUES ('r1', 'apply', 'b1', 'p1', '\"finished\"', 'console:old', 7, '{}')"
            .to_owned(),
        format!(
            "INSERT INTO run_item (run_id, plan_id, number, state, detail, updated)
             {numbers} 'r1', 'p1', i, 'done', '{{}}', 8 FROM n"
        ),
        format!(
            "INSERT INTO link (bridge_id, kind, source_id, destination_id, written, updated)
             {numbers} 'b1', 'asset', 'd' || i, 'a' || i, '{{}}', 9 FROM n"
        ),
    ]
}

/// The data of a hub, on either database.
struct Place {
    directory: tempfile::TempDir,
    database: Option<TemporaryDatabase>,
}

impl Place {
    /// A hub of the first version.
    async fn old(engine: Engine) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TemporaryDatabase::create(directory.path()).await),
        };
        let place = Self { directory, database };
        match &place.database {
            None => {
                let mut connection = place.sqlite().await;
                MIGRATOR.run_to(1, &mut connection).await.unwrap();
                for row in first_rows() {
                    let row = sqlx::query(AssertSqlSafe(row));
                    row.execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url()).await.unwrap();
                MIGRATOR.run_to(1, &mut connection).await.unwrap();
                for row in first_rows() {
                    let row = sqlx::query(AssertSqlSafe(row));
                    row.execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
        }
        place
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.directory.path().join("rmmbridge.db"))
            .create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    fn program(&self) -> Program {
        Program {
            path: Path::new(env!("CARGO_BIN_EXE_under-test")).to_owned(),
            data_dir: self.directory.path().to_owned(),
            database: self.database.as_ref().map(TemporaryDatabase::url),
            told: vec![],
            jumps: None,
        }
    }

    async fn number(&self, statement: &str) -> i64 {
        let statement = AssertSqlSafe(statement.to_owned());
        match &self.database {
            None => {
                let mut connection = self.sqlite().await;
                let number = sqlx::query_scalar(statement).fetch_one(&mut connection).await;
                connection.close().await.unwrap();
                number.unwrap()
            }
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url()).await.unwrap();
                sqlx::query_scalar(statement)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }

    async fn schema(&self) -> i64 {
        self.number("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
            .await
    }

    /// Starts the program on it, to its end unless it is killed before.
    async fn starts(&self, kill_after: Option<Duration>) -> End {
        let program = self.program();
        program
            .run(&["connection", "list"], None, kill_after)
            .await
            .unwrap()
    }

    async fn is_up_to_date(&self) {
        assert_eq!(self.schema().await, newest());
        for (what, count) in [
            ("run_item WHERE run_id = 'r1' AND state = 'done'", ROWS),
            ("link WHERE turn = 9", ROWS),
            ("run WHERE turn = 7", 1),
        ] {
            let counted = self.number(&format!("SELECT COUNT(*) FROM {what}")).await;
            assert_eq!(counted, count, "{what}");
        }
    }
}

fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap()
}

/// Kills upgrades at moments spread over the time one takes, each of a hub of its own: at what schema each of them was.
async fn killed(engine: Engine, takes: Duration, moments: impl Iterator<Item = f64>) -> Vec<i64> {
    let mut all = Vec::new();
    for moment in moments {
        let place = Place::old(engine).await;
        let after = takes.mul_f64(moment);
        let ended = place.starts(Some(after)).await;
        assert!(matches!(ended, End::Killed(_) | End::Exited(0, _)), "{ended:?}");
        let reached = place.schema().await;
        eprintln!("{engine:?}: killed after {after:?} at schema {reached}");
        let again = place.starts(None).await;
        assert!(
            matches!(again, End::Exited(0, _)),
            "after a kill at {reached}: {again:?}"
        );
        place.is_up_to_date().await;
        if matches!(ended, End::Killed(_)) {
            all.push(reached);
        }
    }
    all
}

/// How long an upgrade takes that nobody kills.
async fn not_killed(engine: Engine) -> Duration {
    let place = Place::old(engine).await;
    let began = Instant::now();
    let ended = place.starts(None).await;
    let takes = began.elapsed();
    assert!(matches!(ended, End::Exited(0, _)), "{ended:?}");
    place.is_up_to_date().await;
    takes
}

/// All of it is one transaction there.
#[tokio::test]
async fn an_upgrade_on_sqlite_that_is_killed_leaves_all_or_nothing() {
    let takes = not_killed(Engine::Sqlite).await;
    let reached = killed(Engine::Sqlite, takes, (1..7).map(|n| f64::from(n) / 7.0)).await;
    assert!(reached.contains(&1), "no kill came before its end: {reached:?}");
    assert!(reached.iter().all(|at| [1, newest()].contains(at)), "{reached:?}");
}

/// Each step is a transaction there.
#[tokio::test]
async fn an_upgrade_on_postgresql_that_is_killed_goes_on_with_the_next_start() {
    if !Engine::available().contains(&Engine::Postgres) {
        return;
    }
    for pass in 0..5 {
        let takes = not_killed(Engine::Postgres).await;
        let moments = (1..5).map(|n| (f64::from(n) + f64::from(pass) / 5.0) / 5.0);
        let reached = killed(Engine::Postgres, takes, moments).await;
        if reached.iter().any(|at| *at > 1 && *at < newest()) {
            return;
        }
    }
    panic!("no kill met the upgrade on its way");
}

#[tokio::test]
async fn three_processes_that_upgrade_at_once_do_it_once() {
    for engine in Engine::available() {
        let place = Place::old(engine).await;
        let all = (0..3).map(|_| place.starts(None));
        for ended in futures::future::join_all(all).await {
            assert!(matches!(ended, End::Exited(0, _)), "{ended:?}");
        }
        place.is_up_to_date().await;
    }
}
