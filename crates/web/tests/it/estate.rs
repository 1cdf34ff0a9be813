//! A small NinjaOne beside a hub, and a bridge from it to the registry.

use crate::world::World;
use connect::Secrets;
use engine::connecting::ConnectionRequest;
use engine::{Quiet, Work};
use model::{Bridge, Connection, ConnectionId};
use simulators::ninjaone::{NinjaOne, Options};
use store::registry::NewRegistryClient;
use tokio_util::sync::CancellationToken;

pub struct Estate {
    pub ninja: NinjaOne,
    pub bridge: Bridge,
}

/// A simulator with so many organizations, whose first ones have these names.
pub async fn ninja(organizations: usize, names: &[&str]) -> NinjaOne {
    let options = Options {
        devices: 60,
        organizations: Some(organizations),
        ..Options::default()
    };
    let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
    let ids = ninja.organizations().into_iter().map(|(id, _)| id);
    let named: Vec<(u32, &str)> = ids.zip(names.iter().copied()).collect();
    assert!(ninja.name_organizations(&named).is_empty());
    ninja
}

/// Connects to it with the machine app.
pub async fn connected(world: &World, ninja: &NinjaOne) -> Connection {
    let request = ConnectionRequest {
        kind: "ninjaone".to_owned(),
        name: "our tenant".to_owned(),
        settings: serde_json::json!({
            "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-machine", "mode": "machine",
        }),
        secrets: Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]),
        allow_private_hosts: true,
    };
    let source = world
        .engine
        .save_connection(&world.console, request)
        .await
        .unwrap();
    world
        .engine
        .connect_machine(&world.console, &source.id)
        .await
        .unwrap();
    source
}

/// Reads a source.
pub async fn read(world: &World, source: &ConnectionId) {
    let (engine, actor) = (&world.engine, &world.console);
    let runner = engine.become_runner(actor).await.unwrap();
    let stop = CancellationToken::new();
    let work = Work {
        progress: &Quiet,
        stop: &stop,
    };
    engine.read(actor, &runner, source, None, work).await.unwrap();
    runner.leave().await;
}

/// Clients the registry has already.
pub async fn clients(world: &World, names: &[&str]) -> Vec<model::RecordId> {
    let new: Vec<NewRegistryClient> = names
        .iter()
        .map(|name| NewRegistryClient {
            name: (*name).to_owned(),
            ..NewRegistryClient::default()
        })
        .collect();
    world.store.add_registry_clients(&new).await.unwrap()
}

/// A bridge of that preset whose source was read.
pub async fn bridged(world: &World, preset: &str, names: &[&str], existing: &[&str]) -> Estate {
    let (engine, actor) = (&world.engine, &world.console);
    let ninja = ninja(names.len().max(2), names).await;
    let source = connected(world, &ninja).await;
    let registry = engine.registry_connection(actor).await.unwrap();
    clients(world, existing).await;
    let bridge = engine
        .add_bridge(actor, "assets", &source.id, &registry.id, preset)
        .await
        .unwrap();
    read(world, &source.id).await;
    Estate { ninja, bridge }
}
