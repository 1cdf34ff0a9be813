//! From an operation to a write: what it refers to is resolved to records that exist by now.

use connect::{Marker, NewAsset, Write};
use model::operation::{Action, ClientTarget, Operation, SiteTarget, TypeTarget};
use model::{Bridge, RecordId, RecordKind, SourceId};
use std::collections::BTreeMap;
use store::Store;

/// The links of a bridge while a plan is applied.
#[derive(Debug, Default)]
pub(crate) struct Links {
    by_kind: BTreeMap<RecordKind, BTreeMap<SourceId, RecordId>>,
}

impl Links {
    pub(crate) async fn load(store: &Store, bridge: &Bridge) -> store::Result<Self> {
        let mut by_kind = BTreeMap::new();
        for kind in [
            RecordKind::Client,
            RecordKind::Site,
            RecordKind::AssetType,
            RecordKind::Asset,
        ] {
            by_kind.insert(kind, store.links(&bridge.id, kind).await?);
        }
        Ok(Self { by_kind })
    }

    pub(crate) fn get(&self, kind: RecordKind, source: &SourceId) -> Option<&RecordId> {
        self.by_kind.get(&kind)?.get(source)
    }

    pub(crate) fn add(&mut self, kind: RecordKind, source: &SourceId, record: &RecordId) {
        self.by_kind
            .entry(kind)
            .or_default()
            .insert(source.clone(), record.clone());
    }

    /// The write of an operation, or why it cannot be written yet.
    pub(crate) fn write(&self, operation: &Operation, marker: Marker) -> Result<Write, String> {
        let source_id = operation.subject.source_id.0.clone();
        Ok(match &operation.action {
            Action::CreateClient(draft) => Write::CreateClient {
                marker,
                name: draft.name.clone(),
                source_id,
            },
            Action::CreateSite(draft) => Write::CreateSite {
                marker,
                client: self.client(&draft.client)?,
                name: draft.name.clone(),
            },
            Action::CreateAssetType(draft) => Write::CreateAssetType {
                marker,
                name: draft.name.clone(),
                group: draft.group.clone(),
            },
            Action::CreateAsset(draft) => Write::CreateAsset {
                marker,
                asset: NewAsset {
                    client: self.client(&draft.client)?,
                    site: draft.site.as_ref().map(|s| self.site(s)).transpose()?,
                    asset_type: draft
                        .asset_type
                        .as_ref()
                        .map(|t| self.asset_type(t))
                        .transpose()?,
                    source_id,
                    fields: draft.fields.clone(),
                },
            },
            Action::Link { record, changes, .. } => Write::UpdateAsset {
                id: record.clone(),
                changes: changes.clone(),
                client: None,
                site: None,
                asset_type: None,
                source_id: Some(Some(source_id)),
            },
            Action::UpdateAsset {
                asset,
                changes,
                moved,
            } => {
                let moved = moved.clone().unwrap_or_default();
                Write::UpdateAsset {
                    id: asset.clone(),
                    changes: changes.clone(),
                    client: moved.client.as_ref().map(|c| self.client(c)).transpose()?,
                    // A site belongs to its client: whoever leaves the client leaves the site.
                    site: match &moved.site {
                        Some(site) => Some(Some(self.site(site)?)),
                        None => (moved.client.is_some() || moved.leaves_site).then_some(None),
                    },
                    asset_type: moved
                        .asset_type
                        .as_ref()
                        .map(|t| self.asset_type(t))
                        .transpose()?,
                    source_id: None,
                }
            }
            Action::ArchiveAsset { asset } => Write::ArchiveAsset { id: asset.clone() },
            Action::RestoreAsset { asset } => Write::RestoreAsset { id: asset.clone() },
            Action::Unlink {
                record,
                changes,
                back,
            } => Write::UpdateAsset {
                id: record.clone(),
                changes: changes.clone(),
                client: None,
                site: None,
                asset_type: None,
                source_id: back.as_ref().map(|back| back.source_id.clone()),
            },
            Action::Review { .. } | Action::Skip => return Err("it writes nothing".to_owned()),
        })
    }

    fn client(&self, target: &ClientTarget) -> Result<RecordId, String> {
        match target {
            ClientTarget::Existing(id) => Ok(id.clone()),
            ClientTarget::Of(organization) => self.of(RecordKind::Client, organization, "client"),
        }
    }

    fn site(&self, target: &SiteTarget) -> Result<RecordId, String> {
        match target {
            SiteTarget::Existing(id) => Ok(id.clone()),
            SiteTarget::Of(location) => self.of(RecordKind::Site, location, "site"),
        }
    }

    fn asset_type(&self, target: &TypeTarget) -> Result<RecordId, String> {
        match target {
            TypeTarget::Existing(id) => Ok(id.clone()),
            TypeTarget::Of(role) => self.of(RecordKind::AssetType, role, "asset type"),
        }
    }

    fn of(&self, kind: RecordKind, source: &SourceId, what: &str) -> Result<RecordId, String> {
        self.get(kind, source).cloned().ok_or_else(|| {
            format!("the {what} it belongs to was not created (source id {source}); apply the plan again after mending that")
        })
    }
}
