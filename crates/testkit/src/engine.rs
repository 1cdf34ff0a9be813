//! Which database engines this machine can test on.

/// The environment variable that names a PostgreSQL server.
const SERVER: &str = "RMMBRIDGE_TEST_POSTGRES";

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the server of `RMMBRIDGE_TEST_POSTGRES`.
    Postgres,
}

impl Engine {
    /// Every engine there is here. Says so on standard error when PostgreSQL is not among them.
    pub fn available() -> Vec<Self> {
        match server() {
            Some(_) => vec![Self::Sqlite, Self::Postgres],
            None => {
                eprintln!(
                    "PostgreSQL SKIPPED: {SERVER} is not set. Set it to the address of a database whose user may create \
                     others, e.g. postgres://postgres@127.0.0.1/postgres, or run scripts/test.sh, which starts a server."
                );
                vec![Self::Sqlite]
            }
        }
    }
}

/// The address of the PostgreSQL server's maintenance database, if there is one.
#[expect(clippy::disallowed_methods, reason = "tests have no other settings")]
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER)
        .ok()
        .filter(|address| !address.trim().is_empty())
}
