//! The lists of the last complete snapshot besides its devices: organizations, locations and roles.

use crate::db::Tx;
use crate::error::Result;
use crate::json::plain;
use crate::open::Store;
use crate::packed::OWNERS;
use model::{ConnectionId, Location, Organization, Role, SourceId};
use std::collections::{BTreeMap, HashSet};

/// Brings the stored lists to these; the number of rows it took.
pub(crate) async fn write_lists(
    tx: &mut Tx,
    connection: &ConnectionId,
    organizations: &[Organization],
    locations: &[Location],
    roles: &[Role],
) -> Result<u64> {
    let connection = connection.as_str();
    let mut rows = 0;
    rows += insert_many!(
        tx,
        "INSERT INTO source_organization (connection_id, id, name, description)",
        4,
        "ON CONFLICT (connection_id, id) DO UPDATE SET name = excluded.name, description = excluded.description
         WHERE source_organization.name <> excluded.name
            OR COALESCE(source_organization.description, '') <> COALESCE(excluded.description, '')",
        distinct(organizations, |o| &o.id),
        |q, o| q
            .bind(connection)
            .bind(o.id.as_str())
            .bind(plain(&o.name))
            .bind(o.description.as_deref().map(plain))
    )?;
    rows += insert_many!(
        tx,
        "INSERT INTO source_location (connection_id, id, organization_id, name)",
        4,
        "ON CONFLICT (connection_id, id) DO UPDATE SET name = excluded.name, organization_id = excluded.organization_id
         WHERE source_location.name <> excluded.name OR source_location.organization_id <> excluded.organization_id",
        distinct(locations, |l| &l.id),
        |q, l| q.bind(connection).bind(l.id.as_str()).bind(l.organization.as_str()).bind(plain(&l.name))
    )?;
    rows += insert_many!(
        tx,
        "INSERT INTO source_role (connection_id, id, name)",
        3,
        "ON CONFLICT (connection_id, id) DO UPDATE SET name = excluded.name WHERE source_role.name <> excluded.name",
        distinct(roles, |r| &r.id),
        |q, r| q.bind(connection).bind(r.id.as_str()).bind(plain(&r.name))
    )?;
    rows += remove_gone(
        tx,
        "source_organization",
        connection,
        organizations.iter().map(|o| &o.id),
    )
    .await?;
    rows += remove_gone(tx, "source_location", connection, locations.iter().map(|l| &l.id)).await?;
    rows += remove_gone(tx, "source_role", connection, roles.iter().map(|r| &r.id)).await?;
    Ok(rows)
}

/// The records of a list by id. Of one that comes twice the last counts: one statement may not write a row twice.
fn distinct<T>(list: &[T], id: impl Fn(&T) -> &SourceId) -> Vec<&T> {
    let by_id: BTreeMap<&SourceId, &T> = list.iter().map(|record| (id(record), record)).collect();
    by_id.into_values().collect()
}

/// Removes the rows of a list that are not in it any more.
async fn remove_gone(
    tx: &mut Tx,
    table: &'static str,
    connection: &str,
    here: impl Iterator<Item = &SourceId>,
) -> Result<u64> {
    let here: HashSet<&str> = here.map(SourceId::as_str).collect();
    let select = sqlx::AssertSqlSafe(format!("SELECT id FROM {table} WHERE connection_id = $1"));
    let stored = fetch_all!(tx, (String,), select, connection)?;
    let mut rows = 0;
    for (gone,) in stored.into_iter().filter(|(id,)| !here.contains(id.as_str())) {
        let delete = sqlx::AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE connection_id = $1 AND id = $2"
        ));
        rows += execute!(tx, delete, connection, gone.as_str())?;
    }
    Ok(rows)
}

impl Store {
    /// The organizations of the last complete snapshot, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn organizations(&self, connection: &ConnectionId) -> Result<Vec<Organization>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String, Option<String>),
            "SELECT id, name, description FROM source_organization WHERE connection_id = $1 ORDER BY name, id",
            connection.as_str()
        )?;
        Ok(rows
            .into_iter()
            .map(|(id, name, description)| Organization {
                id: SourceId(id),
                name,
                description,
            })
            .collect())
    }

    /// The device roles of the last complete snapshot, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roles(&self, connection: &ConnectionId) -> Result<Vec<Role>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String),
            "SELECT id, name FROM source_role WHERE connection_id = $1 ORDER BY name, id",
            connection.as_str()
        )?;
        Ok(rows
            .into_iter()
            .map(|(id, name)| Role {
                id: SourceId(id),
                name,
            })
            .collect())
    }

    /// The locations of some organizations, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locations(
        &self,
        connection: &ConnectionId,
        organizations: &[SourceId],
    ) -> Result<Vec<Location>> {
        let mut rows: Vec<(String, String, String)> = Vec::new();
        let mut conn = self.read().await?;
        for some in organizations.chunks(OWNERS) {
            let whose: Vec<String> = (2..some.len() + 2).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT id, organization_id, name FROM source_location
                 WHERE connection_id = $1 AND organization_id IN ({}) ORDER BY id",
                whose.join(", ")
            );
            rows.extend(on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(connection.as_str());
                for organization in some {
                    query = query.bind(organization.as_str());
                }
                query.fetch_all(&mut *c).await
            })?);
        }
        Ok(rows
            .into_iter()
            .map(|(id, organization, name)| Location {
                id: SourceId(id),
                organization: SourceId(organization),
                name,
            })
            .collect())
    }
}
