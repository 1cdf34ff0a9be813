//! An upgrade that is killed on its way, or begun by three processes at once: the database comes up to date with every row.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

use harness::child::{End, Program};
use harness::old_hub::first_rows;
use std::path::Path;
use std::time::{Duration, Instant};
use store::DatabaseUrl;
use testkit::{Engine, MIGRATOR, TestDatabase};

/// Rows of a table: so many that a migration that copies or changes them takes a while.
const ROWS: i64 = 20_000;

/// The data of a hub, on either database.
struct Place(TestDatabase);

impl Place {
    /// A hub of the first version.
    async fn old(engine: Engine) -> Self {
        let (database, mut connection) = TestDatabase::old(engine, 1).await;
        for row in first_rows(ROWS) {
            connection.run(&row).await;
        }
        connection.close().await;
        Self(database)
    }

    fn program(&self) -> Program {
        Program {
            path: Path::new(env!("CARGO_BIN_EXE_under-test")).to_owned(),
            data_dir: self.0.directory().to_owned(),
            database: match self.0.url() {
                DatabaseUrl::Sqlite(_) => None,
                DatabaseUrl::Postgres(address) => Some(address.clone()),
            },
            told: vec![],
            jumps: None,
        }
    }

    async fn schema(&self) -> i64 {
        self.0
            .sql("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
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
            let counted = self.0.sql(&format!("SELECT COUNT(*) FROM {what}")).await;
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
