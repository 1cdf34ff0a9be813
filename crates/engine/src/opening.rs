//! Opening a connection as a source or a destination.

use crate::budgets::AccountBudget;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::grants::Grants;
use connect::{Destination, GrantStore, Kind, OpenContext, Outbound, Source};
use model::{Connection, ConnectionId, ConnectionState};
use std::sync::Arc;

impl Engine {
    /// What a connector is given to open `connection`.
    pub(crate) async fn context(&self, connection: &Connection) -> Result<OpenContext> {
        let grants = self.grants_of(&connection.id);
        self.context_with(connection, grants).await
    }

    fn grants_of(&self, id: &ConnectionId) -> Arc<dyn GrantStore> {
        let ids = self.store.clone();
        let processes = self.options.processes.clone();
        Arc::new(Grants::new(self.store.grants(id), processes, move || {
            ids.new_id().to_string()
        }))
    }

    /// The grant of a connection as its connector gets it, for the harness alone: it holds secrets and asks no actor.
    #[cfg(feature = "crash-points")]
    pub fn grant_store(&self, id: &ConnectionId) -> Arc<dyn GrantStore> {
        self.grants_of(id)
    }

    /// The same with a grant kept elsewhere.
    pub(crate) async fn context_with(
        &self,
        connection: &Connection,
        grants: Arc<dyn GrantStore>,
    ) -> Result<OpenContext> {
        Ok(OpenContext {
            connection: connection.clone(),
            secrets: self.store.connection_secrets(&connection.id).await?,
            grants,
            outbound: Outbound {
                allow_private_hosts: connection.allow_private_hosts,
                proxy: self.options.proxy.clone(),
                extra_ca: self.options.extra_ca.clone(),
                budget: Some(Arc::new(AccountBudget::new(
                    self.store.clone(),
                    connection.id.clone(),
                ))),
            },
            clock: self.store.clock().clone(),
            random: self.store.random().clone(),
        })
    }

    pub(crate) async fn open_source(&self, id: &ConnectionId) -> Result<(Connection, Arc<dyn Source>)> {
        let connection = self.store.connection(id).await?;
        let cx = self.context(&connection).await?;
        let source = self
            .connectors
            .get(&connection.kind)
            .and_then(|c| c.source(&cx))
            .map_err(Error::outside(&connection.name))?;
        Ok((connection, source))
    }

    pub(crate) async fn open_destination(
        &self,
        id: &ConnectionId,
    ) -> Result<(Connection, Arc<dyn Destination>)> {
        let connection = self.store.connection(id).await?;
        if connection.state == ConnectionState::Paused {
            return Err(Error::NotUsable {
                connection: connection.name,
                state: connection.state,
            });
        }
        let cx = self.context(&connection).await?;
        let destination = self
            .connectors
            .get(&connection.kind)
            .and_then(|c| c.destination(&cx))
            .map_err(Error::outside(&connection.name))?;
        Ok((connection, destination))
    }

    /// Wraps an outside error; one that a person has to mend is also remembered as the connection's state, so that
    /// everybody sees why nothing moves (H04, R25), unless somebody has mended it since `connection` was loaded.
    pub(crate) async fn met(&self, connection: &Connection, error: connect::Error) -> Error {
        let reason = error.to_string();
        let state = match &error.kind {
            Kind::Auth => Some(ConnectionState::NeedsAttention { reason }),
            Kind::NotEnabled { part } => Some(ConnectionState::NotEnabled {
                part: (*part).to_owned(),
                reason,
            }),
            _ => None,
        };
        if let Some(state) = state
            && let Err(error) = self.store.observe_use(connection, &state).await
        {
            tracing::error!(error = %error, "Could not store that connection `{}` needs attention.", connection.name);
        }
        Error::Outside {
            connection: connection.name.clone(),
            error: Box::new(error),
        }
    }
}
