//! The store's row of an account's requests in the shape the HTTP stack asks for.

use async_trait::async_trait;
use connect::budget::{Allowance, BudgetBook, BudgetError, Quota, RequestBudget};
use model::ConnectionId;
use std::time::Duration;
use store::Store;

/// The budget of one connection.
pub(crate) struct AccountBudget {
    store: Store,
    connection: ConnectionId,
}

impl AccountBudget {
    pub(crate) fn new(store: Store, connection: ConnectionId) -> Self {
        Self { store, connection }
    }

    async fn change<T: Send>(
        &self,
        change: impl FnOnce(&mut BudgetBook, i64) -> T + Send,
    ) -> Result<T, BudgetError> {
        let changed = self.store.change_request_budget(&self.connection, |now, body| {
            let mut book = book(body);
            let answer = change(&mut book, now);
            (serde_json::to_string(&book).unwrap_or_default(), answer)
        });
        changed.await.map_err(failed)
    }
}

fn failed(error: store::Error) -> BudgetError {
    BudgetError(error.to_string())
}

/// What was written down; nothing where it cannot be read, since a vendor says again what it wants.
fn book(body: &str) -> BudgetBook {
    serde_json::from_str(body).unwrap_or_default()
}

#[async_trait]
impl RequestBudget for AccountBudget {
    async fn take(&self, quota: Option<Quota>, wanted: u32) -> Result<Allowance, BudgetError> {
        if quota.is_some() && wanted > 0 {
            return self.change(|book, now| book.take(now, quota, wanted)).await;
        }
        let stands = self
            .store
            .request_budget(&self.connection)
            .await
            .map_err(failed)?;
        Ok(stands.map_or_else(Allowance::default, |(now, body)| book(&body).take(now, None, 0)))
    }

    async fn pause(&self, time: Duration) -> Result<(), BudgetError> {
        self.change(|book, now| book.pause(now, time)).await
    }
}
