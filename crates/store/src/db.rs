//! One text, two drivers: connections, transactions, and the macros that run a statement on either.

use crate::error::Result;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};

/// The pools of one database.
#[derive(Clone, Debug)]
pub enum Db {
    /// SQLite: many readers, and one writer so that writers of this process queue instead of colliding.
    Sqlite {
        /// Readers.
        read: SqlitePool,
        /// The writer.
        write: SqlitePool,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

/// A connection for reading.
#[derive(Debug)]
pub enum Conn {
    /// SQLite.
    Sqlite(PoolConnection<Sqlite>),
    /// PostgreSQL.
    Postgres(PoolConnection<Postgres>),
}

/// A transaction; dropped without [`Tx::commit`] it leaves nothing.
#[derive(Debug)]
pub enum Tx {
    /// SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// What a statement runs on.
pub(crate) enum Handle<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Db {
    /// A connection for reading.
    pub(crate) async fn read(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { read, .. } => Conn::Sqlite(read.acquire().await?),
            Self::Postgres(pool) => Conn::Postgres(pool.acquire().await?),
        })
    }

    /// A transaction that may write.
    pub(crate) async fn write(&self) -> Result<Tx> {
        Ok(match self {
            // IMMEDIATE takes the write lock now: a transaction that read first could not be made to wait for it.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }
}

impl Conn {
    pub(crate) fn handle(&mut self) -> Handle<'_> {
        match self {
            Self::Sqlite(c) => Handle::Sqlite(c),
            Self::Postgres(c) => Handle::Postgres(c),
        }
    }
}

impl Tx {
    pub(crate) fn handle(&mut self) -> Handle<'_> {
        match self {
            Self::Sqlite(t) => Handle::Sqlite(t),
            Self::Postgres(t) => Handle::Postgres(t),
        }
    }

    /// Makes everything done so far durable.
    ///
    /// # Errors
    /// When the database cannot; then nothing of it stands, unless the connection broke during the commit.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(t) => t.commit().await?,
            Self::Postgres(t) => t.commit().await?,
        }
        Ok(())
    }
}

/// Runs `$body` with `$c` as the native connection of whichever engine it is.
macro_rules! on_either {
    ($on:expr, $c:ident => $body:expr) => {
        match $on.handle() {
            $crate::db::Handle::Sqlite($c) => $body,
            $crate::db::Handle::Postgres($c) => $body,
        }
    };
}

/// Executes a statement; the number of rows it touched.
macro_rules! execute {
    ($on:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        on_either!($on, c => sqlx::query($sql)$(.bind($arg))*.execute(&mut *c).await.map(|done| done.rows_affected()))
            .map_err($crate::error::Error::from)
    };
}

/// All rows of a query as `$row`.
macro_rules! fetch_all {
    ($on:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        on_either!($on, c => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut *c).await)
            .map_err($crate::error::Error::from)
    };
}

/// The first row of a query as `$row`, if there is one.
macro_rules! fetch_optional {
    ($on:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        on_either!($on, c => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut *c).await)
            .map_err($crate::error::Error::from)
    };
}

/// How many rows one multi-row statement holds: far below either engine's limit of bound values, and enough that
/// the round trip no longer counts.
pub(crate) const ROWS_PER_STATEMENT: usize = 64;

/// `prefix VALUES ($1,$2),($3,$4) suffix` for `rows` rows of `columns` values.
pub(crate) fn values_statement(
    prefix: &str,
    columns: usize,
    rows: usize,
    suffix: &str,
) -> sqlx::AssertSqlSafe<String> {
    let mut sql = String::with_capacity(prefix.len() + suffix.len() + rows * columns * 6);
    sql.push_str(prefix);
    sql.push_str(" VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                sql.push(',');
            }
            sql.push('$');
            sql.push_str(&(row * columns + column + 1).to_string());
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(suffix);
    // Safe: built of our own literals and placeholders, never of a value.
    sqlx::AssertSqlSafe(sql)
}

/// Inserts many rows in few statements. `$bind` says, for a query and a row, how the row is bound.
macro_rules! insert_many {
    ($on:expr, $prefix:expr, $columns:expr, $suffix:expr, $rows:expr, |$q:ident, $row:ident| $bind:expr) => {{
        let mut written = 0_u64;
        let mut failed: $crate::error::Result<()> = Ok(());
        for chunk in $rows.chunks($crate::db::ROWS_PER_STATEMENT) {
            let sql = $crate::db::values_statement($prefix, $columns, chunk.len(), $suffix);
            let done = on_either!($on, c => {
                let mut $q = sqlx::query(sql);
                for $row in chunk {
                    $q = $bind;
                }
                $q.execute(&mut *c).await.map(|done| done.rows_affected())
            });
            match done {
                Ok(rows) => written += rows,
                Err(error) => {
                    failed = Err(error.into());
                    break;
                }
            }
        }
        failed.map(|()| written)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_row_by_row() {
        let sql = values_statement("INSERT INTO t (a, b)", 2, 2, "ON CONFLICT DO NOTHING").0;
        assert_eq!(
            sql,
            "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ON CONFLICT DO NOTHING"
        );
    }
}
