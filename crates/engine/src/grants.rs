//! The store's grants in the shape connectors ask for.

use crate::crash::{Point, point};
use async_trait::async_trait;
use connect::{Grant, GrantStore, GrantStoreError, NewGrant, RefreshTicket, RefreshTurn};
use std::time::Duration;
use store::{StoredGrant, StoredGrants, Turn};

pub(crate) struct Grants {
    stored: StoredGrants,
    holder: Box<dyn Fn() -> String + Send + Sync>,
}

impl Grants {
    /// `holder` gives a name of its own to each turn to refresh.
    pub(crate) fn new(stored: StoredGrants, holder: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self {
            stored,
            holder: Box::new(holder),
        }
    }
}

fn failed(error: store::Error) -> GrantStoreError {
    GrantStoreError(error.to_string())
}

/// Passes a crash point.
fn pass(here: Point) -> Result<(), GrantStoreError> {
    point(here).map_err(|error| GrantStoreError(error.to_string()))
}

fn to_stored(pair: &NewGrant) -> StoredGrant {
    StoredGrant {
        access_token: pair.access_token.clone(),
        refresh_token: pair.refresh_token.clone(),
        scopes: pair.scopes.clone(),
        expires: pair.expires,
        version: 0,
    }
}

fn to_grant(stored: StoredGrant) -> Grant {
    let StoredGrant {
        access_token,
        refresh_token,
        scopes,
        expires,
        version,
    } = stored;
    Grant {
        pair: NewGrant {
            access_token,
            refresh_token,
            scopes,
            expires,
        },
        version,
    }
}

#[async_trait]
impl GrantStore for Grants {
    async fn load(&self) -> Result<Option<Grant>, GrantStoreError> {
        Ok(self.stored.load().await.map_err(failed)?.map(to_grant))
    }

    async fn begin_refresh(&self, version: i64, overdue: Duration) -> Result<RefreshTurn, GrantStoreError> {
        let holder = (self.holder)();
        match self
            .stored
            .begin_refresh(version, &holder, overdue)
            .await
            .map_err(failed)?
        {
            Turn::Ours => {
                pass(Point::RefreshTurn)?;
                Ok(RefreshTurn::Ours(RefreshTicket { version, holder }))
            }
            Turn::Theirs => Ok(RefreshTurn::Theirs),
            Turn::Done => match self.load().await? {
                Some(grant) => Ok(RefreshTurn::Done(grant)),
                None => Err(GrantStoreError("the grant was removed".to_owned())),
            },
        }
    }

    async fn commit_refresh(
        &self,
        ticket: &RefreshTicket,
        mut pair: NewGrant,
    ) -> Result<Grant, GrantStoreError> {
        pass(Point::RefreshAnswered)?;
        // An answer without a refresh token keeps the old one (not every vendor rotates it).
        if pair.refresh_token.is_none() {
            pair.refresh_token = self.load().await?.and_then(|g| g.pair.refresh_token);
        }
        let version = self
            .stored
            .commit_refresh(ticket.version, &ticket.holder, &to_stored(&pair))
            .await
            .map_err(failed)?;
        pass(Point::RefreshStored)?;
        Ok(Grant { pair, version })
    }

    async fn abandon_refresh(&self, ticket: &RefreshTicket) -> Result<(), GrantStoreError> {
        self.stored.abandon_refresh(&ticket.holder).await.map_err(failed)
    }

    async fn replace(&self, pair: NewGrant) -> Result<Grant, GrantStoreError> {
        let version = self.stored.replace(&to_stored(&pair)).await.map_err(failed)?;
        Ok(Grant { pair, version })
    }
}
