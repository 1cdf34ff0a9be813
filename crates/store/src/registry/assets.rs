//! Assets of the registry.

use crate::error::Result;
use crate::json::{instant, parse};
use crate::open::Store;
use crate::packed::{OWNERS, list, number, owned_by, quoted, quoted_id, unpack};
use jiff::Timestamp;
use model::{Asset, Fields, RecordId};

/// Assets of a page.
const PAGE: usize = 1000;

pub(super) const COLUMNS: &str = "SELECT a.id, a.client_id, a.site_id, a.type_id, a.source_id, a.fields, a.archived, a.updated, \
                       c.name, a.version FROM registry_asset a JOIN registry_client c ON c.id = a.client_id";

pub(super) type Row = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<i64>,
    i64,
    String,
    i64,
);

/// An asset with what a list shows besides.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryAsset {
    /// The asset.
    pub asset: Asset,
    /// The name of its client.
    pub client_name: String,
    /// When it last changed.
    pub updated: Timestamp,
}

/// Which assets to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// Only this client's.
    pub client: Option<RecordId>,
    /// Only assets whose name or serial number contains this, whatever the case.
    pub search: Option<String>,
    /// Also archived ones.
    pub archived: bool,
    /// Only ids above this one.
    pub after: Option<RecordId>,
    /// How many at most.
    pub limit: usize,
}

pub(super) fn asset(row: Row) -> Result<RegistryAsset> {
    let (id, client, site, asset_type, source_id, fields, archived, updated, client_name, _) = row;
    Ok(RegistryAsset {
        asset: Asset {
            id: RecordId(id),
            client: RecordId(client),
            site: site.map(RecordId),
            asset_type: asset_type.map(RecordId),
            source_id,
            fields: parse("fields of an asset", &fields)?,
            archived: archived.map(instant),
        },
        client_name,
        updated: instant(updated),
    })
}

/// Id, client, site, type, source id, archived, fields.
type Packed = (
    RecordId,
    RecordId,
    Option<RecordId>,
    Option<RecordId>,
    Option<String>,
    Option<i64>,
    Fields,
);

fn packed_asset((id, client, site, asset_type, source_id, archived, fields): Packed) -> Asset {
    Asset {
        id,
        client,
        site,
        asset_type,
        source_id,
        fields,
        archived: archived.map(instant),
    }
}

/// The pattern for LIKE … ESCAPE '!' that finds a text anywhere in what a search looks through.
pub(super) fn pattern(text: &str) -> String {
    let escaped = text
        .to_lowercase()
        .replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_");
    format!("%{escaped}%")
}

impl Store {
    /// The assets of a filter, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_assets(&self, filter: &AssetFilter) -> Result<Vec<RegistryAsset>> {
        // One text for each way in, so that each goes by its own index: a client's assets by the client, a list by id.
        let whose = if filter.client.is_some() {
            "a.client_id = $1"
        } else {
            "$1 = ''"
        };
        let sql = format!(
            "{COLUMNS} WHERE {whose} AND a.id > $2 AND ($3 OR a.archived IS NULL)
             AND ($4 = '' OR a.search LIKE $4 ESCAPE '!')
             ORDER BY a.id LIMIT $5"
        );
        let search = filter.search.as_deref().map_or_else(String::new, pattern);
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            Row,
            sqlx::AssertSqlSafe(sql),
            filter.client.as_ref().map_or("", RecordId::as_str),
            filter.after.as_ref().map_or("", RecordId::as_str),
            filter.archived,
            search,
            i64::try_from(filter.limit).unwrap_or(i64::MAX)
        )?;
        rows.into_iter().map(asset).collect()
    }

    /// A page of assets with ids above `after`, archived ones too: all, or one client's. Cheaper than a list for
    /// people ([`Store::registry_assets`]), since planning reads every asset there is. With them comes the id to go on
    /// after, `None` when there are no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset_page(
        &self,
        client: Option<&RecordId>,
        after: Option<&RecordId>,
    ) -> Result<(Vec<Asset>, Option<RecordId>)> {
        let after = after.map_or("", RecordId::as_str);
        let (last, page) = match client {
            Some(client) => {
                let whose = owned_by("a.client_id", "a.id", 1, 1, PAGE);
                self.asset_page(&whose, &[client.as_str(), after]).await?
            }
            None => {
                let whose = format!("a.id > $1 ORDER BY a.id LIMIT {PAGE}");
                self.asset_page(&whose, &[after]).await?
            }
        };
        let last = last.filter(|_| page.len() >= PAGE).map(RecordId);
        Ok((page, last))
    }

    /// The assets of some clients, archived ones too, where they fit into one page; `None` where they do not, and have
    /// to be read one client at a time ([`Store::registry_asset_page`]).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_assets_of(&self, clients: &[RecordId]) -> Result<Option<Vec<Asset>>> {
        if clients.len() < 2 || clients.len() > OWNERS {
            return Ok(None);
        }
        let whose = owned_by("a.client_id", "a.id", 1, clients.len(), PAGE);
        let clients: Vec<&str> = clients.iter().map(RecordId::as_str).collect();
        let (_, page) = self.asset_page(&whose, &clients).await?;
        Ok((page.len() < PAGE).then_some(page))
    }

    async fn asset_page(&self, whose: &str, binds: &[&str]) -> Result<(Option<String>, Vec<Asset>)> {
        let rows = list(&[
            &quoted_id("q.id"),
            &quoted_id("q.client_id"),
            &quoted_id("q.site_id"),
            &quoted_id("q.type_id"),
            &quoted("q.source_id"),
            &number("q.archived"),
            "q.fields",
        ]);
        let sql = format!(
            "SELECT MAX(q.id), {rows}
             FROM (SELECT a.id, a.client_id, a.site_id, a.type_id, a.source_id, a.fields, a.archived
                   FROM registry_asset a WHERE {whose}) q"
        );
        let mut conn = self.read().await?;
        let page: Option<(Option<String>, Option<String>)> = on_either!(conn, c => {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()));
            for bind in binds {
                query = query.bind(*bind);
            }
            query.fetch_optional(&mut *c).await
        })?;
        let (last, rows) = page.unwrap_or_default();
        let rows: Vec<Packed> = unpack("fields of an asset", rows.as_deref())?;
        Ok((last, rows.into_iter().map(packed_asset).collect()))
    }

    /// One asset.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset(&self, id: &RecordId) -> Result<Option<RegistryAsset>> {
        let mut conn = self.read().await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE a.id = $1"));
        fetch_optional!(conn, Row, sql, id.as_str())?
            .map(asset)
            .transpose()
    }

    /// How many assets there are that are not archived.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset_count(&self) -> Result<u64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT COUNT(*) FROM registry_asset WHERE archived IS NULL"
        )?;
        Ok(row.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)))
    }
}
