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
        // Whoever paused it wants nothing sent.
        if connection.state == ConnectionState::Paused {
            return Err(Error::NotUsable {
                connection: connection.name,
                state: connection.state,
            });
        }
        let connector = self
            .connectors
            .get(&connection.kind)
            .map_err(Error::outside(&connection.name))?;
        let cx = self.context(&connection).await?;
        let outside = Error::outside(&connection.name);
        let points = if connector.is_source() {
            connector.source(&cx).map_err(outside)?.check().await
        } else {
            connector.destination(&cx).map_err(outside)?.check().await
        };
        // A check says whether the connection works. Whether it may be used at all is a person's word: consent, pause.
        if !connection.state.is_unusable() {
            let state = found(&points);
            self.acting(actor).store.observe_connection(id, &state).await?;
        }
        Ok(points)
    }
}

/// The state a connection is in after a check found this.
pub(crate) fn found(points: &[CheckPoint]) -> ConnectionState {
    match points.iter().find(|p| p.verdict == Verdict::Failed) {
        None => ConnectionState::Connected,
        Some(CheckPoint {
            lacks: Some(part),
            detail,
            ..
        }) => ConnectionState::NotEnabled {
            part: part.clone(),
            reason: detail.clone(),
        },
        Some(p) => ConnectionState::NeedsAttention {
            reason: format!("{}: {}", p.point, p.detail),
        },
    }
}
