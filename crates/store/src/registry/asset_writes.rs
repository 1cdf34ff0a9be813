//! Writing assets of the registry.

use super::assets::{COLUMNS, Row, asset};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{micros, plain, text};
use crate::open::Store;
use model::operation::Change;
use model::{Asset, Fields, RecordId};
use serde_json::Value;
use std::borrow::Cow;

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

/// How much of a name the list is sorted by and searched through, in bytes. What PostgreSQL's indexes hold of a row is
/// limited to 2,704 bytes, and a longer name must not be a reason to refuse an asset: its fields keep all of it.
const NAME_SHOWN: usize = 600;
/// The same of a serial number.
const SERIAL_SHOWN: usize = 300;

fn name_of(fields: &Fields) -> Cow<'_, str> {
    start_of(fields, "name", NAME_SHOWN)
}

fn serial_of(fields: &Fields) -> Cow<'_, str> {
    start_of(fields, "serialNumber", SERIAL_SHOWN)
}

fn start_of<'a>(fields: &'a Fields, key: &str, most: usize) -> Cow<'a, str> {
    let text = fields.get(key).and_then(Value::as_str).unwrap_or("");
    let mut text = plain(text);
    if text.len() > most {
        let end = text.floor_char_boundary(most);
        text.to_mut().truncate(end);
    }
    text
}

/// What a search looks through.
fn search_text(fields: &Fields) -> String {
    format!("{}\n{}", name_of(fields), serial_of(fields)).to_lowercase()
}

fn same(a: &Value, b: &Value) -> bool {
    let blank = |v: &Value| v.is_null() || v.as_str().is_some_and(str::is_empty);
    a == b || (blank(a) && blank(b))
}

impl Store {
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
            name_of(&new.fields),
            serial_of(&new.fields),
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
            name_of(&fields),
            serial_of(&fields),
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
