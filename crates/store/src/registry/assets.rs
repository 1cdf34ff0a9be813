//! Assets of the registry.

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use crate::packed::{OWNERS, list, number, owned_by, quoted, quoted_id, unpack};
use jiff::Timestamp;
use model::operation::Change;
use model::{Asset, Fields, RecordId};
use serde_json::Value;
use std::borrow::Cow;

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

/// An asset to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRegistryAsset {
    /// Its client.
    pub client: RecordId,
    /// Its site.
    pub site: Option<RecordId>,
    /// Its type.
    pub asset_type: Option<RecordId>,
    /// The source's device id.
    pub source_id: Option<String>,
    /// Our mark, for assets a bridge creates.
    pub marker: Option<String>,
    /// Its fields.
    pub fields: Fields,
}

/// A change of an asset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssetUpdate {
    /// Fields to change; each `before` must still stand.
    pub changes: Vec<Change>,
    /// Its new client.
    pub client: Option<RecordId>,
    /// Its new site, or none.
    pub site: Option<Option<RecordId>>,
    /// Its new type.
    pub asset_type: Option<RecordId>,
    /// The source's device id, or none.
    pub source_id: Option<Option<String>>,
    /// Into the archive, or out of it.
    pub archived: Option<bool>,
}

/// Why an asset was not changed.
#[derive(Debug)]
pub enum UpdateRefused {
    /// A field is not what the change was made against.
    Changed(String),
    /// The database failed, or there is no such asset.
    Failed(Error),
}

impl From<Error> for UpdateRefused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
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

fn text_of<'a>(fields: &'a Fields, key: &str) -> Cow<'a, str> {
    plain(fields.get(key).and_then(Value::as_str).unwrap_or(""))
}

/// What a search looks through.
fn search_text(fields: &Fields) -> String {
    format!("{}\n{}", text_of(fields, "name"), text_of(fields, "serialNumber")).to_lowercase()
}

