//! Making bridges and changing their settings.

use crate::connecting::ConnectionRequest;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::{Secrets, SettingProblem};
use model::{
    Actor, ActorRole, Bridge, BridgeId, BridgeSettings, Connection, ConnectionId, Mapping, NewOrganizations,
    TargetField,
};
pub use plan::presets::{ABOUT as PRESETS, About as Preset};
use store::Snapshot;

/// The kind of connection that is the built-in registry.
pub const REGISTRY: &str = "registry";

/// Most letters of a bridge's name.
const LONGEST_NAME: usize = 60;

/// A bridge to be made.
#[derive(Clone, Debug)]
pub struct NewBridge {
    /// What people call it.
    pub name: String,
    /// Where devices are read.
    pub source: ConnectionId,
    /// Where clients and assets are kept.
    pub destination: ConnectionId,
    /// The preset it starts from.
    pub preset: String,
    /// What happens to organizations that nothing decided; the preset's own when `None`.
    pub new_organizations: Option<NewOrganizations>,
    /// Whether devices are imported at all; the preset's own when `None`.
    pub devices: Option<bool>,
}

/// A bridge with what it joins.
#[derive(Clone, Debug)]
pub struct BridgeDetail {
    /// The bridge.
    pub bridge: Bridge,
    /// Where its devices are read.
    pub source: Connection,
    /// Where its assets are kept.
    pub destination: Connection,
    /// What was read last; `None` before the first read.
    pub read: Option<Snapshot>,
}

impl Engine {
    /// All bridges.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bridges(&self, actor: &Actor) -> Result<Vec<Bridge>> {
        require(actor, ActorRole::Viewer, "see bridges")?;
        Ok(self.store.bridges().await?)
    }

    /// The bridge of that id, with what it joins.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn bridge_detail(&self, actor: &Actor, id: &BridgeId) -> Result<BridgeDetail> {
        require(actor, ActorRole::Viewer, "see bridges")?;
        let bridge = self.store.bridge(id).await?;
        Ok(BridgeDetail {
            source: self.store.connection(&bridge.source).await?,
            destination: self.store.connection(&bridge.destination).await?,
            read: self.store.current_snapshot(&bridge.source).await?,
            bridge,
        })
    }

    /// The built-in registry's connection, made when it is first needed.
    ///
    /// # Errors
    /// When the actor is no Owner and it has to be made, or the store fails.
    pub async fn registry_connection(&self, actor: &Actor) -> Result<Connection> {
        require(actor, ActorRole::Viewer, "see connections")?;
        let all = self.store.connections().await?;
        if let Some(found) = all.into_iter().find(|c| c.kind == REGISTRY) {
            return Ok(found);
        }
        let request = ConnectionRequest {
            kind: REGISTRY.to_owned(),
            name: REGISTRY.to_owned(),
            settings: serde_json::json!({}),
            secrets: Secrets::new(),
            allow_private_hosts: false,
        };
        self.save_connection(actor, request).await
    }

    /// Joins a source to a destination, with the settings of a preset as they are.
    ///
    /// # Errors
    /// As [`Engine::build_bridge`].
    pub async fn add_bridge(
        &self,
        actor: &Actor,
        name: &str,
        source: &ConnectionId,
        destination: &ConnectionId,
        preset: &str,
    ) -> Result<Bridge> {
        let new = NewBridge {
            name: name.to_owned(),
            source: source.clone(),
            destination: destination.clone(),
            preset: preset.to_owned(),
            new_organizations: None,
            devices: None,
        };
        self.build_bridge(actor, new).await
    }

    /// Joins a source to a destination.
    ///
    /// # Errors
    /// When the name cannot be used, there is no such preset, or a connection cannot take its part.
    pub async fn build_bridge(&self, actor: &Actor, new: NewBridge) -> Result<Bridge> {
        require(actor, ActorRole::Owner, "make bridges")?;
        let NewBridge {
            name,
            source,
            destination,
            preset,
            ..
        } = &new;
        let name = judge_name(name)?;
        let mut settings = preset_settings(preset)?;
        settings.new_organizations = new.new_organizations.unwrap_or(settings.new_organizations);
        settings.devices = new.devices.unwrap_or(settings.devices);
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

    /// Pauses the schedule of a bridge for that reason: people go on by hand.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    pub async fn pause_bridge(&self, actor: &Actor, bridge: &Bridge, reason: &str) -> Result<Bridge> {
        require(actor, ActorRole::Technician, "pause bridges")?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Error::NoReason {
                doing: "pausing a bridge",
            });
        }
        self.acting(actor)
            .store
            .pause_bridge(&bridge.id, Some(reason))
            .await?;
        Ok(self.store.bridge(&bridge.id).await?)
    }

    /// Changes a bridge's settings, and its name to that of `bridge`. Plans made before are refused from then on.
    ///
    /// # Errors
    /// When the name or the settings cannot be used or the bridge was changed by somebody else meanwhile.
    pub async fn change_bridge(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        settings: BridgeSettings,
    ) -> Result<Bridge> {
        require(actor, ActorRole::Owner, "change bridges")?;
        judge(&bridge.settings, &settings)?;
        let changed = Bridge {
            name: judge_name(&bridge.name)?.to_owned(),
            settings,
            ..bridge.clone()
        };
        self.compiled_mapping(&changed).await?;
        self.acting(actor).store.update_bridge(&changed).await?;
        Ok(self.store.bridge(&bridge.id).await?)
    }
}

/// A name a bridge may have, without space around it.
fn judge_name(name: &str) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() {
        return Err(at_name("enter a name".to_owned()));
    }
    // What turns the direction of writing would make a name read as another.
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.chars().count() > LONGEST_NAME || name.chars().any(|c| c.is_control() || turns(c)) {
        return Err(at_name(format!(
            "at most {LONGEST_NAME} letters, without control characters"
        )));
    }
    Ok(name)
}

fn at_name(message: String) -> Error {
    Error::Input {
        problems: vec![SettingProblem {
            key: "name".to_owned(),
            message,
        }],
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
