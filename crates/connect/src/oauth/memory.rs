//! Grants in memory: for tests, and for trying a new grant before it is committed.

use crate::grant::{Grant, GrantStore, GrantStoreError, NewGrant, RefreshTicket, RefreshTurn};
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Keeps one grant in memory.
#[derive(Default)]
pub struct MemoryGrants {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    grant: Option<Grant>,
    /// Whose turn it is to refresh, and until when.
    turn: Option<(String, Instant)>,
    tickets: u64,
}

impl MemoryGrants {
    /// With a pair already there.
    pub fn with(pair: NewGrant) -> Self {
        let grants = Self::default();
        grants.state().grant = Some(Grant { pair, version: 1 });
        grants
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl GrantStore for MemoryGrants {
    async fn load(&self) -> Result<Option<Grant>, GrantStoreError> {
        Ok(self.state().grant.clone())
    }

    async fn begin_refresh(&self, version: i64, overdue: Duration) -> Result<RefreshTurn, GrantStoreError> {
        let mut state = self.state();
        let grant = state
            .grant
            .clone()
            .ok_or_else(|| GrantStoreError("there is no grant to refresh".to_owned()))?;
        if grant.version != version {
            return Ok(RefreshTurn::Done(grant));
        }
        if matches!(&state.turn, Some((_, until)) if *until > Instant::now()) {
            return Ok(RefreshTurn::Theirs);
        }
        state.tickets += 1;
        let holder = state.tickets.to_string();
        state.turn = Some((holder.clone(), Instant::now() + overdue));
        Ok(RefreshTurn::Ours(RefreshTicket { version, holder }))
    }

    async fn commit_refresh(
        &self,
        ticket: &RefreshTicket,
        mut pair: NewGrant,
    ) -> Result<Grant, GrantStoreError> {
        let mut state = self.state();
        let ours = matches!(&state.turn, Some((holder, until)) if *holder == ticket.holder && *until > Instant::now());
        let old = state
            .grant
            .as_ref()
            .filter(|grant| ours && grant.version == ticket.version);
        let old =
            old.ok_or_else(|| GrantStoreError("the turn to refresh this grant has passed".to_owned()))?;
        if pair.refresh_token.is_none() {
            pair.refresh_token.clone_from(&old.pair.refresh_token);
        }
        let grant = Grant {
            pair,
            version: old.version + 1,
        };
        state.grant = Some(grant.clone());
        state.turn = None;
        Ok(grant)
    }

    async fn abandon_refresh(&self, ticket: &RefreshTicket) -> Result<(), GrantStoreError> {
        let mut state = self.state();
        if matches!(&state.turn, Some((holder, _)) if *holder == ticket.holder) {
            state.turn = None;
        }
        Ok(())
    }

    async fn replace(&self, pair: NewGrant) -> Result<Grant, GrantStoreError> {
        let mut state = self.state();
        let version = state.grant.as_ref().map_or(1, |grant| grant.version + 1);
        let grant = Grant { pair, version };
        state.grant = Some(grant.clone());
        state.turn = None;
        Ok(grant)
    }
}
