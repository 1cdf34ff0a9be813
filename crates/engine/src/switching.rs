//! Switching off: all writes at once, and one connection.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{Actor, ActorRole, Connection, ConnectionId, ConnectionState, WritePause};

/// Most characters of the reason for a pause.
const LONGEST_REASON: usize = 300;

impl Engine {
    /// Why all writes are paused; `None` when they are not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_pause(&self, actor: &Actor) -> Result<Option<WritePause>> {
        require(actor, ActorRole::Viewer, "see whether writes are paused")?;
        Ok(self.store.write_pause().await?)
    }

    /// Pauses all writes: no run begins, and one under way stops before its next group of records. Reads and plans go
    /// on. Where writes are paused already the first pause stands, and is returned.
    ///
    /// # Errors
    /// When no reason is given, or the store fails.
    pub async fn pause_writes(&self, actor: &Actor, reason: &str) -> Result<WritePause> {
        // Whoever sees that something goes wrong may stop it; letting it go on is an Owner's word.
        require(actor, ActorRole::Technician, "pause all writes")?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Error::NoReason {
                doing: "pausing all writes",
            });
        }
        if reason.chars().count() > LONGEST_REASON {
            return Err(Error::input(
                "reason",
                &format!("At most {LONGEST_REASON} characters: it stands on every page"),
            ));
        }
        if plan::render::visible(reason) != reason {
            return Err(Error::input(
                "reason",
                "It holds characters that do not show or that turn the direction of text: type it anew",
            ));
        }
        Ok(self.acting(actor).store.pause_writes(reason).await?)
    }

    /// Lets writes go on; the pause that ends, if there was one. Jobs that waited for it go on by themselves.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn resume_writes(&self, actor: &Actor) -> Result<Option<WritePause>> {
        require(actor, ActorRole::Owner, "let writes go on")?;
        Ok(self.acting(actor).store.resume_writes().await?)
    }

    /// Pauses a connection: nothing is read from it or written to it, and it is not even asked whether it works.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn pause_connection(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        reason: Option<&str>,
    ) -> Result<Connection> {
        require(actor, ActorRole::Owner, "pause connections")?;
        let store = &self.acting(actor).store;
        store
            .switch_connection(id, Some(&ConnectionState::Paused), None, reason)
            .await?;
        Ok(store.connection(id).await?)
    }

    /// Lets a paused connection go on, as authorized as it was. One that is not paused stays as it is.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn resume_connection(&self, actor: &Actor, id: &ConnectionId) -> Result<Connection> {
        require(actor, ActorRole::Owner, "resume connections")?;
        let connection = self.store.connection(id).await?;
        if connection.state != ConnectionState::Paused {
            return Ok(connection);
        }
        let needs_none = self.authorization_mode(actor, id).await?.is_none();
        let authorized = needs_none || self.store.grants(id).load().await?.is_some();
        let state = match authorized {
            true => ConnectionState::Connected,
            false => ConnectionState::NeedsAuthorization,
        };
        let store = &self.acting(actor).store;
        store.switch_connection(id, Some(&state), None, None).await?;
        Ok(store.connection(id).await?)
    }

    /// Says whether a connection may be written to. Plans are made of a read-only one all the same.
    ///
    /// # Errors
    /// When the actor is no Owner, or the store fails.
    pub async fn set_read_only(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        read_only: bool,
        reason: Option<&str>,
    ) -> Result<Connection> {
        require(actor, ActorRole::Owner, "make connections read-only")?;
        let store = &self.acting(actor).store;
        store.switch_connection(id, None, Some(read_only), reason).await?;
        Ok(store.connection(id).await?)
    }
}
