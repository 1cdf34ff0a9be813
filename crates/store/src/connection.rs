//! Connections and their secrets.

use crate::audit::Note;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::json::{instant, micros, parse, text};
use crate::open::Store;
use model::{Connection, ConnectionId, ConnectionState};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;

const COLUMNS: &str = "SELECT id, kind, name, state, settings, read_only, allow_private_hosts, created, last_success, version FROM connection";

type Row = (
    String,
    String,
    String,
    String,
    String,
    bool,
    bool,
    i64,
    Option<i64>,
    i64,
);

/// A connection to be made.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The connector's name.
    pub kind: String,
    /// What people will call it.
    pub name: String,
    /// Where it stands at first.
    pub state: ConnectionState,
    /// The connector's settings.
    pub settings: serde_json::Value,
    /// Whether private and loopback hosts are allowed.
    pub allow_private_hosts: bool,
}

fn connection(row: Row) -> Result<Connection> {
    let (id, kind, name, state, settings, read_only, allow_private_hosts, created, last_success, version) =
        row;
    Ok(Connection {
        id: ConnectionId(id),
        kind,
        name,
        state: parse("state of a connection", &state)?,
        settings: parse("settings of a connection", &settings)?,
        read_only,
        allow_private_hosts,
        created: instant(created),
        last_success: last_success.map(instant),
        version,
    })
}

/// What the log keeps of a connection: never a secret, only which were given.
fn note(action: &'static str, connection: &Connection, secrets: &BTreeMap<String, SecretString>) -> Note {
    Note::new(action, &connection.name).with(json!({
        "id": connection.id,
        "kind": connection.kind,
        "settings": connection.settings,
        "read_only": connection.read_only,
        "allow_private_hosts": connection.allow_private_hosts,
        "secrets_given": secrets.keys().collect::<Vec<_>>(),
    }))
}

