//! Which bridge a client's assets come from, where several could bring them and somebody chose.

use crate::audit::Note;
use crate::decided::move_on;
use crate::error::Result;
use crate::json::micros;
use crate::open::Store;
use model::{BridgeId, ConnectionId, RecordId};
use serde_json::json;
use std::collections::BTreeMap;

impl Store {
    /// The chosen bridge of each client of a destination for whom one was chosen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn client_sources(&self, destination: &ConnectionId) -> Result<BTreeMap<RecordId, BridgeId>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (String, String),
            "SELECT client_id, bridge_id FROM client_source WHERE destination_id = $1",
            destination.as_str()
        )?;
        let chosen = rows
            .into_iter()
            .map(|(client, bridge)| (client.into(), bridge.into()));
        Ok(chosen.collect())
    }

    /// Chooses the bridge a client's assets come from; `None` forgets the choice. It moves all bridges into the
    /// destination on, since what each of them may write changed.
    ///
    /// # Errors
    /// When there is no such bridge or destination, or the database fails.
    pub async fn choose_client_source(
        &self,
        destination: &ConnectionId,
        client: &RecordId,
        bridge: Option<&BridgeId>,
        by: &str,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        // In one order, so that two who choose wait for each other instead of both.
        let bridges = fetch_all!(
            tx,
            (String,),
            "SELECT id FROM bridge WHERE destination_id = $1 ORDER BY id",
            destination.as_str()
        )?;
        for (id,) in bridges {
            move_on(&mut tx, &id.into()).await?;
        }
        match bridge {
            Some(bridge) => execute!(
                tx,
                "INSERT INTO client_source (destination_id, client_id, bridge_id, chosen_by, chosen_at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (destination_id, client_id) DO UPDATE SET bridge_id = excluded.bridge_id,
                     chosen_by = excluded.chosen_by, chosen_at = excluded.chosen_at",
                destination.as_str(),
                client.as_str(),
                bridge.as_str(),
                by,
                micros(self.clock.now())
            )?,
            None => execute!(
                tx,
                "DELETE FROM client_source WHERE destination_id = $1 AND client_id = $2",
                destination.as_str(),
                client.as_str()
            )?,
        };
        let detail = json!({ "destination": destination, "bridge": bridge });
        let note = Note::new("client.source_chosen", client.as_str()).with(detail);
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }
}
