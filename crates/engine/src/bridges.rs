//! Making bridges and changing their settings.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::SettingProblem;
use model::{Actor, ActorRole, Bridge, BridgeSettings, ConnectionId, Mapping, TargetField};

impl Engine {
    /// All bridges.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bridges(&self, actor: &Actor) -> Result<Vec<Bridge>> {
        require(actor, ActorRole::Viewer, "see bridges")?;
        Ok(self.store.bridges().await?)
    }

    /// Joins a source to a destination, with the settings of a preset.
    ///
    /// # Errors
    /// When there is no such preset, or a connection cannot take its part.
    pub async fn add_bridge(
        &self,
        actor: &Actor,
        name: &str,
        source: &ConnectionId,
        destination: &ConnectionId,
        preset: &str,
    ) -> Result<Bridge> {
        require(actor, ActorRole::Owner, "make bridges")?;
        let mut settings = preset_settings(preset)?;
        self.open_source(source).await?;
        let (connection, opened) = self.open_destination(destination).await?;
        if settings.mapping.fixed_by.is_none() {
            let targets = match opened.target_fields().await {
                Ok(targets) => targets,
                Err(error) => return Err(self.met(&connection, error).await),
            };
            leave_out_missing(
                &mut settings.mapping,
                &targets,
                opened.capabilities().create_fields,
            );
        }
        Ok(self
            .acting(actor)
            .store
            .add_bridge(name, source, destination, preset, settings)
            .await?)
    }

    /// Changes a bridge's settings. Plans made before are refused from then on.
    ///
    /// # Errors
    /// When the settings cannot be used or the bridge was changed by somebody else meanwhile.
    pub async fn change_bridge(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        settings: BridgeSettings,
    ) -> Result<Bridge> {
        require(actor, ActorRole::Owner, "change bridges")?;
        judge(&bridge.settings, &settings)?;
        let changed = Bridge {
            settings,
            ..bridge.clone()
        };
        self.compiled_mapping(&changed).await?;
        self.acting(actor).store.update_bridge(&changed).await?;
        Ok(self.store.bridge(&bridge.id).await?)
    }
}

/// The settings a preset starts with.
pub(crate) fn preset_settings(preset: &str) -> Result<BridgeSettings> {
    plan::presets::settings(preset).ok_or_else(|| Error::Unknown {
        what: "preset",
        name: preset.to_owned(),
        known: Some(plan::presets::PRESETS.join(", ")),
    })
}

/// Leaves out of a preset's mapping what this destination has no field for and cannot be given one. A mapping that the
/// preset fixes is never cut.
fn leave_out_missing(mapping: &mut Mapping, targets: &[TargetField], creates: bool) {
    mapping.rules.retain(|rule| {
        targets.iter().any(|target| target.key == rule.target) || (creates && rule.create.is_some())
    });
}

/// Whether `new` may follow `old`, as far as the two tell.
pub(crate) fn judge(old: &BridgeSettings, new: &BridgeSettings) -> Result<()> {
    if let (Some(by), true) = (&old.mapping.fixed_by, new.mapping != old.mapping)
        && new.mapping.fixed_by.is_some()
    {
        let message =
            format!("the mapping is fixed by the preset {by}; remove `fixed_by` to make it the bridge's own");
        return Err(problem("mapping", message));
    }
    for (key, share) in [
        ("brakes.archive_share", new.brakes.archive_share),
        ("brakes.change_share", new.brakes.change_share),
    ] {
        if !(0.0..=1.0).contains(&share) {
            return Err(problem(key, format!("{share} is no share between 0 and 1")));
        }
    }
    if let Some(field) = &new.asset_match_field
        && !new.mapping.rules.iter().any(|rule| &rule.target == field)
    {
        return Err(problem(
            "asset_match_field",
            format!("`{field}` must be mapped to recognize assets by it"),
        ));
    }
    Ok(())
}

fn problem(key: &str, message: String) -> Error {
    Error::Settings {
        kind: "bridge".to_owned(),
        problems: vec![SettingProblem {
            key: key.to_owned(),
            message,
        }],
    }
}
