//! The configuration as a document, without secrets: to keep beside other configuration, or to set up a second hub.

use crate::connecting::ConnectionRequest;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::Secrets;
use model::{Actor, ActorRole, BridgeSettings, Verdict};
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
    pub decisions: BTreeMap<String, Verdict>,
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
            let decisions = self.store.decisions(&bridge.id).await?;
            bridges.insert(
                bridge.name,
                PortableBridge {
                    source: name_of(&bridge.source),
                    destination: name_of(&bridge.destination),
                    preset: bridge.preset,
                    settings: bridge.settings,
                    decisions: decisions.into_iter().map(|(id, d)| (id.0, d.verdict)).collect(),
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

    /// Takes a configuration over: what is there under the same name is changed, the rest is added, nothing is
    /// removed. Secrets have to be given afterwards.
    ///
    /// # Errors
    /// When the document is of a newer format, or a setting in it cannot be used.
    pub async fn import_configuration(
        &self,
        actor: &Actor,
        configuration: Configuration,
    ) -> Result<PortableReport> {
        require(actor, ActorRole::Owner, "import a configuration")?;
        if configuration.rmmbridge > FORMAT {
            let problem = format!(
                "format {} is newer than this program's {FORMAT}",
                configuration.rmmbridge
            );
            return Err(Error::File {
                file: "configuration".to_owned(),
                problem,
            });
        }
        let mut report = PortableReport::default();
        for (name, connection) in configuration.connections {
            self.import_connection(actor, name, connection, &mut report)
                .await?;
        }
        for (name, bridge) in configuration.bridges {
            self.import_bridge(actor, &name, bridge, &mut report).await?;
        }
        Ok(report)
    }

    async fn import_connection(
        &self,
        actor: &Actor,
        name: String,
        connection: PortableConnection,
        report: &mut PortableReport,
    ) -> Result<()> {
        let request = ConnectionRequest {
            kind: connection.kind,
            name: name.clone(),
            settings: connection.settings,
            secrets: Secrets::new(),
            allow_private_hosts: connection.allow_private_hosts,
        };
        match self.save_connection(actor, request).await {
            Ok(_) => report.connections.push(name),
            // The document has no secrets by design; everything else about the settings must be right.
            Err(Error::Settings { problems, .. }) if problems.iter().all(|p| p.key.ends_with("secret")) => {
                report.left_out.push(format!(
                    "connection `{name}`: its secret is not in the document. Make it with: rmmbridge connect --name {name}"
                ));
                report.to_authorize.push(name);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn import_bridge(
        &self,
        actor: &Actor,
        name: &str,
        portable: PortableBridge,
        report: &mut PortableReport,
    ) -> Result<()> {
        let source = self.store.connection_named(&portable.source).await?;
        let destination = self.store.connection_named(&portable.destination).await?;
        let (Some(source), Some(destination)) = (source, destination) else {
            report.left_out.push(format!(
                "bridge `{name}`: connect `{}` and `{}` first, then import again",
                portable.source, portable.destination
            ));
            return Ok(());
        };
        let existing = self.store.bridges().await?.into_iter().find(|b| b.name == name);
        let bridge = match existing {
            Some(bridge) => bridge,
            None => {
                self.add_bridge(actor, name, &source.id, &destination.id, &portable.preset)
                    .await?
            }
        };
        let bridge = if bridge.settings == portable.settings {
            bridge
        } else {
            self.change_bridge(actor, &bridge, portable.settings).await?
        };
        if !portable.decisions.is_empty() {
            let decisions = portable
                .decisions
                .into_iter()
                .map(|(id, verdict)| (id.into(), Some(verdict)))
                .collect();
            if let Err(error) = self.decide(actor, &bridge, decisions).await {
                report
                    .left_out
                    .push(format!("decisions of bridge `{name}`: {error}"));
            }
        }
        report.bridges.push(name.to_owned());
        Ok(())
    }
}
