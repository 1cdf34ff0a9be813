//! The configuration as a document, without secrets: to keep beside other configuration, or to set up a second hub.

use crate::bridges::{judge, preset_settings};
use crate::connecting::ConnectionRequest;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::mapping::compile;
use connect::{Secrets, SettingProblem};
use model::{Actor, ActorRole, BridgeSettings, Connection, ConnectionId, ConnectionState, Verdict};
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
    /// When the document is of a newer format, or a setting or mapping in it cannot be used: nothing is stored then.
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
        // Judged as a whole before the first part of it is stored.
        for (name, connection) in &configuration.connections {
            self.judge_connection(name, connection).await?;
        }
        for (name, bridge) in &configuration.bridges {
            self.judge_bridge(name, bridge, &configuration.connections)
                .await?;
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

    /// Refuses a connection whose settings cannot be used; its secrets may be missing.
    async fn judge_connection(&self, name: &str, portable: &PortableConnection) -> Result<()> {
        let connector = self
            .connectors
            .get(&portable.kind)
            .map_err(Error::outside(name))?;
        let secrets = match self.store.connection_named(name).await? {
            Some(connection) => self.store.connection_secrets(&connection.id).await?,
            None => Secrets::new(),
        };
        match connector.validate(&portable.settings, &secrets) {
            Err(problems) if !are_secrets(&problems) => Err(Error::Settings {
                kind: portable.kind.clone(),
                problems,
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a bridge whose settings or mapping cannot be used, as far as its destination can be asked yet.
    async fn judge_bridge(
        &self,
        name: &str,
        portable: &PortableBridge,
        connections: &BTreeMap<String, PortableConnection>,
    ) -> Result<()> {
        let existing = self.store.bridges().await?.into_iter().find(|b| b.name == name);
        let before = match existing {
            Some(bridge) => bridge.settings,
            None => preset_settings(&portable.preset)?,
        };
        judge(&before, &portable.settings)?;
        let destination = match self.store.connection_named(&portable.destination).await? {
            Some(connection) => connection,
            None => match connections.get(&portable.destination) {
                Some(described) => self.described(&portable.destination, described),
                None => return Ok(()),
            },
        };
        let cx = self.context(&destination).await?;
        let opened = self
            .connectors
            .get(&destination.kind)
            .and_then(|connector| connector.destination(&cx));
        let Ok(opened) = opened else { return Ok(()) };
        let Ok(targets) = opened.target_fields().await else {
            return Ok(());
        };
        compile(name, &portable.settings.mapping, &targets).map(|_| ())
    }

    /// A connection that is described and not stored yet.
    fn described(&self, name: &str, portable: &PortableConnection) -> Connection {
        Connection {
            id: ConnectionId::from(self.store.new_id().to_string()),
            kind: portable.kind.clone(),
            name: name.to_owned(),
            state: ConnectionState::NotConfigured,
            settings: portable.settings.clone(),
            read_only: true,
            allow_private_hosts: portable.allow_private_hosts,
            created: self.clock().now(),
            last_success: None,
            version: 0,
        }
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
            Err(Error::Settings { problems, .. }) if are_secrets(&problems) => {
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

/// Whether nothing but secrets is missing: the document has none by design.
fn are_secrets(problems: &[SettingProblem]) -> bool {
    problems.iter().all(|problem| problem.key.ends_with("secret"))
}
