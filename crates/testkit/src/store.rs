//! An open store on a database that lives as long as its test.

use crate::database::TestDatabase;
use crate::engine::Engine;
use crate::{CountingRandom, FixedClock};
use secrecy::SecretString;
use std::ops::{AsyncFn, Deref};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::vault::MasterKey;
use store::{DatabaseUrl, Store};

/// An open store on a new database, with a clock and randomness that repeat. It can be used as the [`Store`] it
/// holds; dropping it removes the database, also after a panic.
#[derive(Debug)]
pub struct TestStore {
    store: Store,
    clock: Arc<FixedClock>,
    handles: AtomicU64,
    // Fields are dropped in this order: the pools above before the database below.
    database: TestDatabase,
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
        Self::on(TestDatabase::new(engine).await).await
    }

    /// A store on this database, whichever version of the schema that is of.
    pub async fn on(database: TestDatabase) -> Self {
        let clock = Arc::new(FixedClock::default());
        let random = Arc::new(CountingRandom::default());
        let store = Store::open(database.url(), Self::key(), clock.clone(), random)
            .await
            .expect("the database opens");
        Self {
            store,
            clock,
            handles: AtomicU64::new(1),
            database,
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
        Store::open(self.url(), key, self.clock.clone(), Arc::new(random)).await
    }

    /// The clock everything is stamped with; on PostgreSQL leases and turns go by the server's own.
    pub fn clock(&self) -> &FixedClock {
        &self.clock
    }

    /// The engine it runs on.
    pub fn engine(&self) -> Engine {
        match self.url() {
            DatabaseUrl::Sqlite(_) => Engine::Sqlite,
            DatabaseUrl::Postgres(_) => Engine::Postgres,
        }
    }

    /// Where the database is.
    pub fn url(&self) -> &DatabaseUrl {
        self.database.url()
    }

    /// A directory of the test's own; the SQLite database is in it.
    pub fn directory(&self) -> &Path {
        self.database.directory()
    }

    /// Runs a statement past the store, to look at what is stored or to break it. Gives the first column of the first
    /// row, which must be a whole number, and zero when there are no rows.
    pub async fn sql(&self, statement: &str) -> i64 {
        self.database.sql(statement).await
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}
