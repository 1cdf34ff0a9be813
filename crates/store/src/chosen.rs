//! A person's word which of several destination records a source record is.

use crate::audit::Note;
use crate::claim::{Settled, settle};
use crate::decided::{move_on, named};
use crate::error::{Error, Result};
use crate::link::put_link;
use crate::open::Store;
use crate::run::NewLink;
use model::{Bridge, RecordId, RecordKind, SourceId};
use serde_json::json;
use std::collections::BTreeMap;

/// Which record it is.
#[derive(Clone, Debug)]
pub struct ChosenRecord {
    /// The kind of the source record.
    pub kind: RecordKind,
    /// The source record.
    pub source: SourceId,
    /// The destination record it is.
    pub record: RecordId,
    /// The records it is not.
    pub others: Vec<RecordId>,
    /// The source record whose link to it goes, when this one takes the place of one that is gone.
    pub replaces: Option<SourceId>,
    /// The claim of a write in doubt, which this settles.
    pub held: Option<Settled>,
}

impl Store {
    /// Links a source record to the destination record a person chose, settles its claim, and moves the bridge's
    /// generation on. Nothing is written to the destination: the next plan does what differs.
    ///
    /// # Errors
    /// [`Error::Moved`] when the claim was taken meanwhile, [`Error::Linked`] when another record is linked to it,
    /// [`Error::Missing`] when there is no such bridge, or when the database fails; then nothing of it stands.
    pub async fn choose_record(&self, bridge: &Bridge, chosen: &ChosenRecord) -> Result<()> {
        let subject = named(chosen.kind, &chosen.source);
        let mut tx = self.write().await?;
        if let Some(held) = &chosen.held {
            let closed = settle(&mut tx, &bridge.destination, std::slice::from_ref(held)).await?;
            if closed.is_empty() {
                return Err(Error::Moved { what: subject });
            }
        }
        move_on(&mut tx, &bridge.id).await?;
        // What was written into another record says nothing about this one.
        execute!(
            tx,
            "DELETE FROM link WHERE bridge_id = $1 AND kind = $2
                 AND (source_id = $3 OR (source_id = $4 AND destination_id = $5))",
            bridge.id.as_str(),
            chosen.kind.as_str(),
            chosen.source.as_str(),
            chosen.replaces.as_ref().map(SourceId::as_str),
            chosen.record.as_str()
        )?;
        let link = NewLink {
            kind: chosen.kind,
            source: chosen.source.clone(),
            destination: chosen.record.clone(),
            written: BTreeMap::new(),
        };
        put_link(&mut tx, &bridge.id, None, link, self.clock.now()).await?;
        let note = Note::new("record.chosen", subject).with(json!({
            "bridge": bridge.id, "record": chosen.record, "others": chosen.others, "replaces": chosen.replaces,
        }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await
    }
}