impl Store {
    /// All connections, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connections(&self) -> Result<Vec<Connection>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(conn, Row, sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY name")))?;
        rows.into_iter().map(connection).collect()
    }

    /// The connection of that id.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Connection> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")),
            id.as_str()
        )?;
        connection(row.ok_or_else(|| Error::Missing {
            what: "connection",
            name: id.to_string(),
        })?)
    }

    /// The connection of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn connection_named(&self, name: &str) -> Result<Option<Connection>> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = $1")),
            name
        )?;
        row.map(connection).transpose()
    }

    /// Stores a new connection with its secrets, together or not at all.
    ///
    /// # Errors
    /// [`Error::Taken`], or when the database fails.
    pub async fn add_connection(
        &self,
        new: NewConnection,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Connection> {
        let connection = Connection {
            id: self.new_id().into(),
            kind: new.kind,
            name: new.name,
            state: new.state,
            settings: new.settings,
            read_only: false,
            allow_private_hosts: new.allow_private_hosts,
            created: self.clock.now(),
            last_success: None,
            version: 1,
        };
        let mut tx = self.write().await?;
        let added = execute!(
            tx,
            "INSERT INTO connection (id, kind, name, state, settings, read_only, allow_private_hosts, created, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
            connection.id.as_str(),
            connection.kind.as_str(),
            connection.name.as_str(),
            text("state of a connection", &connection.state)?,
            text("settings of a connection", &connection.settings)?,
            false,
            connection.allow_private_hosts,
            micros(connection.created)
        );
        match added {
            Err(error) if error.is_unique_violation() => {
                return Err(Error::Taken {
                    what: "connection",
                    name: connection.name,
                });
            }
            other => other?,
        };
        for (name, value) in secrets {
            self.put_secret_in(&mut tx, connection.id.as_str(), name, value.expose_secret())
                .await?;
        }
        let note = note("connection.added", &connection, secrets);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(connection)
    }

    /// Stores changed settings, and the secrets that were given anew, if nobody changed the row since it was read.
    ///
    /// # Errors
    /// [`Error::Moved`], or when the database fails.
    pub async fn update_connection(
        &self,
        connection: &Connection,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        self.update_in(&mut tx, connection, secrets).await?;
        let note = note("connection.changed", connection, secrets);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// The same when the settings now speak of another account: the old secrets and the old grant are forgotten.
    ///
    /// # Errors
    /// [`Error::Moved`], or when the database fails.
    pub async fn move_connection(
        &self,
        connection: &Connection,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "DELETE FROM secret WHERE owner_id = $1",
            connection.id.as_str()
        )?;
        // The row stays and counts on: whoever still holds the old pair must not take its version for the new one's.
        execute!(
            tx,
            "UPDATE connection_grant SET version = version + 1, refresh_holder = NULL, refresh_until = NULL
             WHERE connection_id = $1",
            connection.id.as_str()
        )?;
        self.update_in(&mut tx, connection, secrets).await?;
        let note = note("connection.moved_to_another_account", connection, secrets);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    async fn update_in(
        &self,
        tx: &mut Tx,
        connection: &Connection,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<()> {
        let rows = execute!(
            tx,
            "UPDATE connection SET state = $1, settings = $2, read_only = $3, allow_private_hosts = $4,
                 version = version + 1 WHERE id = $5 AND version = $6",
            text("state of a connection", &connection.state)?,
            text("settings of a connection", &connection.settings)?,
            connection.read_only,
            connection.allow_private_hosts,
            connection.id.as_str(),
            connection.version
        )?;
        if rows == 0 {
            return Err(Error::Moved {
                what: format!("connection `{}`", connection.name),
            });
        }
        for (name, value) in secrets {
            self.put_secret_in(tx, connection.id.as_str(), name, value.expose_secret())
                .await?;
        }
        Ok(())
    }

    /// Records where a connection stands. `Connected` also stamps the last success.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn set_connection_state(&self, id: &ConnectionId, state: &ConnectionState) -> Result<()> {
        let success = matches!(state, ConnectionState::Connected).then(|| micros(self.clock.now()));
        let mut tx = self.write().await?;
        let rows = execute!(
            tx,
            "UPDATE connection SET state = $1, last_success = COALESCE($2, last_success), version = version + 1
             WHERE id = $3",
            text("state of a connection", state)?,
            success,
            id.as_str()
        )?;
        if rows == 0 {
            return Err(Error::Missing {
                what: "connection",
                name: id.to_string(),
            });
        }
        let note = Note::new("connection.state", id.as_str()).with(json!({ "state": state }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Records what was noticed about a connection, unless a person paused it: their word stands until they take it
    /// back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn observe_connection(&self, id: &ConnectionId, state: &ConnectionState) -> Result<()> {
        self.observe(id, None, state).await
    }

    /// Like [`Store::observe_connection`], for what came of a use that began with the connection as it was in `seen`. Where
    /// it was connected since, that stands: the failure was of the grant before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn observe_use(&self, seen: &Connection, state: &ConnectionState) -> Result<()> {
        self.observe(&seen.id, Some(seen.version), state).await
    }

    async fn observe(&self, id: &ConnectionId, seen: Option<i64>, state: &ConnectionState) -> Result<()> {
        let success = matches!(state, ConnectionState::Connected).then(|| micros(self.clock.now()));
        let mut tx = self.write().await?;
        let rows = execute!(
            tx,
            "UPDATE connection SET state = $1, last_success = COALESCE($2, last_success), version = version + 1
             WHERE id = $3 AND state <> $4 AND (version = COALESCE($5, version) OR state <> $6)",
            text("state of a connection", state)?,
            success,
            id.as_str(),
            text("state of a connection", &ConnectionState::Paused)?,
            seen,
            text("state of a connection", &ConnectionState::Connected)?
        )?;
        if rows == 0 {
            return Ok(());
        }
        let note = Note::new("connection.state", id.as_str()).with(json!({ "state": state }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }

    /// Switches a connection as a person wants it: its state, whether it may be written to, or both.
    ///
    /// # Errors
    /// [`Error::Missing`], or when the database fails.
    pub async fn switch_connection(
        &self,
        id: &ConnectionId,
        state: Option<&ConnectionState>,
        read_only: Option<bool>,
        reason: Option<&str>,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        let stored = state
            .map(|state| text("state of a connection", state))
            .transpose()?;
        let row = fetch_optional!(
            tx,
            (String,),
            "UPDATE connection SET state = COALESCE($1, state), read_only = COALESCE($2, read_only),
                 version = version + 1 WHERE id = $3 RETURNING name",
            stored,
            read_only,
            id.as_str()
        )?;
        let (name,) = row.ok_or_else(|| Error::Missing {
            what: "connection",
            name: id.to_string(),
        })?;
        let detail = json!({ "id": id, "state": state, "read_only": read_only, "reason": reason });
        self.note(&mut tx, &[Note::new("connection.switched", name).with(detail)])
            .await?;
        tx.commit().await
    }

    /// The secrets of a connection.
    ///
    /// # Errors
    /// When the database fails or a value does not open.
    pub async fn connection_secrets(&self, id: &ConnectionId) -> Result<BTreeMap<String, SecretString>> {
        let names = {
            let mut conn = self.read().await?;
            fetch_all!(
                conn,
                (String,),
                "SELECT name FROM secret WHERE owner_id = $1 ORDER BY name",
                id.as_str()
            )?
        };
        let mut secrets = BTreeMap::new();
        for (name,) in names {
            // The grant has its own way in and out, with a version: see grant.rs.
            if name == crate::grant::SECRET {
                continue;
            }
            if let Some(value) = self.secret(id.as_str(), &name).await? {
                secrets.insert(name, value);
            }
        }
        Ok(secrets)
    }
}
