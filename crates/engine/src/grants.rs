//! The store's grants in the shape connectors ask for.

use crate::presence::{Processes, mark};
use async_trait::async_trait;
use connect::{Grant, GrantStore, GrantStoreError, NewGrant, RefreshTicket, RefreshTurn};
use std::sync::Arc;
use std::time::Duration;
use store::crash::{Point, point};
use store::{StoredGrant, StoredGrants, Turn};

pub(crate) struct Grants {
    stored: StoredGrants,
    processes: Option<Arc<dyn Processes>>,
    unique: Box<dyn Fn() -> String + Send + Sync>,
}

impl Grants {
    /// `unique` tells each turn to refresh from all others; `processes` tells those of dead processes of this machine.
    pub(crate) fn new(
        stored: StoredGrants,
        processes: Option<Arc<dyn Processes>>,
        unique: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            stored,
            processes,
            unique: Box::new(unique),
        }
    }

    /// Gives back the turn of a process of this machine that has ended: nobody answers for what it asked for any more,
    /// and to wait its turn out would keep the connection from working for as long. Whether there was one.
    async fn bury_the_dead(&self) -> Result<bool, GrantStoreError> {
        let Some(processes) = &self.processes else {
            return Ok(false);
        };
        let holder = self.stored.refresh_holder().await.map_err(failed)?;
        let Some(dead) = holder.filter(|holder| mark(holder).is_some_and(|mark| processes.is_gone(mark)))
        else {
            return Ok(false);
        };
        self.stored.abandon_refresh(&dead).await.map_err(failed)?;
        tracing::warn!("A process ended while it refreshed a token; its turn is over.");
        Ok(true)
    }
}

fn failed(error: store::Error) -> GrantStoreError {
    GrantStoreError(error.to_string())
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
        let mine = self.processes.as_ref().map(|processes| processes.mine());
        let holder = format!("refresh [{}/{}]", mine.unwrap_or_default(), (self.unique)());
        let take = async || {
            let taking = self.stored.begin_refresh(version, &holder, overdue);
            taking.await.map_err(failed)
        };
        let mut turn = take().await?;
        if matches!(turn, Turn::Theirs) && self.bury_the_dead().await? {
            turn = take().await?;
        }
        match turn {
            Turn::Ours => {
                point(Point::RefreshTurn).map_err(failed)?;
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
        point(Point::RefreshAnswered).map_err(failed)?;
        // An answer without a refresh token keeps the old one (not every vendor rotates it).
        if pair.refresh_token.is_none() {
            pair.refresh_token = self.load().await?.and_then(|g| g.pair.refresh_token);
        }
        let version = self
            .stored
            .commit_refresh(ticket.version, &ticket.holder, &to_stored(&pair))
            .await
            .map_err(failed)?;
        point(Point::RefreshStored).map_err(failed)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};
    use testkit::TestStore;

    const LONG: Duration = Duration::from_secs(90);

    /// The processes of a machine: this one, and those that have ended.
    #[derive(Debug)]
    struct Machine {
        mine: &'static str,
        ended: Arc<Mutex<BTreeSet<&'static str>>>,
    }

    impl Processes for Machine {
        fn mine(&self) -> String {
            self.mine.to_owned()
        }

        fn is_gone(&self, mark: &str) -> bool {
            self.ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(mark)
        }
    }

    #[tokio::test]
    async fn the_turn_of_a_process_that_was_killed_is_not_waited_out() {
        TestStore::on_every_engine(async |test| {
            let new = store::NewConnection {
                kind: "ninjaone".to_owned(),
                name: "source".to_owned(),
                state: model::ConnectionState::Connected,
                settings: serde_json::json!({}),
                allow_private_hosts: false,
            };
            let connection = test.add_connection(new, &Default::default()).await.unwrap();
            let ended = Arc::new(Mutex::new(BTreeSet::new()));
            let of = |mine: &'static str| {
                let machine = Machine {
                    mine,
                    ended: ended.clone(),
                };
                let count = AtomicU64::new(0);
                let unique = move || format!("{mine}-{}", count.fetch_add(1, Ordering::Relaxed));
                Grants::new(test.grants(&connection.id), Some(Arc::new(machine)), unique)
            };
            let pair = NewGrant {
                access_token: "access".into(),
                refresh_token: None,
                scopes: vec![],
                expires: test.now().await.unwrap().at,
            };
            let (first, second) = (of("first"), of("second"));
            let version = first.replace(pair.clone()).await.unwrap().version;
            let Ok(RefreshTurn::Ours(ticket)) = first.begin_refresh(version, LONG).await else {
                panic!("nobody else is at it")
            };
            // While it lives, and while it is not known to be dead, it is waited for.
            let theirs = second.begin_refresh(version, LONG).await.unwrap();
            assert!(matches!(theirs, RefreshTurn::Theirs));
            ended.lock().unwrap().insert("first");
            let Ok(RefreshTurn::Ours(again)) = second.begin_refresh(version, LONG).await else {
                panic!("a dead process does not come back")
            };
            // What the dead one asked for does not count any more, should it live after all.
            assert!(first.commit_refresh(&ticket, pair.clone()).await.is_err());
            assert_eq!(
                second.commit_refresh(&again, pair).await.unwrap().version,
                version + 1
            );
        })
        .await;
    }
}
