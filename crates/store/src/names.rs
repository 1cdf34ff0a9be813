//! What records are called, by their ids: for whoever would read an id otherwise.

use crate::error::Result;
use crate::open::Store;
use crate::packed::OWNERS;
use model::{ConnectionId, RecordId, RecordKind, SourceId};
use std::collections::BTreeMap;

impl Store {
    /// The names of some records of the registry; those that are not there are left out. Assets have theirs among their
    /// fields, and none here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_names(
        &self,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<BTreeMap<RecordId, String>> {
        let table = match kind {
            RecordKind::Client => "registry_client",
            RecordKind::Site => "registry_site",
            RecordKind::AssetType => "registry_asset_type",
            RecordKind::Asset => return Ok(BTreeMap::new()),
        };
        let mut names = BTreeMap::new();
        let mut conn = self.read().await?;
        for some in ids.chunks(OWNERS) {
            let which: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!("SELECT id, name FROM {table} WHERE id IN ({})", which.join(", "));
            let rows: Vec<(String, String)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()));
                for id in some {
                    query = query.bind(id.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            names.extend(rows.into_iter().map(|(id, name)| (RecordId(id), name)));
        }
        Ok(names)
    }

    /// The names of some organizations, locations or roles, by the kind of record they become, as the last complete
    /// snapshot has them; those that are not in it are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn source_names(
        &self,
        connection: &ConnectionId,
        kind: RecordKind,
        ids: &[SourceId],
    ) -> Result<BTreeMap<SourceId, String>> {
        let table = match kind {
            RecordKind::Client => "source_organization",
            RecordKind::Site => "source_location",
            RecordKind::AssetType => "source_role",
            RecordKind::Asset => return Ok(BTreeMap::new()),
        };
        let mut names = BTreeMap::new();
        let mut conn = self.read().await?;
        for some in ids.chunks(OWNERS) {
            let which: Vec<String> = (2..some.len() + 2).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT id, name FROM {table} WHERE connection_id = $1 AND id IN ({})",
                which.join(", ")
            );
            let rows: Vec<(String, String)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(connection.as_str());
                for id in some {
                    query = query.bind(id.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            names.extend(rows.into_iter().map(|(id, name)| (SourceId(id), name)));
        }
        Ok(names)
    }
}
