//! Leaving devices alone from the side of their assets: excluding them, and taking the link away.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::row_errors::given;
use model::{Actor, ActorRole, Bridge, RecordId, RecordKind, SourceId};
use std::collections::BTreeMap;

impl Engine {
    /// Leaves the devices of these assets alone from now on, for a reason: the assets stay as they are, whatever changes
    /// at the source. How many were; assets that no device is linked to are passed over.
    ///
    /// # Errors
    /// [`Error::NoReason`] without a reason; nothing is stored then.
    pub async fn exclude_assets(&self, actor: &Actor, assets: &[RecordId], reason: &str) -> Result<usize> {
        require(actor, ActorRole::Technician, "exclude devices")?;
        let reason = given(reason, "excluding devices")?;
        let mut by_bridge: BTreeMap<String, (Bridge, Vec<(RecordKind, SourceId)>)> = BTreeMap::new();
        for asset in assets {
            if let Some((bridge, source)) = self.device_of(asset).await? {
                let of_bridge = by_bridge
                    .entry(bridge.id.to_string())
                    .or_insert_with(|| (bridge, Vec::new()));
                of_bridge.1.push((RecordKind::Asset, source));
            }
        }
        let mut excluded = 0;
        for (bridge, records) in by_bridge.into_values() {
            excluded += self
                .ignore_records(actor, &bridge, &records, &reason)
                .await?
                .len();
        }
        Ok(excluded)
    }

    /// Forgets that an asset is the device it is linked to, and leaves that device alone until somebody lets it come
    /// again: the next plan would link them again otherwise. The asset stays as it is.
    ///
    /// # Errors
    /// [`Error::NoReason`] without a reason, [`Error::Unknown`] when no device is linked to it.
    pub async fn unlink_asset(&self, actor: &Actor, asset: &RecordId, reason: &str) -> Result<()> {
        require(actor, ActorRole::Technician, "take links away")?;
        let reason = given(reason, "taking a link away")?;
        let (bridge, source) = self.linked(asset).await?;
        let record = (RecordKind::Asset, source);
        let ignored = self.to_ignore(actor, &bridge, &record, &reason).await?;
        let store = &self.acting(actor).store;
        store.unlink_and_ignore(&bridge.id, &ignored).await?;
        Ok(())
    }

    /// Lets the device of an asset come again.
    ///
    /// # Errors
    /// [`Error::Unknown`] when no device is linked to it, or it is not left alone.
    pub async fn include_asset(&self, actor: &Actor, asset: &RecordId) -> Result<()> {
        require(actor, ActorRole::Technician, "exclude devices")?;
        let (bridge, source) = self.linked(asset).await?;
        let records = [(RecordKind::Asset, source)];
        self.unignore_records(actor, &bridge, &records).await?;
        Ok(())
    }

    async fn linked(&self, asset: &RecordId) -> Result<(Bridge, SourceId)> {
        self.device_of(asset).await?.ok_or_else(|| Error::Unknown {
            what: "device linked to asset",
            name: asset.to_string(),
            known: None,
        })
    }

    /// The device an asset is linked to, with the bridge that did so.
    async fn device_of(&self, asset: &RecordId) -> Result<Option<(Bridge, SourceId)>> {
        for bridge in self.store.bridges().await? {
            if let Some(link) = self.store.link_to(&bridge.id, RecordKind::Asset, asset).await? {
                return Ok(Some((bridge, link.source)));
            }
        }
        Ok(None)
    }
}
