//! A PostgreSQL database that lives as long as its test.

use crate::engine::server;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tells the databases of one test process apart.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A database made for one test; dropping it drops the database, whoever is still connected.
#[derive(Debug)]
pub struct TemporaryDatabase {
    maintenance: PgConnectOptions,
    name: String,
}

impl TemporaryDatabase {
    /// Makes an empty one. `directory`, which is the test's alone, lends it its name.
    ///
    /// # Panics
    /// When `RMMBRIDGE_TEST_POSTGRES` names no server, or one whose user may not create databases.
    pub async fn create(directory: &Path) -> Self {
        let address = server().expect("RMMBRIDGE_TEST_POSTGRES is set: ask Engine::available first");
        let maintenance =
            PgConnectOptions::from_str(&address).expect("RMMBRIDGE_TEST_POSTGRES is a PostgreSQL address");
        let unique: String = directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let database = Self {
            name: format!(
                "rmmbridge_test_{}_{}_{unique}",
                std::process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            ),
            maintenance,
        };
        database
            .run(format!("CREATE DATABASE \"{}\"", database.name))
            .await
            .expect("the user of RMMBRIDGE_TEST_POSTGRES may create databases");
        database
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.maintenance
            .clone()
            .database(&self.name)
            .to_url_lossy()
            .into()
    }

    async fn run(&self, statement: String) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.maintenance).await?;
        connection.execute(AssertSqlSafe(statement)).await?;
        connection.close().await
    }
}

impl Drop for TemporaryDatabase {
    fn drop(&mut self) {
        // A thread and a runtime of its own: this must also work while a panic unwinds a runtime's own task.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let dropped = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(sqlx::Error::Io)
                    .and_then(|runtime| {
                        runtime.block_on(self.run(format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name)))
                    });
                if let Err(error) = dropped {
                    eprintln!("The test database {} could not be dropped: {error}", self.name);
                }
            });
        });
    }
}
