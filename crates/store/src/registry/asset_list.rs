//! The list of assets as people look through it: searched, sorted, a page at a time, with the number of all.

use super::assets::{COLUMNS, RegistryAsset, Row, asset, pattern};
use crate::db::{Conn, ROWS_PER_STATEMENT};
use crate::error::Result;
use crate::open::Store;
use model::RecordId;
use std::collections::BTreeMap;

/// What a list of assets is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssetOrder {
    /// Their names.
    #[default]
    Name,
    /// Their serial numbers.
    Serial,
    /// The names of their clients.
    Client,
    /// When they last changed.
    Updated,
}

impl AssetOrder {
    fn columns(self) -> impl Iterator<Item = &'static str> {
        let columns: &[&str] = match self {
            Self::Name => &["a.name", "a.id"],
            Self::Serial => &["a.serial", "a.id"],
            Self::Client => &["c.name", "c.id", "a.id"],
            Self::Updated => &["a.updated", "a.id"],
        };
        columns.iter().copied()
    }
}

/// A page of a list of assets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetQuery {
    /// Only this client's.
    pub client: Option<RecordId>,
    /// Only assets whose name or serial number contains this, whatever the case; empty for all.
    pub search: String,
    /// The archived ones instead of those in use.
    pub archived: bool,
    /// What they are sorted by.
    pub order: AssetOrder,
    /// From large to small.
    pub descending: bool,
    /// Rows to leave out first.
    pub offset: u64,
    /// Rows of the page.
    pub limit: u64,
}

/// The clients whose assets are on a page sorted by clients.
struct ClientsOnPage {
    clients: Vec<String>,
    /// How many assets of the first of them come before the page.
    before: i64,
    /// How many assets there are on all pages; `None` where the page is beyond the last.
    total: Option<i64>,
}

/// Told by how many assets each client has, without going through all that come before the page. `$1` and `$2` are those
/// of `rule`.
async fn clients_on_page(
    conn: &mut Conn,
    rule: &str,
    direction: &str,
    (client, search, limit, offset): (&str, &str, i64, i64),
) -> Result<ClientsOnPage> {
    let sql = format!(
        "WITH held AS MATERIALIZED
             (SELECT a.client_id, COUNT(*) AS assets FROM registry_asset a WHERE {rule} GROUP BY a.client_id)
         SELECT r.id, CAST(r.upto - r.assets AS BIGINT), (SELECT CAST(SUM(assets) AS BIGINT) FROM held) FROM
             (SELECT c.id, held.assets, SUM(held.assets) OVER (ORDER BY c.name {direction}, c.id {direction}) AS upto
              FROM held JOIN registry_client c ON c.id = held.client_id) r
         WHERE r.upto > $4 AND r.upto - r.assets - $4 < $3 ORDER BY r.upto"
    );
    let shown = fetch_all!(
        conn,
        (String, i64, i64),
        sqlx::AssertSqlSafe(sql),
        client,
        search,
        limit,
        offset
    )?;
    let (earlier, total) = shown
        .first()
        .map_or((0, None), |(_, earlier, total)| (*earlier, Some(*total)));
    Ok(ClientsOnPage {
        clients: shown.into_iter().map(|(client, ..)| client).collect(),
        before: offset - earlier,
        total,
    })
}

