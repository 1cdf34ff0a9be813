//! Asset types of the registry and their groups.

use crate::error::Result;
use crate::json::plain;
use crate::open::Store;
use model::{AssetType, RecordId};

impl Store {
    /// All asset types, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset_types(&self) -> Result<Vec<AssetType>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String, Option<String>),
            "SELECT t.id, t.name, g.name FROM registry_asset_type t LEFT JOIN registry_asset_group g ON g.id = t.group_id
             ORDER BY t.name, t.id"
        )?;
        Ok(rows
            .into_iter()
            .map(|(id, name, group)| AssetType {
                id: RecordId(id),
                name,
                group,
            })
            .collect())
    }

    /// Adds an asset type, and its group when it is missing. A marker that is there already gives the type that
    /// carries it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_registry_asset_type(
        &self,
        name: &str,
        group: Option<&str>,
        marker: Option<&str>,
    ) -> Result<RecordId> {
        let mut tx = self.write().await?;
        let group = match group {
            None => None,
            Some(group) => {
                let group = plain(group);
                execute!(
                    tx,
                    "INSERT INTO registry_asset_group (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                    self.new_id().to_string(),
                    &*group
                )?;
                fetch_optional!(
                    tx,
                    (String,),
                    "SELECT id FROM registry_asset_group WHERE name = $1",
                    &*group
                )?
            }
        };
        let id = self.new_id().to_string();
        let added = execute!(
            tx,
            "INSERT INTO registry_asset_type (id, name, group_id, marker) VALUES ($1, $2, $3, $4)
             ON CONFLICT (marker) DO NOTHING",
            id.as_str(),
            plain(name),
            group.map(|(id,)| id),
            marker
        )?;
        let id = if added == 1 {
            id
        } else {
            let row = fetch_optional!(
                tx,
                (String,),
                "SELECT id FROM registry_asset_type WHERE marker = $1",
                marker
            )?;
            row.map(|(id,)| id).unwrap_or_default()
        };
        tx.commit().await?;
        Ok(RecordId(id))
    }
}
