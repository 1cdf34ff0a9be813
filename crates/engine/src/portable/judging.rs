//! Whether a document can be taken over at all: judged as a whole before the first part of it is stored.

use super::{Configuration, FORMAT, PortableBridge, PortableConnection};
use crate::bridges::{judge, preset_settings};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::mapping::compile;
use connect::{Secrets, SettingProblem};
use model::{Connection, ConnectionId, ConnectionState};
use std::collections::BTreeMap;

impl Engine {
    /// Refuses a document of which a part cannot be taken over.
    pub(super) async fn judge_configuration(&self, configuration: &Configuration) -> Result<()> {
        if configuration.rmmbridge > FORMAT {
            return Err(refused(format!(
                "format {} is newer than this program's {FORMAT}. Import it with the version that wrote it, or a newer one",
                configuration.rmmbridge
            )));
        }
        for (name, connection) in &configuration.connections {
            self.judge_connection(name, connection).await?;
        }
        for (name, bridge) in &configuration.bridges {
            self.judge_bridge(name, bridge, &configuration.connections)
                .await?;
        }
        Ok(())
    }

    /// Refuses a connection whose settings cannot be used; its secrets may be missing.
    async fn judge_connection(&self, name: &str, portable: &PortableConnection) -> Result<()> {
        let connector = self
            .connectors
            .get(&portable.kind)
            .map_err(Error::outside(name))?;
        let secrets = match self.store.connection_named(name).await? {
            Some(connection) if connection.kind != portable.kind => {
                return Err(refused(format!(
                    "connection `{name}` is of kind {} here, and of kind {} in the document. Give it another name in the document",
                    connection.kind, portable.kind
                )));
            }
            Some(connection) => self.store.connection_secrets(&connection.id).await?,
            None => Secrets::new(),
        };
        match connector.validate(&portable.settings, &secrets, portable.allow_private_hosts) {
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
            Some(bridge) => {
                let source = self.store.connection(&bridge.source).await?.name;
                let destination = self.store.connection(&bridge.destination).await?.name;
                if (&source, &destination) != (&portable.source, &portable.destination) {
                    return Err(refused(format!(
                        "bridge `{name}` joins `{source}` to `{destination}` here, and `{}` to `{}` in the document. Give it another name in the document",
                        portable.source, portable.destination
                    )));
                }
                bridge.settings
            }
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
}

/// Whether nothing but secrets is missing: the document has none by design.
pub(super) fn are_secrets(problems: &[SettingProblem]) -> bool {
    problems.iter().all(|problem| problem.key.ends_with("secret"))
}

fn refused(problem: String) -> Error {
    Error::File {
        file: "configuration".to_owned(),
        problem,
    }
}
