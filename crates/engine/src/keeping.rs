//! Keeping a grant alive: one that is never used lapses, and then a person has to consent again.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::progress::Work;
use model::{Actor, ActorRole, ConnectionId, ConnectionState};

impl Engine {
    /// Asks the connection's vendor for something small, which refreshes its token if that is due. Nothing happens
    /// for a connection without a grant, and for one that a person has to do something about first.
    ///
    /// # Errors
    /// When the vendor does not answer. A dead grant is remembered as the connection's state.
    pub async fn keep_alive(&self, actor: &Actor, id: &ConnectionId, work: Work<'_>) -> Result<()> {
        require(actor, ActorRole::Technician, "keep connections alive")?;
        self.require_confirmed_instance().await?;
        let connection = self.store.connection(id).await?;
        let unusable = connection.state.is_unusable();
        if unusable || self.store.grants(id).load().await?.is_none() {
            return Ok(());
        }
        let connector = self
            .connectors
            .get(&connection.kind)
            .map_err(Error::outside(&connection.name))?;
        if !connector.is_source() {
            return Ok(());
        }
        let (connection, source) = self.open_source(id).await?;
        match work.unless_stopped(source.roles()).await? {
            Ok(_) => {
                if connection.state.reason().is_some() {
                    self.store
                        .observe_connection(id, &ConnectionState::Connected)
                        .await?;
                }
                Ok(())
            }
            Err(error) => Err(self.met(&connection, error).await),
        }
    }

    /// The connections that hold a grant and may be used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connections_with_grants(&self, actor: &Actor) -> Result<Vec<ConnectionId>> {
        require(actor, ActorRole::Technician, "keep connections alive")?;
        let mut found = Vec::new();
        for connection in self.store.connections().await? {
            let usable = connection.state == ConnectionState::Connected;
            if usable && self.store.grants(&connection.id).load().await?.is_some() {
                found.push(connection.id);
            }
        }
        Ok(found)
    }
}
