//! The field rules of a bridge as people edit them: one rule at a time, looked at on a device before it is kept.
//!
//! Whoever edits says which mapping they saw ([`version`]). A mapping somebody else changed meanwhile is not overwritten
//! unseen; decisions about organizations, which move the bridge's generation on too, do not get in the way.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::SettingProblem;
use model::{
    Actor, ActorRole, Bridge, BridgeId, FieldFault, FieldRule, Mapping, Presence, RecordKind, Role, SourceId,
    TargetField,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Devices a search shows.
const SHOWN: usize = 20;
/// How often a change is tried over while decisions move the bridge on.
const TRIES: u32 = 5;

/// What rules can write to.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Fields there are.
    pub fields: Vec<TargetField>,
    /// Whether the destination can be given more.
    pub creates: bool,
}

/// A device rules are tried on.
#[derive(Clone, Debug)]
pub struct SampleDevice {
    /// The source's id.
    pub id: SourceId,
    /// What people call it.
    pub label: String,
    /// The name of its organization.
    pub organization: String,
    /// Its document.
    pub document: Value,
    /// Parts of it that could not be read.
    pub faults: Vec<FieldFault>,
}

/// What a rule makes of a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Tried {
    /// This value.
    Value(Value),
    /// Nothing: the device does not have it.
    Absent,
    /// The value does not fit the field.
    Fault(String),
}

