//! Clients of the registry and their sites.

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{micros, plain};
use crate::open::Store;
use crate::packed::{OWNERS, list, quoted, quoted_id, unpack};
use model::{Client, RecordId, RecordKind, Site};

/// Clients read at once.
const PAGE: usize = 2000;

/// A client to be added.
#[derive(Clone, Debug, Default)]
pub struct NewRegistryClient {
    /// Its name.
    pub name: String,
    /// The source's organization id.
    pub source_id: Option<String>,
    /// Our mark, for clients a bridge creates.
    pub marker: Option<String>,
}

impl Store {
    /// All clients, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_clients(&self) -> Result<Vec<Client>> {
        let rows = list(&[&quoted_id("q.id"), &quoted("q.name"), &quoted("q.source_id")]);
        let sql = format!(
            "SELECT MAX(q.id), {rows}
             FROM (SELECT id, name, source_id FROM registry_client WHERE id > $1 ORDER BY id LIMIT {PAGE}) q"
        );
        let mut conn = self.read().await?;
        let mut clients: Vec<Client> = Vec::new();
        let mut after = String::new();
        loop {
            let page = fetch_optional!(
                conn,
                (Option<String>, Option<String>),
                sqlx::AssertSqlSafe(sql.as_str()),
                after.as_str()
            )?;
            let Some((Some(last), page)) = page else { break };
            let page: Vec<(String, String, Option<String>)> = unpack("clients", page.as_deref())?;
            clients.extend(page.into_iter().map(|(id, name, source_id)| Client {
                id: RecordId(id),
                name,
                source_id,
            }));
            after = last;
        }
        clients.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(clients)
    }

    /// One client.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_client(&self, id: &RecordId) -> Result<Option<Client>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (String, String, Option<String>),
            "SELECT id, name, source_id FROM registry_client WHERE id = $1",
            id.as_str()
        )?;
        Ok(row.map(|(id, name, source_id)| Client {
            id: RecordId(id),
            name,
            source_id,
        }))
    }

    /// Adds clients, together. A marker that is there already gives the client that carries it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_registry_clients(&self, new: &[NewRegistryClient]) -> Result<Vec<RecordId>> {
        let mut tx = self.write().await?;
        let mut ids = Vec::with_capacity(new.len());
        for client in new {
            let id = self.new_id().to_string();
            let added = execute!(
                tx,
                "INSERT INTO registry_client (id, name, source_id, marker, created) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (marker) DO NOTHING",
                id.as_str(),
                plain(&client.name),
                client.source_id.as_deref(),
                client.marker.as_deref(),
                micros(self.clock.now())
            )?;
            ids.push(if added == 1 {
                RecordId(id)
            } else {
                let row = fetch_optional!(
                    tx,
                    (String,),
                    "SELECT id FROM registry_client WHERE marker = $1",
                    client.marker.as_deref()
                )?;
                RecordId(row.map(|(id,)| id).unwrap_or_default())
            });
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// The sites of some clients, each client's by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_sites(&self, clients: &[RecordId]) -> Result<Vec<Site>> {
        let mut rows: Vec<(String, String, String)> = Vec::new();
        let mut conn = self.read().await?;
        for some in clients.chunks(OWNERS) {
            let whose: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT id, client_id, name FROM registry_site WHERE client_id IN ({}) ORDER BY name, id",
                whose.join(", ")
            );
            rows.extend(on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()));
                for client in some {
                    query = query.bind(client.as_str());
                }
                query.fetch_all(&mut *c).await
            })?);
        }
        Ok(rows
            .into_iter()
            .map(|(id, client, name)| Site {
                id: RecordId(id),
                client: RecordId(client),
                name,
            })
            .collect())
    }

    /// Adds a site. A marker that is there already gives the site that carries it.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such client, or when the database fails.
    pub async fn add_registry_site(
        &self,
        client: &RecordId,
        name: &str,
        marker: Option<&str>,
    ) -> Result<RecordId> {
        let mut tx = self.write().await?;
        must_exist(&mut tx, client).await?;
        let id = self.new_id().to_string();
        let added = execute!(
            tx,
            "INSERT INTO registry_site (id, client_id, name, marker, created) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (marker) DO NOTHING",
            id.as_str(),
            client.as_str(),
            plain(name),
            marker,
            micros(self.clock.now())
        )?;
        let id = if added == 1 {
            id
        } else {
            let row = fetch_optional!(
                tx,
                (String,),
                "SELECT id FROM registry_site WHERE marker = $1",
                marker
            )?;
            row.map(|(id,)| id).unwrap_or_default()
        };
        tx.commit().await?;
        Ok(RecordId(id))
    }

    /// The records that carry a marker.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_find(&self, kind: RecordKind, marker: &str) -> Result<Vec<RecordId>> {
        let sql = match kind {
            RecordKind::Client => "SELECT id FROM registry_client WHERE marker = $1",
            RecordKind::Site => "SELECT id FROM registry_site WHERE marker = $1",
            RecordKind::AssetType => "SELECT id FROM registry_asset_type WHERE marker = $1",
            RecordKind::Asset => "SELECT id FROM registry_asset WHERE marker = $1",
        };
        let mut conn = self.read().await?;
        let rows = fetch_all!(conn, (String,), sql, marker)?;
        Ok(rows.into_iter().map(|(id,)| RecordId(id)).collect())
    }
}

/// [`Error::Missing`] when there is no such client.
pub(super) async fn must_exist(tx: &mut Tx, client: &RecordId) -> Result<()> {
    let known = fetch_optional!(
        tx,
        (String,),
        "SELECT id FROM registry_client WHERE id = $1",
        client.as_str()
    )?;
    match known {
        Some(_) => Ok(()),
        None => Err(Error::Missing {
            what: "client",
            name: client.to_string(),
        }),
    }
}
