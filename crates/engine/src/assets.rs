//! Looking at the registry's assets: lists, one asset, and where each of its values came from.

use crate::engine::{Engine, require};
use crate::error::Result;
use jiff::Timestamp;
use model::{Actor, ActorRole, Bridge, BridgeId, Ignored, RecordId, RecordKind, RuleValue, SourceId};
use serde_json::Value;
use store::registry::AssetFilter;
pub use store::registry::{AssetOrder, AssetQuery, RegistryAsset};

/// One value of an asset and where it came from.
#[derive(Clone, Debug)]
pub struct FieldOrigin {
    /// Key of the field.
    pub field: String,
    /// What people call it.
    pub label: String,
    /// What stands there.
    pub value: Value,
    /// The run that wrote exactly this value, and when; `None` for what a person entered or changed since.
    pub written: Option<(model::RunId, Timestamp)>,
    /// The part of the device the bridge's rule for this field takes, as the rule stands now; `None` where a run did not
    /// write the value, or no part of the device is taken.
    pub part: Option<String>,
}

/// An asset with the origin of its values.
#[derive(Clone, Debug)]
pub struct AssetDetail {
    /// The asset.
    pub asset: RegistryAsset,
    /// Its values, by field.
    pub fields: Vec<FieldOrigin>,
    /// The device it is linked to.
    pub device: Option<LinkedDevice>,
}

/// The device an asset is linked to.
#[derive(Clone, Debug)]
pub struct LinkedDevice {
    /// The bridge that linked it.
    pub bridge: BridgeId,
    /// The bridge's name.
    pub bridge_name: String,
    /// The source's id of it.
    pub id: SourceId,
    /// Its page at the source.
    pub url: Option<String>,
    /// Why it is left alone, if a person said so.
    pub ignored: Option<Ignored>,
}

impl Engine {
    /// Assets of the registry.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn assets(&self, actor: &Actor, filter: &AssetFilter) -> Result<Vec<RegistryAsset>> {
        require(actor, ActorRole::Viewer, "see assets")?;
        Ok(self.store.registry_assets(filter).await?)
    }

    /// A page of the registry's assets as people look through them, and how many there are on all pages.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn asset_list(&self, actor: &Actor, query: &AssetQuery) -> Result<(Vec<RegistryAsset>, u64)> {
        require(actor, ActorRole::Viewer, "see assets")?;
        Ok(self.store.registry_asset_list(query).await?)
    }

    /// One asset of the registry, with the origin of every value.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn asset(&self, actor: &Actor, id: &RecordId) -> Result<Option<AssetDetail>> {
        require(actor, ActorRole::Viewer, "see assets")?;
        let Some(asset) = self.store.registry_asset(id).await? else {
            return Ok(None);
        };
        let mut link = None;
        for bridge in self.store.bridges().await? {
            if let Some(found) = self.store.link_to(&bridge.id, RecordKind::Asset, id).await? {
                link = Some((bridge, found));
                break;
            }
        }
        // The registry's own order, so that every asset reads alike.
        let fields = self
            .store
            .registry_fields()
            .await?
            .iter()
            .filter_map(|target| Some((target, asset.asset.fields.get_key_value(&target.key)?)))
            .map(|(target, (field, value))| {
                let written = link
                    .as_ref()
                    .and_then(|(_, l)| l.written.get(field))
                    .filter(|w| &w.value == value);
                let rules = link.iter().flat_map(|(bridge, _)| &bridge.settings.mapping.rules);
                let part = rules
                    .filter(|rule| written.is_some() && rule.target == *field)
                    .find_map(|rule| match &rule.value {
                        RuleValue::Expression(part) => Some(part.clone()),
                        RuleValue::Constant(_) => None,
                    });
                FieldOrigin {
                    part,
                    field: field.clone(),
                    label: target.label.clone(),
                    value: value.clone(),
                    written: written.map(|w| {
                        (
                            w.run.clone(),
                            Timestamp::from_microsecond(w.at).unwrap_or_default(),
                        )
                    }),
                }
            })
            .collect();
        let device = match link {
            Some((bridge, link)) => {
                let decided = self.store.record_decisions(&bridge.id).await?;
                Some(LinkedDevice {
                    url: self.device_url(&bridge, &link.source).await,
                    ignored: decided.ignored(RecordKind::Asset, &link.source).cloned(),
                    bridge: bridge.id,
                    bridge_name: bridge.name,
                    id: link.source,
                })
            }
            None => None,
        };
        Ok(Some(AssetDetail {
            asset,
            fields,
            device,
        }))
    }

    /// Where a person finds a device in the vendor's own pages, if the source can be opened and has such pages.
    pub async fn device_url(&self, bridge: &Bridge, device: &SourceId) -> Option<String> {
        let (_, source) = self.open_source(&bridge.source).await.ok()?;
        source.device_url(device)
    }
}