impl Store {
    /// A page of the list of assets, and how many there are on all pages.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset_list(&self, query: &AssetQuery) -> Result<(Vec<RegistryAsset>, u64)> {
        let whose = if query.client.is_some() {
            "a.client_id = $1"
        } else {
            "$1 = ''"
        };
        let archived = if query.archived { "IS NOT NULL" } else { "IS NULL" };
        // Where nothing is searched for, an index without what is searched will do.
        let (search, found) = match query.search.trim() {
            "" => (String::new(), "$2 = ''"),
            text => (pattern(text), "a.search LIKE $2 ESCAPE '!'"),
        };
        let rule = format!("{whose} AND a.archived {archived} AND {found}");
        let client = query.client.as_ref().map_or("", RecordId::as_str);
        let direction = if query.descending { "DESC" } else { "ASC" };
        // The ids make the order one: pages neither repeat nor leave out what is alike. They are those of the indexes of
        // migration 0017, out of which alone the page's ids come: its rows are read afterwards.
        let order: Vec<String> = query
            .order
            .columns()
            .map(|column| format!("{column} {direction}"))
            .collect();
        let order = order.join(", ");
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut conn = self.read().await?;
        let ClientsOnPage {
            clients,
            before,
            total: counted,
        } = match query.order {
            AssetOrder::Client => {
                let binds = (client, search.as_str(), number(query.limit), number(query.offset));
                clients_on_page(&mut conn, &rule, direction, binds).await?
            }
            AssetOrder::Name | AssetOrder::Serial | AssetOrder::Updated => ClientsOnPage {
                clients: Vec::new(),
                before: number(query.offset),
                total: None,
            },
        };
        let ids = match query.order {
            AssetOrder::Client => {
                let theirs: Vec<String> = (5..5 + clients.len()).map(|n| format!("${n}")).collect();
                let theirs = if theirs.is_empty() {
                    "NULL".to_owned()
                } else {
                    theirs.join(", ")
                };
                format!(
                    "registry_client c JOIN registry_asset a ON c.id = a.client_id WHERE c.id IN ({theirs}) AND"
                )
            }
            AssetOrder::Name | AssetOrder::Serial | AssetOrder::Updated => {
                "registry_asset a WHERE".to_owned()
            }
        };
        let page = format!(
            "{COLUMNS} WHERE a.id IN (SELECT a.id FROM {ids} {rule} ORDER BY {order} LIMIT $3 OFFSET $4) ORDER BY {order}"
        );
        let rows: Vec<Row> = on_either!(conn, c => {
            let mut page = sqlx::query_as(sqlx::AssertSqlSafe(page.as_str()))
                .bind(client)
                .bind(search.as_str())
                .bind(number(query.limit))
                .bind(before);
            for client in &clients {
                page = page.bind(client.as_str());
            }
            page.fetch_all(&mut *c).await
        })?;
        // A page that is not full is the last. What is rare was looked for in all assets, and is not counted in them again.
        let found = rows.len() as u64;
        let total = if found < query.limit && (found > 0 || query.offset == 0) {
            query.offset + found
        } else if let Some(counted) = counted {
            u64::try_from(counted).unwrap_or(0)
        } else {
            let count = fetch_optional!(
                conn,
                (i64,),
                sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM registry_asset a WHERE {rule}")),
                client,
                search.as_str()
            )?;
            count.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0))
        };
        let rows: Result<Vec<RegistryAsset>> = rows.into_iter().map(asset).collect();
        Ok((rows?, total))
    }

    /// How many assets in use each of these clients has; a client that is not in the answer has none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registry_asset_counts(&self, clients: &[RecordId]) -> Result<BTreeMap<RecordId, u64>> {
        let mut counts = BTreeMap::new();
        let mut conn = self.read().await?;
        for chunk in clients.chunks(ROWS_PER_STATEMENT) {
            let places: Vec<String> = (1..=chunk.len()).map(|n| format!("${n}")).collect();
            let sql = format!(
                "SELECT client_id, COUNT(*) FROM registry_asset
                 WHERE archived IS NULL AND client_id IN ({}) GROUP BY client_id",
                places.join(", ")
            );
            let rows: Vec<(String, i64)> = on_either!(conn, c => {
                let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()));
                for client in chunk {
                    query = query.bind(client.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            let rows = rows.into_iter();
            counts.extend(rows.map(|(client, count)| (RecordId(client), u64::try_from(count).unwrap_or(0))));
        }
        Ok(counts)
    }
}
