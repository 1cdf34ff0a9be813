//! Keys of programs that use the API, by the digest of each.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, plain, text};
use crate::open::Store;
use jiff::Timestamp;
use model::{ActorRole, ApiKey, KeyScope};
use serde_json::json;

const COLUMNS: &str =
    "SELECT k.id, k.name, k.prefix, k.scopes, k.made_by, k.created, k.expires, k.used, p.name
     FROM api_key k LEFT JOIN person p ON p.id = k.person_id";

type Row = (
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    Option<String>,
);

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// The digest of the whole.
    pub digest: String,
    /// The person whose it is; `None` for the hub's own.
    pub person: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<KeyScope>,
    /// When it stops working.
    pub expires: Timestamp,
}

/// A key as it is held against what a program showed.
#[derive(Clone, Debug)]
pub struct StoredApiKey {
    /// The key.
    pub key: ApiKey,
    /// The digest of the whole.
    pub digest: String,
    /// What whose key it is may do; `None` when they may not sign in any more. A key of the hub's own may do all.
    pub role: Option<ActorRole>,
}

fn key(row: Row) -> Result<ApiKey> {
    let (id, name, prefix, scopes, made_by, created, expires, used, person) = row;
    Ok(ApiKey {
        id,
        name,
        prefix,
        person,
        scopes: parse("scopes of an API key", &scopes)?,
        made_by,
        created: instant(created),
        expires: instant(expires),
        used: used.map(instant),
    })
}

impl Store {
    /// Adds a key.
    ///
    /// # Errors
    /// [`Error::Taken`], or when the database fails.
    pub async fn add_api_key(&self, new: NewApiKey) -> Result<ApiKey> {
        let id = self.new_id().to_string();
        let mut tx = self.write().await?;
        let added = execute!(
            tx,
            "INSERT INTO api_key (id, name, prefix, digest, person_id, scopes, made_by, created, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id.as_str(),
            plain(&new.name),
            new.prefix.as_str(),
            new.digest.as_str(),
            new.person.as_deref(),
            text("scopes of an API key", &new.scopes)?,
            self.actor.as_ref(),
            micros(self.clock.now()),
            micros(new.expires)
        );
        match added {
            Err(error) if error.is_unique_violation() => {
                return Err(Error::Taken {
                    what: "API key",
                    name: new.name,
                });
            }
            other => other?,
        };
        let note = Note::new("key.made", &new.name).with(json!({
            "id": id, "prefix": new.prefix, "person": new.person, "scopes": new.scopes, "expires": new.expires,
        }));
        self.note(&mut tx, &[note]).await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE k.id = $1"));
        let row = fetch_optional!(tx, Row, sql, id.as_str())?;
        let row = row.ok_or(Error::Missing {
            what: "API key",
            name: new.name,
        })?;
        tx.commit().await?;
        key(row)
    }

    /// All keys, or those of one person, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_keys(&self, person: Option<&str>) -> Result<Vec<ApiKey>> {
        let mut conn = self.read().await?;
        let sql = sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE $1 IS NULL OR k.person_id = $1 ORDER BY k.name"
        ));
        let rows = fetch_all!(conn, Row, sql, person)?;
        rows.into_iter().map(key).collect()
    }

    /// The key that begins so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_key_of(&self, prefix: &str) -> Result<Option<StoredApiKey>> {
        let mut conn = self.read().await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE k.prefix = $1"));
        let Some(row) = fetch_optional!(conn, Row, sql, prefix)? else {
            return Ok(None);
        };
        let rest = fetch_optional!(
            conn,
            (String, Option<String>, Option<bool>),
            "SELECT k.digest, p.role, p.disabled FROM api_key k LEFT JOIN person p ON p.id = k.person_id
             WHERE k.prefix = $1",
            prefix
        )?;
        let Some((digest, role, disabled)) = rest else {
            return Ok(None);
        };
        let role = match (role, disabled) {
            (None, _) => Some(ActorRole::Owner),
            (Some(_), Some(true)) => None,
            (Some(role), _) => Some(parse("role of a person", &role)?),
        };
        Ok(Some(StoredApiKey {
            key: key(row)?,
            digest,
            role,
        }))
    }

    /// Notes that a key was used just now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_api_key(&self, id: &str) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "UPDATE api_key SET used = $1 WHERE id = $2",
            micros(self.clock.now()),
            id
        )?;
        tx.commit().await
    }

    /// Removes a key: of this person, or of anybody. It works no more from here on.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn remove_api_key(&self, id: &str, person: Option<&str>) -> Result<()> {
        let mut tx = self.write().await?;
        let row = fetch_optional!(
            tx,
            (String, String),
            "DELETE FROM api_key WHERE id = $1 AND ($2 IS NULL OR person_id = $2) RETURNING name, prefix",
            id,
            person
        )?;
        let (name, prefix) = row.ok_or_else(|| Error::Missing {
            what: "API key",
            name: id.to_owned(),
        })?;
        let note = Note::new("key.revoked", name).with(json!({ "id": id, "prefix": prefix }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }
}
