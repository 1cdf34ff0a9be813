//! Rows as text, the same from both engines: which tables, which columns, one JSON array a row.

use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::open::{MIGRATOR, Store};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Tables that hold who is at work and what is half done: nothing of that is true of a restored database.
const NOT_DATA: [&str; 8] = [
    "consent",
    "lease",
    "one_time_token",
    "provider_sign_in",
    "request_budget",
    "sign_in_failure",
    "source_device_pending",
    "web_session",
];

/// The four types migrations may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    Int,
    Bool,
    Bytes,
}

/// A table as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<(String, ColumnType)>,
}

impl Table {
    pub(crate) fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// `"a", "b"`; names are ours, out of the migrations.
    pub(crate) fn column_list(&self) -> String {
        let quoted: Vec<_> = self
            .columns
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        quoted.join(", ")
    }

    pub(crate) fn select(&self) -> sqlx::AssertSqlSafe<String> {
        // Safe: names out of our own migrations.
        sqlx::AssertSqlSafe(format!("SELECT {} FROM \"{}\"", self.column_list(), self.name))
    }
}

/// The tables our migrations make, in the order they are made, which is one in which rows can be inserted.
fn ours() -> Vec<String> {
    let mut tables: Vec<String> = vec![];
    for migration in MIGRATOR.iter() {
        for line in migration.sql.as_str().lines() {
            let Some(rest) = line.trim_start().strip_prefix("CREATE TABLE ") else {
                continue;
            };
            let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
            let name: String = rest
                .trim_start_matches('"')
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if !tables.contains(&name) {
                tables.push(name);
            }
        }
    }
    tables
}

impl Store {
    /// Our tables that are there, with their columns. A queue library's tables are not among them.
    pub(crate) async fn our_tables(&self, tx: &mut Tx) -> Result<Vec<Table>> {
        let sql = match &self.db {
            Db::Sqlite { .. } => "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
            Db::Postgres(_) => {
                "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
            }
        };
        let mut tables = vec![];
        for name in ours() {
            let rows = fetch_all!(tx, (String, String), sql, name.as_str())?;
            let columns = rows.into_iter().map(|(column, kind)| {
                let kind = match kind.to_ascii_lowercase().as_str() {
                    "bigint" | "integer" => ColumnType::Int,
                    "boolean" => ColumnType::Bool,
                    "bytea" | "blob" => ColumnType::Bytes,
                    _ => ColumnType::Text,
                };
                (column, kind)
            });
            let columns: Vec<_> = columns.collect();
            if !columns.is_empty() {
                tables.push(Table { name, columns });
            }
        }
        Ok(tables)
    }

    /// Those of them whose rows a backup holds.
    pub(crate) async fn data_tables(&self, tx: &mut Tx) -> Result<Vec<Table>> {
        let mut tables = self.our_tables(tx).await?;
        tables.retain(|table| !NOT_DATA.contains(&table.name.as_str()));
        Ok(tables)
    }
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes { b: String },
}

/// A value as the drivers give it, on its way into a line.
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// A cell as a value of the column's type; `None` when it is of another.
    pub(crate) fn of(cell: Cell, kind: ColumnType) -> Option<Self> {
        Some(match (cell, kind) {
            (Cell::Null, ColumnType::Text) => Self::Text(None),
            (Cell::Null, ColumnType::Int) => Self::Int(None),
            (Cell::Null, ColumnType::Bool) => Self::Bool(None),
            (Cell::Null, ColumnType::Bytes) => Self::Bytes(None),
            (Cell::Text(text), ColumnType::Text) => Self::Text(Some(text)),
            (Cell::Int(number), ColumnType::Int) => Self::Int(Some(number)),
            (Cell::Bool(yes), ColumnType::Bool) => Self::Bool(Some(yes)),
            (Cell::Bytes { b }, ColumnType::Bytes) => Self::Bytes(Some(STANDARD.decode(b).ok()?)),
            _ => return None,
        })
    }

    fn write(&self, line: &mut Vec<u8>) -> Result<()> {
        let written = match self {
            Self::Text(Some(text)) => serde_json::to_writer(&mut *line, text),
            Self::Int(Some(number)) => serde_json::to_writer(&mut *line, number),
            Self::Bool(Some(yes)) => serde_json::to_writer(&mut *line, yes),
            Self::Bytes(Some(bytes)) => {
                line.extend_from_slice(b"{\"b\":\"");
                line.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                line.extend_from_slice(b"\"}");
                return Ok(());
            }
            Self::Text(None) | Self::Int(None) | Self::Bool(None) | Self::Bytes(None) => {
                line.extend_from_slice(b"null");
                return Ok(());
            }
        };
        written.map_err(|source| Error::Stored {
            what: "row of a backup",
            source,
        })
    }
}

