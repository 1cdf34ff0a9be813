//! The configuration check of a connection.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::{CheckPoint, Verdict};
use model::{Actor, ActorRole, ConnectionId, ConnectionState};

impl Engine {
    /// Checks a connection point by point, with the vendor's own answers, and remembers the result as its state.
    ///
    /// # Errors
    /// When the connection cannot be opened at all.
    pub async fn check(&self, actor: &Actor, id: &ConnectionId) -> Result<Vec<CheckPoint>> {
        require(actor, ActorRole::Technician, "check connections")?;
        let connection = self.store.connection(id).await?;
        let connector = self
            .connectors
            .get(&connection.kind)
            .map_err(Error::outside(&connection.name))?;
        let cx = self.context(&connection).await?;
        let points = match connector.source(&cx) {
            Ok(source) => source.check().await,
            Err(_) => {
                connector
                    .destination(&cx)
                    .map_err(Error::outside(&connection.name))?
                    .check()
                    .await
            }
        };
        if connection.state != ConnectionState::Paused {
            let failed = points.iter().find(|p| p.verdict == Verdict::Failed);
            let state = match failed {
                None => ConnectionState::Connected,
                Some(p) => ConnectionState::NeedsAttention {
                    reason: format!("{}: {}", p.point, p.detail),
                },
            };
            let granted =
                self.has_grant(actor, id).await? || connector.authorization(&cx).is_ok_and(|a| a.is_none());
            // Without a grant it still needs authorization, which says more than any failed point.
            if granted || matches!(connection.state, ConnectionState::NeedsAttention { .. }) {
                self.store.set_connection_state(id, &state).await?;
            }
        }
        Ok(points)
    }
}
