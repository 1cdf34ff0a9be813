//! A queue on a test's database, with a bridge nobody answers for, or with one from a PSA to a ledger.

use async_trait::async_trait;
use connect::{
    AssetScope, Capabilities, CheckPoint, Connector, Connectors, Destination, Error, Kind, Marker,
    OpenContext, Secrets, Setting, SettingProblem, Write, WriteError, WriteResult, Written,
};
use engine::{Engine, EngineOptions};
use jobs::{JobKind, Queue};
use model::{
    Actor, ActorRole, Asset, AssetType, Bridge, BridgeSettings, Client, ConnectionState, FieldType,
    NewOrganizations, RecordId, RecordKind, Site, TargetField,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{NewConnection, Store};
use testkit::TestStore;
use testkit::psa::TestPsa;
use tokio::sync::mpsc;
use tokio::time::Instant;

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
    with(store, name, Vec::new())
}

/// An engine that finds one customer in its PSA, and writes to this ledger.
pub fn engine_to(store: &Store, name: &str, ledger: &Ledger) -> Engine {
    let psa = TestPsa::with(&[("Acme", &["FRONT-DESK"])]);
    with(store, name, vec![Arc::new(psa), Arc::new(ledger.clone())])
}

fn with(store: &Store, name: &str, connectors: Vec<Arc<dyn Connector>>) -> Engine {
    Engine::new(
        store.clone(),
        Connectors::new(connectors),
        EngineOptions::new(name),
    )
}

/// A bridge between two connections that lead nowhere.
pub async fn bridge(store: &TestStore) -> Bridge {
    let settings = plan::presets::settings("default").unwrap();
    joined(store, ["nowhere", "nowhere"], settings).await
}

/// A bridge from the PSA to the ledger, in which each customer becomes a client.
pub async fn bridge_to_ledger(store: &TestStore) -> Bridge {
    let mut settings = plan::presets::settings("default").unwrap();
    settings.new_organizations = NewOrganizations::Create;
    settings.devices = false;
    settings.mapping.rules.retain(|rule| rule.target == "name");
    joined(store, [testkit::psa::KIND, LEDGER], settings).await
}

async fn joined(store: &TestStore, kinds: [&str; 2], settings: BridgeSettings) -> Bridge {
    let mut made = Vec::new();
    for (kind, name) in kinds.into_iter().zip(["from", "to"]) {
        let new = NewConnection {
            kind: kind.to_owned(),
            name: name.to_owned(),
            state: ConnectionState::Connected,
            settings: serde_json::json!({}),
            allow_private_hosts: false,
        };
        made.push(store.add_connection(new, &BTreeMap::new()).await.unwrap().id);
    }
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

/// From now on the queue takes no delivery while there is a job of this kind, be it of the same transaction.
pub async fn refuse_deliveries(store: &TestStore, kind: &str) {
    let there = format!("EXISTS (SELECT 1 FROM job WHERE kind = '{kind}')");
    let statements = match store.engine() {
        testkit::Engine::Sqlite => vec![format!(
            "CREATE TRIGGER refused BEFORE INSERT ON Jobs WHEN {there}
             BEGIN SELECT RAISE(ABORT, 'a test refuses it'); END"
        )],
        testkit::Engine::Postgres => vec![
            format!(
                "CREATE FUNCTION refuse_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF {there} THEN RAISE EXCEPTION 'a test refuses it'; END IF;
                     RETURN NEW;
                 END $$"
            ),
            "CREATE TRIGGER refused BEFORE INSERT ON apalis.jobs FOR EACH ROW EXECUTE FUNCTION refuse_delivery()"
                .to_owned(),
        ],
    };
    for statement in statements {
        store.sql(&statement).await;
    }
}

/// The queue takes deliveries again.
pub async fn accept_deliveries(store: &TestStore) {
    let statement = match store.engine() {
        testkit::Engine::Sqlite => "DROP TRIGGER refused",
        testkit::Engine::Postgres => "DROP TRIGGER refused ON apalis.jobs",
    };
    store.sql(statement).await;
}

const LEDGER: &str = "ledger";

/// A destination without records. It counts what it was asked to write, and its first answers are lost.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    loses: u64,
    asked: Arc<AtomicU64>,
}

impl Ledger {
    /// One whose first so many answers are lost.
    pub fn that_loses(loses: u64) -> Self {
        Self {
            loses,
            ..Self::default()
        }
    }

    /// How many writes it was asked for.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Connector for Ledger {
    fn kind(&self) -> &'static str {
        LEDGER
    }

    fn label(&self) -> &'static str {
        "Ledger"
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn validate(
        &self,
        _settings: &Value,
        _secrets: &Secrets,
        _allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>> {
        Ok(())
    }

    fn destination(&self, _cx: &OpenContext) -> Result<Arc<dyn Destination>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Destination for Ledger {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            create_clients: true,
            update_assets: false,
            asset_types: false,
            create_fields: false,
            archive: false,
            restore: false,
            sites: false,
            assets_by_client: false,
            max_batch: 1,
            concurrency: 1,
            settles_within: Duration::ZERO,
        }
    }

    async fn target_fields(&self) -> Result<Vec<TargetField>, Error> {
        Ok(vec![TargetField {
            key: "name".to_owned(),
            label: "Name".to_owned(),
            field_type: FieldType::Text,
            custom: false,
        }])
    }

    async fn create_field(&self, _field: &TargetField) -> Result<(), Error> {
        Err(Error::new(
            Kind::Invalid,
            "creating a field",
            "a ledger's are fixed",
        ))
    }

    async fn clients(&self) -> Result<Vec<Client>, Error> {
        Ok(Vec::new())
    }

    async fn sites(&self, _clients: &[RecordId]) -> Result<Vec<Site>, Error> {
        Ok(Vec::new())
    }

    async fn asset_types(&self) -> Result<Vec<AssetType>, Error> {
        Ok(Vec::new())
    }

    async fn assets(&self, _scope: AssetScope, _pages: mpsc::Sender<Vec<Asset>>) -> Result<(), Error> {
        Ok(())
    }

    async fn find(&self, _kind: RecordKind, _marker: &Marker) -> Result<Vec<RecordId>, Error> {
        Ok(Vec::new())
    }

    async fn write(&self, writes: &[Write], _send_by: Instant) -> Vec<WriteResult> {
        let answer = |_: &Write| match self.asked.fetch_add(1, Ordering::SeqCst) {
            asked if asked < self.loses => {
                let lost = Error::new(Kind::Unavailable, "writing", "the answer was lost");
                Err(WriteError::Unknown(lost))
            }
            asked => Ok(Written {
                id: format!("record-{asked}").into(),
            }),
        };
        writes.iter().map(answer).collect()
    }

    async fn check(&self) -> Vec<CheckPoint> {
        Vec::new()
    }
}
