//! Fields a mapping asks for and the destination does not have yet: they are added before the first record is written.

use crate::engine::Engine;
use crate::error::Result;
use connect::Destination;
use model::{Bridge, Connection, PlanSummary};
use serde_json::json;
use store::Note;

impl Engine {
    /// Adds them. A destination is asked for a field's key before one is added, so whoever comes after a lost answer or a
    /// kill finds what was added: such a write needs no claim. The log tells of it before it is sent, and afterwards.
    pub(super) async fn create_missing_fields(
        &self,
        plan: &PlanSummary,
        bridge: &Bridge,
        connection: &Connection,
        destination: &dyn Destination,
    ) -> Result<()> {
        for field in self.compiled_mapping(bridge).await?.missing_fields {
            let note = |action| {
                let detail = json!({
                    "destination": connection.id, "label": field.label, "type": field.field_type, "plan": plan.id,
                });
                Note::new(action, &field.key).with(detail)
            };
            self.store.note_alone(note("field.begun")).await?;
            if let Err(error) = destination.create_field(&field).await {
                return Err(self.met(connection, error).await);
            }
            self.store.note_alone(note("field.created")).await?;
        }
        Ok(())
    }
}
