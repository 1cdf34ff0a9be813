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
        let ids: Vec<&str> = ids.iter().map(RecordId::as_str).collect();
        let rows = self.named(table, "", &ids).await?;
        Ok(rows.into_iter().map(|(id, name)| (RecordId(id), name)).collect())
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
        let ids: Vec<&str> = ids.iter().map(SourceId::as_str).collect();
        let rows = self.named(table, connection.as_str(), &ids).await?;
        Ok(rows.into_iter().map(|(id, name)| (SourceId(id), name)).collect())
    }

    /// Names by id out of a table of ours; of this connection alone where the table is a source's.
    async fn named(&self, table: &str, connection: &str, ids: &[&str]) -> Result<Vec<(String, String)>> {
        let whose = match connection {
            "" => "$1 = ''",
            _ => "connection_id = $1",
        };
        let mut names = Vec::new();
        let mut conn = self.read().await?;
        for some in ids.chunks(OWNERS) {
            let which: Vec<String> = (2..some.len() + 2).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT id, name FROM {table} WHERE {whose} AND id IN ({})",
                which.join(", ")
            );
            let rows: Vec<(String, String)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(connection);
                for id in some {
                    query = query.bind(*id);
                }
                query.fetch_all(&mut *c).await
            })?;
            names.extend(rows);
        }
        Ok(names)
    }
}
