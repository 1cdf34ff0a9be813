//! An open store on a database that lives as long as its test.

use crate::engine::Engine;
use crate::postgres::TemporaryDatabase;
use crate::{CountingRandom, FixedClock};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::ops::{AsyncFn, Deref};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::vault::MasterKey;
use store::{DatabaseUrl, Store};
use tempfile::TempDir;

/// An open store on a new database, with a clock and randomness that repeat. It can be used as the [`Store`] it
/// holds; dropping it removes the database, also after a panic.
#[derive(Debug)]
pub struct TestStore {
    store: Store,
    clock: Arc<FixedClock>,
    engine: Engine,
    url: DatabaseUrl,
    handles: AtomicU64,
    // Fields are dropped in this order: the pools above before the database below.
    _postgres: Option<TemporaryDatabase>,
    directory: TempDir,
}

impl TestStore {
    /// Runs `story` once for every engine there is here, each time with a new store. Standard error names the engine,
    /// and says why PostgreSQL was skipped where it was.
    pub async fn on_every_engine(story: impl AsyncFn(Self)) {
        for engine in Engine::available() {
            eprintln!("on {engine:?}:");
            story(Self::new(engine).await).await;
        }
    }

    /// A store on a new database of this engine.
    pub async fn new(engine: Engine) -> Self {
        let directory = tempfile::tempdir().expect("the temporary directory can be written to");
        let (url, postgres) = match engine {
            Engine::Sqlite => (DatabaseUrl::Sqlite(directory.path().join("rmmbridge.db")), None),
            Engine::Postgres => {
                let database = TemporaryDatabase::create(directory.path()).await;
                let url = DatabaseUrl::parse(&database.url()).expect("sqlx reads the addresses it writes");
                (url, Some(database))
            }
        };
        let clock = Arc::new(FixedClock::default());
        let store = Store::open(
            &url,
            Self::key(),
            clock.clone(),
            Arc::new(CountingRandom::default()),
        )
        .await
        .expect("a new database opens");
        Self {
            store,
            clock,
            engine,
            url,
            handles: AtomicU64::new(1),
            _postgres: postgres,
            directory,
        }
    }

    /// A store on a new SQLite database.
    pub async fn sqlite() -> Self {
        Self::new(Engine::Sqlite).await
    }

    /// The master key every test store is opened with.
    pub fn key() -> Arc<MasterKey> {
        Self::key_of('7')
    }

    /// The master key of 64 times this hexadecimal digit.
    pub fn key_of(digit: char) -> Arc<MasterKey> {
        let digits = SecretString::from(String::from(digit).repeat(64));
        Arc::new(MasterKey::from_hex(&digits, "a test").expect("a hexadecimal digit was given"))
    }

    /// A second handle on the same database with pools of its own, as another process would have one. Its randomness
    /// counts from elsewhere: two handles never make the same id.
    pub async fn another(&self) -> Store {
        self.open_with(Self::key())
            .await
            .expect("the database opens again")
    }

    /// Opens the same database once more, with this master key.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_with(&self, key: Arc<MasterKey>) -> store::Result<Store> {
        let handle = self.handles.fetch_add(1, Ordering::Relaxed);
        let random = CountingRandom::counting_from(handle << 32);
        Store::open(&self.url, key, self.clock.clone(), Arc::new(random)).await
    }

    /// The clock everything is stamped with; on PostgreSQL leases and turns go by the server's own.
    pub fn clock(&self) -> &FixedClock {
        &self.clock
    }

    /// The engine it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Where the database is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A directory of the test's own; the SQLite database is in it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a statement past the store, to look at what is stored or to break it. Gives the first column of the first
    /// row, which must be a whole number, and zero when there are no rows.
    pub async fn sql(&self, statement: &str) -> i64 {
        let query = AssertSqlSafe(statement.to_owned());
        let row: Result<Option<(i64,)>, sqlx::Error> = match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = SqliteConnection::connect_with(&options)
                    .await
                    .expect("the database opens");
                sqlx::query_as(query).fetch_optional(&mut connection).await
            }
            DatabaseUrl::Postgres(address) => {
                let mut connection = PgConnection::connect(address).await.expect("the database opens");
                sqlx::query_as(query).fetch_optional(&mut connection).await
            }
        };
        row.unwrap_or_else(|error| panic!("{statement}: {error}"))
            .map_or(0, |(number,)| number)
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}
