//! In what order plans and runs began. Their times do not tell: whoever sets a clock back makes the newer ones begin
//! before the older, and a plan that counts as older than the one it replaces is never applied.

use crate::db::Tx;
use crate::error::Result;
use crate::open::Store;
use model::RunId;

impl Store {
    /// The turn at which a run began; 0 for one that is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn turn_of(&self, run: &RunId) -> Result<i64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(conn, (i64,), "SELECT turn FROM run WHERE id = $1", run.as_str())?;
        Ok(row.map_or(0, |(turn,)| turn))
    }
}

/// The turn of what begins in this transaction. It holds the count until the commit, so that whoever has a later turn
/// sees everything that began before.
pub(crate) async fn next_turn(tx: &mut Tx) -> Result<i64> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO turn_count (id, last) VALUES (1, 1)
         ON CONFLICT (id) DO UPDATE SET last = turn_count.last + 1 RETURNING last",
    )?;
    Ok(row.map_or(0, |(turn,)| turn))
}
