//! A queue on a test's database, with a bridge nobody answers for.

use connect::Connectors;
use engine::{Engine, EngineOptions};
use jobs::{JobKind, Queue};
use model::{Actor, ActorRole, Bridge, ConnectionState};
use std::collections::BTreeMap;
use store::{NewConnection, Store};
use testkit::TestStore;

pub fn technician() -> Actor {
    Actor::Person {
        name: "technician".to_owned(),
        role: ActorRole::Technician,
    }
}

/// The queue of a store, as a process of its own would open it.
pub async fn queue(store: &Store) -> Queue {
    Queue::open(store.clone()).await.unwrap()
}

/// An engine without connectors: whatever a job asks for, a person has to do something first.
pub fn engine(store: &Store, name: &str) -> Engine {
    Engine::new(
        store.clone(),
        Connectors::new(Vec::new()),
        EngineOptions::new(name),
    )
}

/// A bridge between two connections that lead nowhere.
pub async fn bridge(store: &TestStore) -> Bridge {
    let mut made = Vec::new();
    for name in ["from", "to"] {
        let new = NewConnection {
            kind: "nowhere".to_owned(),
            name: name.to_owned(),
            state: ConnectionState::Connected,
            settings: serde_json::json!({}),
            allow_private_hosts: false,
        };
        made.push(store.add_connection(new, &BTreeMap::new()).await.unwrap().id);
    }
    let settings = plan::presets::settings("default").unwrap();
    store
        .add_bridge("assets", &made[0], &made[1], "default", settings)
        .await
        .unwrap()
}

pub fn sync(bridge: &Bridge) -> JobKind {
    JobKind::Sync {
        bridge: bridge.id.clone(),
        client: None,
        confirmed: false,
    }
}

/// How many tasks the queue's own table holds.
pub async fn tasks(store: &TestStore) -> i64 {
    let table = match store.engine() {
        testkit::Engine::Sqlite => "Jobs",
        testkit::Engine::Postgres => "apalis.jobs",
    };
    store.sql(&format!("SELECT COUNT(*) FROM {table}")).await
}
