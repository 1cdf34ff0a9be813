//! Taking a configuration over.

use super::decisions::sift;
use super::judging::are_secrets;
use super::{Configuration, PortableBridge, PortableConnection, PortableDecision, PortableReport};
use crate::connecting::ConnectionRequest;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::Secrets;
use model::{Actor, ActorRole, Bridge};
use std::collections::BTreeMap;

impl Engine {
    /// Takes a configuration over: what is there under the same name is changed, the rest is added, nothing is
    /// removed. Secrets have to be given afterwards. A decision holds only where the organization of that id still
    /// has about the name it was decided under; the report names the others.
    ///
    /// # Errors
    /// When the document is of a newer format, a setting or mapping in it cannot be used, or a bridge in it joins other
    /// connections than the one of that name here: nothing is stored then.
    pub async fn import_configuration(
        &self,
        actor: &Actor,
        configuration: Configuration,
    ) -> Result<PortableReport> {
        require(actor, ActorRole::Owner, "import a configuration")?;
        self.judge_configuration(&configuration).await?;
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
            Ok(mut saved) => {
                if let Some(read_only) = connection.read_only.filter(|wanted| *wanted != saved.read_only) {
                    saved.read_only = read_only;
                    self.store.update_connection(&saved, &Secrets::new()).await?;
                }
                report.connections.push(name);
            }
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
        if !portable.decisions.is_empty()
            && let Err(error) = self
                .import_decisions(actor, &bridge, portable.decisions, report)
                .await
        {
            report
                .left_out
                .push(format!("decisions of bridge `{name}`: {error}"));
        }
        self.import_records(actor, &bridge, portable.ignored, portable.conflicts, report)
            .await?;
        report.bridges.push(name.to_owned());
        Ok(())
    }

    async fn import_decisions(
        &self,
        actor: &Actor,
        bridge: &Bridge,
        decisions: BTreeMap<String, PortableDecision>,
        report: &mut PortableReport,
    ) -> Result<()> {
        let organizations = self.organizations_read(bridge).await?;
        let clients = self.clients_of(bridge).await?;
        let clients = clients.iter().map(|client| &client.id).collect();
        let (held, left_out) = sift(decisions, &organizations, &clients);
        if !held.is_empty() {
            let decisions = held.into_iter().map(|(id, v)| (id, Some(v))).collect();
            self.decide(actor, bridge, decisions).await?;
        }
        let left_out = left_out
            .into_iter()
            .map(|why| format!("decisions of bridge `{}`: {why}", bridge.name));
        report.left_out.extend(left_out);
        Ok(())
    }
}
