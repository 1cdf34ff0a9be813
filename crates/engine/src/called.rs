//! What the records that a plan's operations point to are called, so that nobody has to read ids. Nobody outside is asked:
//! the registry's own records are in the store, and a record of another destination is called as the source record it is
//! linked to.

use crate::bridges::REGISTRY;
use crate::engine::{Engine, require};
use crate::error::Result;
use model::{
    Action, Actor, ActorRole, Bridge, ClientTarget, Operation, RecordId, RecordKind, SiteTarget, SourceId,
    TypeTarget,
};
use std::collections::{BTreeMap, BTreeSet};

/// Names by id, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    records: BTreeMap<(RecordKind, RecordId), String>,
    sources: BTreeMap<(RecordKind, SourceId), String>,
    is_registry: bool,
}

impl Called {
    /// What a record of the destination is called.
    pub fn record(&self, kind: RecordKind, id: &RecordId) -> Option<&str> {
        self.records.get(&(kind, id.clone())).map(String::as_str)
    }

    /// What an organization, a location or a role is called, by the kind of record it becomes.
    pub fn source(&self, kind: RecordKind, id: &SourceId) -> Option<&str> {
        self.sources.get(&(kind, id.clone())).map(String::as_str)
    }

    /// Whether the destination is the registry, whose records have pages here.
    pub fn is_registry(&self) -> bool {
        self.is_registry
    }
}

/// The ids that operations point to.
#[derive(Default)]
struct Pointed {
    records: BTreeSet<(RecordKind, RecordId)>,
    sources: BTreeSet<(RecordKind, SourceId)>,
}

impl Pointed {
    fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut pointed = Self::default();
        for operation in operations {
            pointed.add(operation);
        }
        pointed
    }

    fn add(&mut self, operation: &Operation) {
        let kind = operation.subject.kind;
        match &operation.action {
            Action::CreateAsset(draft) => {
                self.site(draft.site.as_ref());
                self.asset_type(draft.asset_type.as_ref());
            }
            Action::UpdateAsset {
                moved: Some(moved), ..
            } => {
                match &moved.client {
                    Some(ClientTarget::Existing(id)) => self.record(RecordKind::Client, id),
                    Some(ClientTarget::Of(id)) => self.source(RecordKind::Client, id),
                    None => {}
                }
                self.site(moved.site.as_ref());
                self.asset_type(moved.asset_type.as_ref());
            }
            Action::Link { record, .. } => self.record(kind, record),
            Action::Unlink { record, back, .. } => {
                self.record(kind, record);
                if let Some(again) = back.as_ref().and_then(|back| back.record.as_ref()) {
                    self.record(kind, again);
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, kind: RecordKind, id: &RecordId) {
        self.records.insert((kind, id.clone()));
    }

    fn source(&mut self, kind: RecordKind, id: &SourceId) {
        self.sources.insert((kind, id.clone()));
    }

    fn site(&mut self, target: Option<&SiteTarget>) {
        match target {
            Some(SiteTarget::Existing(id)) => self.record(RecordKind::Site, id),
            Some(SiteTarget::Of(id)) => self.source(RecordKind::Site, id),
            None => {}
        }
    }

    fn asset_type(&mut self, target: Option<&TypeTarget>) {
        match target {
            Some(TypeTarget::Existing(id)) => self.record(RecordKind::AssetType, id),
            Some(TypeTarget::Of(id)) => self.source(RecordKind::AssetType, id),
            None => {}
        }
    }
}

fn of_kind<T: Clone>(ids: &BTreeSet<(RecordKind, T)>, kind: RecordKind) -> Vec<T> {
    let of_kind = ids.iter().filter(|(of, _)| *of == kind);
    of_kind.map(|(_, id)| id.clone()).collect()
}

const KINDS: [RecordKind; 4] = [
    RecordKind::Client,
    RecordKind::Site,
    RecordKind::AssetType,
    RecordKind::Asset,
];

impl Engine {
    /// What the records that these operations of a bridge's plan point to are called.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn called<'a>(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        operations: impl IntoIterator<Item = &'a Operation> + Send,
    ) -> Result<Called> {
        let mut pointed = Pointed::of(operations);
        require(actor, ActorRole::Viewer, "see plans")?;
        let destination = self.store.connection(&bridge.destination).await?;
        let is_registry = destination.kind == REGISTRY;
        let mut called = Called {
            is_registry,
            ..Called::default()
        };
        let mut linked = Vec::new();
        if is_registry {
            for kind in KINDS {
                let ids = of_kind(&pointed.records, kind);
                let names = self.store.registry_names(kind, &ids).await?;
                called
                    .records
                    .extend(names.into_iter().map(|(id, name)| ((kind, id), name)));
            }
        } else {
            for kind in KINDS {
                let ids = of_kind(&pointed.records, kind);
                for (record, source) in self.store.sources_linked_to(&bridge.id, kind, &ids).await? {
                    pointed.source(kind, &source);
                    linked.push((kind, record, source));
                }
            }
        }
        for kind in KINDS {
            let ids = of_kind(&pointed.sources, kind);
            let names = self.store.source_names(&bridge.source, kind, &ids).await?;
            called
                .sources
                .extend(names.into_iter().map(|(id, name)| ((kind, id), name)));
        }
        for (kind, record, source) in linked {
            if let Some(name) = called.sources.get(&(kind, source)).cloned() {
                called.records.insert((kind, record), name);
            }
        }
        Ok(called)
    }
}
