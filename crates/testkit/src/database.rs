//! A database that lives as long as its test, and a connection to it past the store.

use crate::engine::Engine;
use crate::postgres::TemporaryDatabase;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::path::Path;
use store::DatabaseUrl;
use tempfile::TempDir;

/// Every version of the schema.
pub static MIGRATOR: Migrator = sqlx::migrate!("../store/migrations");

/// An empty database; dropping it removes it, also after a panic.
#[derive(Debug)]
pub struct TestDatabase {
    url: DatabaseUrl,
    _postgres: Option<TemporaryDatabase>,
    directory: TempDir,
}

impl TestDatabase {
    /// A new one of this engine.
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
        Self {
            url,
            _postgres: postgres,
            directory,
        }
    }

    /// A new one as this version of the schema left it, and a connection to fill it by.
    pub async fn old(engine: Engine, schema: i64) -> (Self, RawConnection) {
        let database = Self::new(engine).await;
        let mut connection = database.connect().await;
        connection.migrate(Some(schema)).await;
        (database, connection)
    }

    /// Where it is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A directory of the test's own; the SQLite database is in it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a statement. Gives the first column of the first row, which must be a whole number, and zero when there are
    /// no rows.
    pub async fn sql(&self, statement: &str) -> i64 {
        let query = AssertSqlSafe(statement.to_owned());
        let mut connection = self.connect().await;
        let row: Result<Option<(i64,)>, sqlx::Error> = match &mut connection {
            RawConnection::Sqlite(connection) => sqlx::query_as(query).fetch_optional(connection).await,
            RawConnection::Postgres(connection) => sqlx::query_as(query).fetch_optional(connection).await,
        };
        let row = row.unwrap_or_else(|error| panic!("{statement}: {error}"));
        connection.close().await;
        row.map_or(0, |(number,)| number)
    }

    async fn connect(&self) -> RawConnection {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
                let connection = SqliteConnection::connect_with(&options).await;
                RawConnection::Sqlite(connection.expect("the database opens"))
            }
            DatabaseUrl::Postgres(address) => {
                let connection = PgConnection::connect(address).await;
                RawConnection::Postgres(connection.expect("the database opens"))
            }
        }
    }
}

/// A connection past the store.
#[derive(Debug)]
pub enum RawConnection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

impl RawConnection {
    /// Brings the schema up to this version, or to the newest.
    pub async fn migrate(&mut self, schema: Option<i64>) {
        let migrated = match self {
            Self::Sqlite(connection) => MIGRATOR.run_direct(schema, connection, false).await,
            Self::Postgres(connection) => MIGRATOR.run_direct(schema, connection, false).await,
        };
        migrated.expect("the migrations run");
    }

    /// Runs a statement.
    pub async fn run(&mut self, statement: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let done = match self {
            Self::Sqlite(connection) => query.execute(connection).await.map(drop),
            Self::Postgres(connection) => query.execute(connection).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Two columns of text.
    pub async fn pairs(&mut self, statement: &str) -> Vec<(String, String)> {
        let query = AssertSqlSafe(statement.to_owned());
        let rows: Result<Vec<(String, String)>, sqlx::Error> = match self {
            Self::Sqlite(connection) => sqlx::query_as(query).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_as(query).fetch_all(connection).await,
        };
        rows.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Ends it, and waits for that.
    pub async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        closed.expect("the connection closes");
    }
}