/// A row as one line, with the line's end.
pub(crate) fn write_row(values: &[Value], line: &mut Vec<u8>) -> Result<()> {
    line.push(b'[');
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            line.push(b',');
        }
        value.write(line)?;
    }
    line.extend_from_slice(b"]\n");
    Ok(())
}

/// Reads every row of a table, calling `$each` with each as a line.
macro_rules! for_each_row {
    ($tx:expr, $table:expr, |$line:ident| $each:expr) => {{
        use futures::TryStreamExt as _;
        use sqlx::Row as _;
        let columns = &$table.columns;
        let mut values = Vec::with_capacity(columns.len());
        let mut buffer: Vec<u8> = vec![];
        on_either!($tx, c => {
            let mut rows = sqlx::query($table.select()).fetch(&mut *c);
            while let Some(row) = rows.try_next().await? {
                values.clear();
                for (number, (_, kind)) in columns.iter().enumerate() {
                    use $crate::backup_rows::{ColumnType, Value};
                    values.push(match kind {
                        ColumnType::Text => Value::Text(row.try_get_unchecked(number)?),
                        ColumnType::Int => Value::Int(row.try_get_unchecked(number)?),
                        ColumnType::Bool => Value::Bool(row.try_get_unchecked(number)?),
                        ColumnType::Bytes => Value::Bytes(row.try_get_unchecked(number)?),
                    });
                }
                buffer.clear();
                $crate::backup_rows::write_row(&values, &mut buffer)?;
                let $line = &buffer;
                $each
            }
        });
    }};
}

/// What stands in the file about a table's rows. It does not depend on their order, which is the engine's affair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub table: String,
    pub rows: u64,
    pub digest: String,
}

/// Counts and digests the rows of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter {
    rows: u64,
    sum: [u64; 4],
}

impl Counter {
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row's line.
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.rows += 1;
        let digest = Sha256::digest(line);
        for (sum, part) in self.sum.iter_mut().zip(digest.as_slice().chunks_exact(8)) {
            let part = part
                .iter()
                .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(part);
        }
    }

    pub(crate) fn counted(&self, table: &str) -> Counted {
        let mut digest = String::with_capacity(64);
        for part in self.sum {
            let _ = write!(digest, "{part:016x}");
        }
        Counted {
            table: table.to_owned(),
            rows: self.rows,
            digest,
        }
    }
}

/// A line of the file that is no row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// The rows of a table follow.
    Table {
        /// Its name.
        name: String,
        /// Its columns, in the order of the rows' values.
        columns: Vec<String>,
    },
    /// The manifest; nothing follows.
    End {
        /// What was written.
        tables: Vec<Counted>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_migrations_is_known_and_parents_come_first() {
        let tables = ours();
        let place = |name: &str| tables.iter().position(|t| t == name).unwrap();
        assert!(place("connection") < place("bridge") && place("bridge") < place("link"));
        assert!(tables.iter().any(|t| t == "instance"));
        let made: usize = MIGRATOR
            .iter()
            .map(|m| m.sql.as_str().matches("CREATE TABLE").count())
            .sum();
        assert_eq!(tables.len(), made);
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let values = [
            Value::Text(Some("line\nbreak \"quoted\" \u{1f600}".to_owned())),
            Value::Text(None),
            Value::Int(Some(i64::MIN)),
            Value::Bool(Some(true)),
            Value::Bytes(Some(vec![0, 255, 10])),
        ];
        let mut line = vec![];
        write_row(&values, &mut line).unwrap();
        assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        let cells: Vec<Cell> = serde_json::from_slice(&line).unwrap();
        let kinds = [
            ColumnType::Text,
            ColumnType::Text,
            ColumnType::Int,
            ColumnType::Bool,
            ColumnType::Bytes,
        ];
        let again: Vec<_> = cells
            .into_iter()
            .zip(kinds)
            .map(|(cell, kind)| Value::of(cell, kind).unwrap())
            .collect();
        let mut second = vec![];
        write_row(&again, &mut second).unwrap();
        assert_eq!(line, second);
        assert!(Value::of(Cell::Text("1".to_owned()), ColumnType::Int).is_none());
    }

    #[test]
    fn the_digest_tells_rows_apart_and_not_their_order() {
        let digest = |lines: &[&str]| {
            let mut counter = Counter::default();
            lines.iter().for_each(|line| counter.add(line.as_bytes()));
            counter.counted("t")
        };
        assert_eq!(digest(&["[1]\n", "[2]\n"]), digest(&["[2]\n", "[1]\n"]));
        assert_ne!(digest(&["[1]\n", "[2]\n"]), digest(&["[1]\n", "[3]\n"]));
        assert_ne!(digest(&["[1]\n"]), digest(&["[1]\n", "[1]\n"]));
    }
}
