//! The mapping of a bridge: compiled, fingerprinted, and previewed on a device.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use model::{
    Actor, ActorRole, Bridge, DeviceProjection, FieldFault, Fields, Mapping, Presence, SourceId, TargetField,
};
use sha2::{Digest, Sha256};

/// Moved on when projections of the same mapping come out differently, so that stored ones are made anew.
const PROJECTION_FORMAT: &str = "1";

/// A bridge's mapping, ready for use.
pub(crate) struct BridgeMapping {
    pub(crate) compiled: plan::CompiledMapping,
    /// Tells projections made with it from others.
    pub(crate) digest: [u8; 32],
    /// Fields that rules ask to be created and that are not there yet.
    pub(crate) missing_fields: Vec<TargetField>,
}

/// What a mapping makes of one device.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What people call the device.
    pub label: String,
    /// The mapped fields.
    pub fields: Fields,
    /// Fields that were skipped, and why.
    pub faults: Vec<FieldFault>,
    /// The device document.
    pub document: serde_json::Value,
}

impl Engine {
    pub(crate) async fn compiled_mapping(&self, bridge: &Bridge) -> Result<BridgeMapping> {
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        let targets = match destination.target_fields().await {
            Ok(targets) => targets,
            Err(error) => return Err(self.met(&connection, error).await),
        };
        compile(&bridge.name, &bridge.settings.mapping, &targets)
    }

    /// Shows what a bridge's mapping makes of one device of the last snapshot.
    ///
    /// # Errors
    /// When there is no such device, or the mapping cannot be used.
    pub async fn preview(&self, actor: &Actor, bridge: &Bridge, device: &SourceId) -> Result<Preview> {
        require(actor, ActorRole::Viewer, "see devices")?;
        let (connection, source) = self.open_source(&bridge.source).await?;
        let row = self.store.device(&bridge.source, device).await?;
        let row = row.ok_or_else(|| Error::Unknown {
            what: "device",
            name: device.to_string(),
            known: None,
        })?;
        let mapping = self.compiled_mapping(bridge).await?;
        let converted = source
            .document(&row.raw)
            .map_err(Error::outside(&connection.name))?;
        let DeviceProjection {
            label,
            fields,
            mut faults,
            ..
        } = plan::project(&converted.document, &mapping.compiled, Presence::Present);
        faults.extend(converted.faults);
        Ok(Preview {
            label,
            fields,
            faults,
            document: converted.document,
        })
    }
}

/// Compiles the mapping of the bridge of that name for a destination that has these fields.
///
/// # Errors
/// [`Error::Mapping`] when a rule cannot be used.
pub(crate) fn compile(bridge: &str, mapping: &Mapping, targets: &[TargetField]) -> Result<BridgeMapping> {
    let compiled = plan::CompiledMapping::compile(mapping, targets).map_err(|error| Error::Mapping {
        bridge: bridge.to_owned(),
        error,
    })?;
    let used: Vec<&TargetField> = targets
        .iter()
        .filter(|t| mapping.rules.iter().any(|rule| rule.target == t.key))
        .collect();
    let identity =
        serde_json::to_vec(&(PROJECTION_FORMAT, mapping, used)).map_err(|source| store::Error::Stored {
            what: "mapping",
            source,
        })?;
    let missing_fields = mapping
        .rules
        .iter()
        .filter(|rule| !targets.iter().any(|t| t.key == rule.target))
        .filter_map(|rule| {
            let new = rule.create.as_ref()?;
            let (label, field_type) = (new.label.clone(), new.field_type);
            Some(TargetField {
                key: rule.target.clone(),
                label,
                field_type,
                custom: true,
            })
        })
        .collect();
    Ok(BridgeMapping {
        compiled,
        digest: Sha256::digest(&identity).into(),
        missing_fields,
    })
}
