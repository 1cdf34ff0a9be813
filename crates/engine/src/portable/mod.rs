//! The configuration as a document, without secrets: to keep beside other configuration, or to set up a second hub.

mod decisions;
mod importing;
mod judging;
mod records;

use crate::engine::{Engine, require};
use crate::error::Result;
use model::{Actor, ActorRole, BridgeSettings, SourceId, Verdict};
pub use records::{PortableConflict, PortableIgnored};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format's version; a newer document is refused.
const FORMAT: u32 = 1;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Version of this format.
    pub rmmbridge: u32,
    /// Connections by name.
    pub connections: BTreeMap<String, PortableConnection>,
    /// Bridges by name.
    pub bridges: BTreeMap<String, PortableBridge>,
}

/// A connection without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableConnection {
    /// The connector's name.
    pub kind: String,
    /// The connector's settings.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// Whether private and loopback hosts are allowed.
    #[serde(default)]
    pub allow_private_hosts: bool,
    /// Whether writes are refused whatever a plan says; a document without it leaves that as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// A bridge by the names of its connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableBridge {
    /// Name of the source.
    pub source: String,
    /// Name of the destination.
    pub destination: String,
    /// The preset it started from.
    pub preset: String,
    /// How it works.
    pub settings: BridgeSettings,
    /// Decisions by organization id. They hold only for the same tenant and destination.
    #[serde(default)]
    pub decisions: BTreeMap<String, PortableDecision>,
    /// Records that are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<PortableIgnored>,
    /// Whose values stand where a person had changed what was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PortableConflict>,
}

/// A decision and the name of its organization, since another tenant has the same small ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableDecision {
    /// The organization's name when it was exported; `None` when it was not in what was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What was decided.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What an import of a configuration did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortableReport {
    /// Connections made or changed, by name.
    pub connections: Vec<String>,
    /// Bridges made or changed, by name.
    pub bridges: Vec<String>,
    /// Connections that have to be given their secrets and authorized.
    pub to_authorize: Vec<String>,
    /// What could not be taken over, and why.
    pub left_out: Vec<String>,
}

impl Engine {
    /// The whole configuration without secrets.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export_configuration(&self, actor: &Actor) -> Result<Configuration> {
        require(actor, ActorRole::Owner, "export the configuration")?;
        let connections = self.store.connections().await?;
        let name_of = |id: &model::ConnectionId| {
            connections
                .iter()
                .find(|c| &c.id == id)
                .map_or_else(|| id.to_string(), |c| c.name.clone())
        };
        let mut bridges = BTreeMap::new();
        for bridge in self.store.bridges().await? {
            let organizations = self.store.organizations(&bridge.source).await?;
            let names: BTreeMap<SourceId, String> =
                organizations.into_iter().map(|o| (o.id, o.name)).collect();
            let decisions = self.store.decisions(&bridge.id).await?.into_iter();
            let decisions = decisions.map(|(id, decision)| {
                let portable = PortableDecision {
                    organization: names.get(&id).cloned(),
                    verdict: decision.verdict,
                };
                (id.0, portable)
            });
            let (ignored, conflicts) = self.portable_records(&bridge).await?;
            bridges.insert(
                bridge.name,
                PortableBridge {
                    source: name_of(&bridge.source),
                    destination: name_of(&bridge.destination),
                    preset: bridge.preset,
                    settings: bridge.settings,
                    decisions: decisions.collect(),
                    ignored,
                    conflicts,
                },
            );
        }
        let connections = connections
            .into_iter()
            .map(|c| {
                let portable = PortableConnection {
                    kind: c.kind,
                    settings: c.settings,
                    allow_private_hosts: c.allow_private_hosts,
                    read_only: Some(c.read_only),
                };
                (c.name, portable)
            })
            .collect();
        Ok(Configuration {
            rmmbridge: FORMAT,
            connections,
            bridges,
        })
    }
}
