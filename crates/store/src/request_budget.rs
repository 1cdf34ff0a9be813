//! The row all processes take an account's requests out of. What is in it is somebody else's arithmetic.

use crate::db::{Conn, Tx};
use crate::error::Result;
use crate::json::micros;
use crate::open::Store;
use model::ConnectionId;

impl Store {
    /// The budget of a connection as it stands, and the time it is judged by, in microseconds; `None` before the first
    /// change. It waits for nobody who writes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_budget(&self, connection: &ConnectionId) -> Result<Option<(i64, String)>> {
        let mut conn = self.read().await?;
        let sql = match &conn {
            Conn::Sqlite(_) => "SELECT CAST($2 AS BIGINT), body FROM request_budget WHERE connection_id = $1",
            // Not the machine's own time: several machines judge by it.
            Conn::Postgres(_) => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + 0 * CAST($2 AS BIGINT), body
                 FROM request_budget WHERE connection_id = $1"
            }
        };
        fetch_optional!(conn, (i64, String), sql, connection.as_str(), self.own_time())
    }

    /// The machine's time in microseconds, by the clock that nobody sets where there is one.
    fn own_time(&self) -> i64 {
        match self.clock().steady() {
            Some(steady) => i64::try_from(steady.up.as_micros()).unwrap_or(i64::MAX),
            None => micros(self.clock().now()),
        }
    }

    /// Changes the budget of a connection while nobody else does. `change` gets the time in microseconds and what stands,
    /// empty before the first change, and gives what is to stand and an answer.
    ///
    /// # Errors
    /// When the database fails, or there is no such connection.
    pub async fn change_request_budget<T>(
        &self,
        connection: &ConnectionId,
        change: impl FnOnce(i64, &str) -> (String, T) + Send,
    ) -> Result<T> {
        let mut tx = self.write().await?;
        // Makes the row where there is none, and holds it either way.
        let held = fetch_optional!(
            tx,
            (String,),
            "INSERT INTO request_budget (connection_id, body) VALUES ($1, '')
             ON CONFLICT (connection_id) DO UPDATE SET body = request_budget.body RETURNING body",
            connection.as_str()
        )?;
        let now = match &tx {
            Tx::Sqlite(_) => self.own_time(),
            Tx::Postgres(_) => micros(self.database_time(&mut tx).await?),
        };
        let (body, answer) = change(now, held.as_ref().map_or("", |(body,)| body));
        execute!(
            tx,
            "UPDATE request_budget SET body = $1 WHERE connection_id = $2",
            body,
            connection.as_str()
        )?;
        tx.commit().await?;
        Ok(answer)
    }
}