/// Tells one mapping from another: two are alike when nobody changed anything between them.
pub fn version(mapping: &Mapping) -> String {
    let text = serde_json::to_vec(mapping).unwrap_or_default();
    let digest = Sha256::digest(&text);
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    /// The fields a bridge's destination has.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    pub async fn targets(&self, actor: &Actor, bridge: &Bridge) -> Result<Targets> {
        require(actor, ActorRole::Viewer, "see fields")?;
        let (connection, destination) = self.open_destination(&bridge.destination).await?;
        match destination.target_fields().await {
            Ok(fields) => Ok(Targets {
                fields,
                creates: destination.capabilities().create_fields,
            }),
            Err(error) => Err(self.met(&connection, error).await),
        }
    }

    /// Devices of the last snapshot that hold what was asked for anywhere in their document, the first by id; any when
    /// nothing was asked for.
    ///
    /// # Errors
    /// When the source cannot be opened.
    pub async fn sample_devices(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        query: &str,
    ) -> Result<Vec<SampleDevice>> {
        require(actor, ActorRole::Viewer, "see devices")?;
        let query = query.trim();
        let mut rows = self.store.devices_holding(&bridge.source, query, SHOWN).await?;
        if let Some(row) = self.store.device(&bridge.source, &query.into()).await? {
            rows.retain(|other| other.id != row.id);
            rows.insert(0, row);
        }
        self.samples(bridge, rows).await
    }

    /// One device of the last snapshot.
    ///
    /// # Errors
    /// When the source cannot be opened.
    pub async fn sample_device(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        device: &SourceId,
    ) -> Result<Option<SampleDevice>> {
        require(actor, ActorRole::Viewer, "see devices")?;
        let row = self.store.device(&bridge.source, device).await?;
        Ok(self.samples(bridge, row.into_iter().collect()).await?.pop())
    }

    async fn samples(&self, bridge: &Bridge, rows: Vec<store::DeviceRow>) -> Result<Vec<SampleDevice>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let (_, source) = self.open_source(&bridge.source).await?;
        let organizations: Vec<SourceId> = rows.iter().map(|row| row.organization.clone()).collect();
        let organizations = self
            .store
            .source_names(&bridge.source, RecordKind::Client, &organizations)
            .await?;
        let names = plan::CompiledMapping::compile(&Mapping::default(), &[]).map_err(in_bridge(bridge))?;
        let mut samples = Vec::with_capacity(rows.len());
        for row in rows {
            // One that cannot be read is no good to try rules on.
            let Ok(converted) = source.document(&row.raw) else {
                continue;
            };
            let label = plan::project(&converted.document, &names, Presence::Present).label;
            samples.push(SampleDevice {
                id: row.id,
                label,
                organization: organizations.get(&row.organization).cloned().unwrap_or_default(),
                document: converted.document,
                faults: converted.faults,
            });
        }
        Ok(samples)
    }

    /// The roles devices have at a bridge's source, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn roles(&self, actor: &Actor, bridge: &Bridge) -> Result<Vec<Role>> {
        require(actor, ActorRole::Viewer, "see roles")?;
        let mut roles = self.store.roles(&bridge.source).await?;
        roles.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(roles)
    }

    /// What one rule makes of a device, whether it is kept or not.
    ///
    /// # Errors
    /// [`Error::Input`] at `source`, `target`, `transform` or `constant` when the rule cannot be used.
    pub fn try_rule(
        &self,
        bridge: &Bridge,
        targets: &Targets,
        rule: &FieldRule,
        document: &Value,
    ) -> Result<Tried> {
        let mapping = Mapping {
            fixed_by: None,
            rules: vec![rule.clone()],
        };
        let compiled = plan::CompiledMapping::compile(&mapping, &targets.fields)
            .map_err(|error| at_rule(bridge, error, 1))?;
        let (fields, faults) = compiled.apply(document);
        if let Some(fault) = faults.into_iter().next() {
            let prefix = format!("{}: ", rule.target);
            let message = fault.message;
            let message = message
                .strip_prefix(&prefix)
                .map(str::to_owned)
                .unwrap_or(message);
            return Ok(Tried::Fault(message));
        }
        Ok(match fields.get(&rule.target) {
            None | Some(Value::Null) => Tried::Absent,
            Some(value) => Tried::Value(value.clone()),
        })
    }

    /// Keeps a rule: in the place of the one that writes the field `was`, or as a new one at the end. `seen` is the
    /// version of the mapping the person looked at.
    ///
    /// # Errors
    /// [`Error::Input`] at the part of the rule that cannot be used, [`store::Error::Moved`] when somebody else changed
    /// the mapping meanwhile; nothing is changed then.
    pub async fn save_rule(
        &self,
        actor: &Actor,
        bridge: &BridgeId,
        seen: &str,
        was: Option<&str>,
        rule: &FieldRule,
    ) -> Result<Bridge> {
        let mut number = 0;
        let changed = self
            .change_mapping(actor, bridge, seen, |mapping| {
                let place = was.and_then(|was| mapping.rules.iter().position(|r| r.target == was));
                match place.and_then(|place| mapping.rules.get_mut(place)) {
                    Some(old) => *old = rule.clone(),
                    None => mapping.rules.push(rule.clone()),
                }
                number = place.unwrap_or(mapping.rules.len() - 1) + 1;
            })
            .await;
        match changed {
            Err(Error::Mapping { bridge, error }) => Err(at_number(bridge, error, number)),
            other => other,
        }
    }

    /// Takes the rule away that writes this field.
    ///
    /// # Errors
    /// As [`Engine::save_rule`].
    pub async fn remove_rule(
        &self,
        actor: &Actor,
        bridge: &BridgeId,
        seen: &str,
        target: &str,
    ) -> Result<Bridge> {
        self.change_mapping(actor, bridge, seen, |mapping| {
            mapping.rules.retain(|rule| rule.target != target);
        })
        .await
    }

    /// Makes a mapping that a preset fixes the bridge's own ("copy to edit").
    ///
    /// # Errors
    /// As [`Engine::save_rule`].
    pub async fn copy_fixed_mapping(&self, actor: &Actor, bridge: &BridgeId, seen: &str) -> Result<Bridge> {
        self.change_mapping(actor, bridge, seen, |mapping| mapping.fixed_by = None)
            .await
    }

    async fn change_mapping(
        &self,
        actor: &Actor,
        id: &BridgeId,
        seen: &str,
        mut change: impl FnMut(&mut Mapping),
    ) -> Result<Bridge> {
        require(actor, ActorRole::Owner, "change bridges")?;
        let mut tries = 0;
        loop {
            let bridge = self.store.bridge(id).await?;
            let what = || format!("the mapping of bridge `{}`", bridge.name);
            if version(&bridge.settings.mapping) != seen {
                return Err(store::Error::Moved { what: what() }.into());
            }
            let mut settings = bridge.settings.clone();
            change(&mut settings.mapping);
            tries += 1;
            match self.change_bridge(actor, &bridge, settings).await {
                Err(Error::Store(store::Error::Moved { .. })) if tries < TRIES => {}
                done => return done,
            }
        }
    }
}

fn in_bridge(bridge: &Bridge) -> impl Fn(plan::MappingError) -> Error + '_ {
    |error| Error::Mapping {
        bridge: bridge.name.clone(),
        error,
    }
}

fn at_rule(bridge: &Bridge, error: plan::MappingError, number: usize) -> Error {
    at_number(bridge.name.clone(), error, number)
}

/// A mapping's problem as one of the fields of the form of that rule, where it is about it.
fn at_number(bridge: String, error: plan::MappingError, number: usize) -> Error {
    match error.at(number) {
        Some((key, message)) => Error::Input {
            problems: vec![SettingProblem {
                key: key.to_owned(),
                message,
            }],
        },
        None => Error::Mapping { bridge, error },
    }
}
