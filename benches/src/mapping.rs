//! Mapping alone: every stored document through the connector and the bridge's mapping, with nothing kept.

use crate::hub::Hub;
use crate::machine;
use async_trait::async_trait;
use connect::{
    Grant, GrantStore, GrantStoreError, NewGrant, OpenContext, Outbound, RefreshTicket, RefreshTurn,
};
use std::sync::Arc;
use std::time::Duration;

/// Processor time of mapping every device the hub has stored and not mapped yet; how many there are.
pub async fn cpu(hub: &Hub) -> anyhow::Result<(Duration, usize)> {
    let connection = hub.store.connection(&hub.bridge.source).await?;
    let mut documents = Vec::new();
    for organization in hub.store.organizations(&connection.id).await? {
        let rows = hub
            .store
            .devices_for_mapping(&connection.id, &organization.id, &hub.bridge.id, b"")
            .await?;
        documents.extend(rows.into_iter().map(|row| (row.raw, row.presence)));
    }
    let source = ninjaone::connector().source(&OpenContext {
        secrets: hub.store.connection_secrets(&connection.id).await?,
        connection,
        grants: Arc::new(NoGrant),
        outbound: Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        },
        clock: hub.store.clock().clone(),
        random: hub.store.random().clone(),
    })?;
    let targets = hub.store.registry_fields().await?;
    let mapping = plan::CompiledMapping::compile(&hub.bridge.settings.mapping, &targets)?;
    let before = machine::cpu_time();
    for (raw, presence) in &documents {
        let converted = source.document(raw)?;
        std::hint::black_box(plan::project(&converted.document, &mapping, *presence));
    }
    let cpu = machine::cpu_time().saturating_sub(before);
    Ok((cpu, documents.len()))
}

/// Making documents asks nobody, so no grant is ever needed.
struct NoGrant;

fn none<T>() -> Result<T, GrantStoreError> {
    Err(GrantStoreError("the benchmark keeps no grant".to_owned()))
}

#[async_trait]
impl GrantStore for NoGrant {
    async fn load(&self) -> Result<Option<Grant>, GrantStoreError> {
        none()
    }

    async fn begin_refresh(&self, _version: i64, _overdue: Duration) -> Result<RefreshTurn, GrantStoreError> {
        none()
    }

    async fn commit_refresh(
        &self,
        _ticket: &RefreshTicket,
        _pair: NewGrant,
    ) -> Result<Grant, GrantStoreError> {
        none()
    }

    async fn abandon_refresh(&self, _ticket: &RefreshTicket) -> Result<(), GrantStoreError> {
        none()
    }

    async fn replace(&self, _pair: NewGrant) -> Result<Grant, GrantStoreError> {
        none()
    }
}