fn same(a: &Value, b: &Value) -> bool {
    let blank = |v: &Value| v.is_null() || v.as_str().is_some_and(str::is_empty);
    a == b || (blank(a) && blank(b))
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

    /// Adds assets, each answered by itself, all durable together. A marker that is there already gives the asset
    /// that carries it.
    ///
    /// # Errors
    /// When the database fails as a whole.
    pub async fn add_registry_assets(&self, new: &[NewRegistryAsset]) -> Result<Vec<Result<RecordId>>> {
        let mut tx = self.write().await?;
        let mut answers = Vec::with_capacity(new.len());
        for asset in new {
            execute!(tx, "SAVEPOINT record")?;
            let answer = self.add_asset(&mut tx, asset).await;
            let named = (
                Some(&asset.client),
                asset.site.as_ref(),
                asset.asset_type.as_ref(),
            );
            answers.push(settle(&mut tx, answer, named).await?);
        }
        tx.commit().await?;
        Ok(answers)
    }

    async fn add_asset(&self, tx: &mut Tx, new: &NewRegistryAsset) -> Result<RecordId> {
        if let Some(marker) = &new.marker {
            let row = fetch_optional!(
                tx,
                (String,),
                "SELECT id FROM registry_asset WHERE marker = $1",
                marker.as_str()
            )?;
            if let Some((id,)) = row {
                return Ok(RecordId(id));
            }
        }
        let id = self.new_id().to_string();
        let now = micros(self.clock.now());
        execute!(
            tx,
            "INSERT INTO registry_asset (id, client_id, site_id, type_id, source_id, marker, name, serial, search, fields,
                 created, updated, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1)",
            id.as_str(),
            new.client.as_str(),
            new.site.as_ref().map(RecordId::as_str),
            new.asset_type.as_ref().map(RecordId::as_str),
            new.source_id.as_deref(),
            new.marker.as_deref(),
            text_of(&new.fields, "name"),
            text_of(&new.fields, "serialNumber"),
            search_text(&new.fields),
            text("fields of an asset", &new.fields)?,
            now
        )?;
        Ok(RecordId(id))
    }

    /// Changes assets, each answered by itself, all durable together.
    ///
    /// # Errors
    /// When the database fails as a whole.
    pub async fn update_registry_assets(
        &self,
        updates: &[(RecordId, AssetUpdate)],
    ) -> Result<Vec<Result<(), UpdateRefused>>> {
        let mut tx = self.write().await?;
        let mut answers = Vec::with_capacity(updates.len());
        for (id, update) in updates {
            execute!(tx, "SAVEPOINT record")?;
            let answer = match self.update_asset(&mut tx, id, update).await {
                Ok(()) => Ok(Ok(())),
                Err(UpdateRefused::Changed(why)) => Ok(Err(UpdateRefused::Changed(why))),
                Err(UpdateRefused::Failed(error)) => Err(error),
            };
            let site = update.site.as_ref().and_then(Option::as_ref);
            let named = (update.client.as_ref(), site, update.asset_type.as_ref());
            let answer = settle(&mut tx, answer, named).await?;
            answers.push(answer.unwrap_or_else(|error| Err(UpdateRefused::Failed(error))));
        }
        tx.commit().await?;
        Ok(answers)
    }

    async fn update_asset(
        &self,
        tx: &mut Tx,
        id: &RecordId,
        update: &AssetUpdate,
    ) -> Result<(), UpdateRefused> {
        let row = fetch_optional!(
            tx,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE a.id = $1")),
            id.as_str()
        )?;
        let Some(row) = row else {
            return Err(Error::Missing {
                what: "asset",
                name: id.to_string(),
            }
            .into());
        };
        let version = row.9;
        let Asset {
            mut fields,
            client,
            site,
            asset_type,
            source_id,
            archived,
            ..
        } = asset(row)?.asset;
        for change in &update.changes {
            let now = fields.get(&change.field).unwrap_or(&Value::Null);
            if !same(now, &change.before) {
                let field = &change.field;
                return Err(UpdateRefused::Changed(format!(
                    "{field} was {} when the plan was made and is {now} now",
                    change.before
                )));
            }
            if change.after.is_null() {
                fields.remove(&change.field);
            } else {
                fields.insert(change.field.clone(), change.after.clone());
            }
        }
        let now = self.clock.now();
        let client = update.client.clone().unwrap_or(client);
        let site = update.site.clone().unwrap_or(site);
        let asset_type = update.asset_type.clone().or(asset_type);
        let source_id = update.source_id.clone().unwrap_or(source_id);
        let archived = match update.archived {
            Some(true) => archived.or(Some(now)),
            Some(false) => None,
            None => archived,
        };
        let rows = execute!(
            tx,
            "UPDATE registry_asset SET client_id = $1, site_id = $2, type_id = $3, source_id = $4, name = $5, serial = $6,
                 search = $7, fields = $8, archived = $9, updated = $10, version = version + 1
             WHERE id = $11 AND version = $12",
            client.as_str(),
            site.as_ref().map(RecordId::as_str),
            asset_type.as_ref().map(RecordId::as_str),
            source_id.as_deref(),
            text_of(&fields, "name"),
            text_of(&fields, "serialNumber"),
            search_text(&fields),
            text("fields of an asset", &fields)?,
            archived.map(micros),
            micros(now),
            id.as_str(),
            version
        )?;
        if rows == 0 {
            return Err(UpdateRefused::Changed(
                "it was changed by somebody else at the same moment".to_owned(),
            ));
        }
        Ok(())
    }
}

/// The client, site and asset type a write named.
type Named<'a> = (Option<&'a RecordId>, Option<&'a RecordId>, Option<&'a RecordId>);

/// Keeps what was done since the savepoint `record`, or undoes it when it failed for a reason of its own: on
/// PostgreSQL a refused statement ends the whole transaction otherwise. Any other failure ends the batch.
async fn settle<T>(tx: &mut Tx, answer: Result<T>, named: Named<'_>) -> Result<Result<T>> {
    let answer = match answer {
        Ok(done) => Ok(done),
        Err(error) if error.is_about_the_record() => {
            execute!(tx, "ROLLBACK TO SAVEPOINT record")?;
            Err(match error.is_foreign_key_violation() {
                true => missing(tx, named).await?.unwrap_or(error),
                false => error,
            })
        }
        Err(error) => return Err(error),
    };
    execute!(tx, "RELEASE SAVEPOINT record")?;
    Ok(answer)
}

/// Which of the named records is not there.
async fn missing(tx: &mut Tx, (client, site, asset_type): Named<'_>) -> Result<Option<Error>> {
    for (what, id, sql) in [
        ("client", client, "SELECT id FROM registry_client WHERE id = $1"),
        ("site", site, "SELECT id FROM registry_site WHERE id = $1"),
        (
            "asset type",
            asset_type,
            "SELECT id FROM registry_asset_type WHERE id = $1",
        ),
    ] {
        if let Some(id) = id
            && fetch_optional!(tx, (String,), sql, id.as_str())?.is_none()
        {
            let name = id.to_string();
            return Ok(Some(Error::Missing { what, name }));
        }
    }
    Ok(None)
}
