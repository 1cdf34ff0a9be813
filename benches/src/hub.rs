//! The product, opened as the program opens it, without its command line; the reference directory is one more
//! destination.

use anyhow::Context as _;
use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::sync::SyncReport;
use engine::{Engine, EngineOptions, Quiet, Work};
use jiff::Timestamp;
use model::{
    Actor, Bridge, Clock, ConnectionId, FieldRule, Mapping, OrganizationMatch, Owner, Random, RuleValue,
    Verdict,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use store::vault::MasterKey;
use store::{DatabaseUrl, Store};
use tokio_util::sync::CancellationToken;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a benchmark runs in real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct ThreadRandom;

impl Random for ThreadRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// An engine with a connection to the simulator and a bridge to the registry.
pub struct Hub {
    /// The use cases.
    pub engine: Engine,
    /// What they work on.
    pub store: Store,
    /// Who acts.
    pub actor: Actor,
    /// The bridge.
    pub bridge: Bridge,
    stop: CancellationToken,
}

impl Hub {
    /// Opens `directory`, connecting to the simulator at `url` with up to `readers` readers when it is new.
    pub async fn open(directory: &Path, url: &str, readers: usize) -> anyhow::Result<Self> {
        let database = DatabaseUrl::Sqlite(directory.join("rmmbridge.db"));
        let (engine, store, actor) = engine_on(&database).await?;
        if engine.bridges(&actor).await?.is_empty() {
            let source = source(&engine, &actor, "ninjaone", url, readers).await?;
            let registry = request("registry", "registry", json!({}), Secrets::new());
            let registry = engine.save_connection(&actor, registry).await?;
            engine
                .add_bridge(&actor, "assets", &source, &registry.id, "humanizeit")
                .await?;
        }
        let bridge = engine.find_bridge(&actor, None).await?;
        Ok(Self::of(engine, store, actor, bridge))
    }

    /// A hub from the simulator at `ninja` to the reference directory at `directory`, which takes so many requests at
    /// once; both and the bridge are called `name`.
    pub async fn to_directory(
        database: &DatabaseUrl,
        name: &str,
        ninja: &str,
        directory: &str,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let (engine, store, actor) = engine_on(database).await?;
        let source = source(&engine, &actor, name, ninja, 4).await?;
        let settings = json!({ "base_url": directory, "batch": 1, "requests_at_once": at_once });
        let secrets = Secrets::from([("api_key".to_owned(), "directory-demo-key".into())]);
        let named = format!("{name} directory");
        let directory = engine
            .save_connection(&actor, request("directory", &named, settings, secrets))
            .await?;
        let bridge = engine
            .add_bridge(&actor, name, &source, &directory.id, "default")
            .await?;
        let rule = |target: &str, expression: &str| FieldRule {
            target: target.to_owned(),
            value: RuleValue::Expression(expression.to_owned()),
            transform: None,
            owner: Owner::Source,
            clear: false,
            create: None,
        };
        let mut settings = bridge.settings.clone();
        settings.mapping = Mapping {
            fixed_by: None,
            rules: vec![
                rule("name", "displayName || systemName || dnsName"),
                rule("serial_number", "system.serialNumber"),
            ],
        };
        let bridge = engine.change_bridge(&actor, &bridge, settings).await?;
        Ok(Self::of(engine, store, actor, bridge))
    }

    fn of(engine: Engine, store: Store, actor: Actor, bridge: Bridge) -> Self {
        Self {
            engine,
            store,
            actor,
            bridge,
            stop: CancellationToken::new(),
        }
    }

    /// How long work is told about and stopped: not at all.
    pub fn work(&self) -> Work<'_> {
        Work {
            progress: &Quiet,
            stop: &self.stop,
        }
    }

    /// A full read.
    pub async fn read(&self) -> anyhow::Result<store::Snapshot> {
        let runner = self.engine.become_runner(&self.actor).await?;
        let report = self
            .engine
            .read(&self.actor, &runner, &self.bridge.source, None, self.work())
            .await?;
        Ok(report.snapshot)
    }

    /// Decides that every organization nothing decided about gets a client.
    pub async fn create_undecided(&mut self) -> anyhow::Result<()> {
        let matching = self.engine.matching(&self.actor, &self.bridge).await?;
        let open = matching
            .rows
            .into_iter()
            .filter(|r| matches!(r.status, OrganizationMatch::Undecided { .. }));
        let decisions = open.map(|r| (r.organization.id, Some(Verdict::Create))).collect();
        self.engine.decide(&self.actor, &self.bridge, decisions).await?;
        let name = Some(self.bridge.name.as_str());
        self.bridge = self.engine.find_bridge(&self.actor, name).await?;
        Ok(())
    }

    /// A plan of what was read.
    pub async fn plan(&self) -> anyhow::Result<model::PlanSummary> {
        let runner = self.engine.become_runner(&self.actor).await?;
        Ok(self
            .engine
            .make_plan(&self.actor, &runner, &self.bridge, None, self.work())
            .await?)
    }

    /// Read, plan, apply.
    pub async fn sync(&self) -> anyhow::Result<SyncReport> {
        let runner = self.engine.become_runner(&self.actor).await?;
        Ok(self
            .engine
            .sync(&self.actor, &runner, &self.bridge, true, self.work())
            .await?)
    }
}

/// The master key of every database here, in hexadecimal.
pub fn master_key() -> String {
    "5".repeat(64)
}

/// An engine on a database, the database, and who acts.
pub async fn engine_on(database: &DatabaseUrl) -> anyhow::Result<(Engine, Store, Actor)> {
    let key = MasterKey::from_hex(&SecretString::from(master_key()), "the benchmark")?;
    let store = Store::open(
        database,
        Arc::new(key),
        Arc::new(SystemClock),
        Arc::new(ThreadRandom),
    )
    .await?;
    let connectors = connectors(store.clone());
    let engine = Engine::new(store.clone(), connectors, EngineOptions::new("benches"));
    let actor = Actor::Console {
        user: "benches".to_owned(),
    };
    Ok((engine, store, actor))
}

/// The product's connectors as far as they are measured, and the reference directory.
pub fn connectors(store: Store) -> Connectors {
    Connectors::new(vec![
        ninjaone::connector(),
        registry::connector(store),
        testkit::directory::connector(),
    ])
}

fn request(kind: &str, name: &str, settings: Value, secrets: Secrets) -> ConnectionRequest {
    ConnectionRequest {
        kind: kind.to_owned(),
        name: name.to_owned(),
        settings,
        secrets,
        allow_private_hosts: true,
    }
}

async fn source(
    engine: &Engine,
    actor: &Actor,
    name: &str,
    url: &str,
    readers: usize,
) -> anyhow::Result<ConnectionId> {
    let settings = json!({
        "region": "custom", "base_url": url, "client_id": "demo-machine", "mode": "machine", "readers": readers,
    });
    let secrets = Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]);
    let source = engine
        .save_connection(actor, request("ninjaone", name, settings, secrets))
        .await?;
    let source = engine
        .connect_machine(actor, &source.id)
        .await
        .context("connecting to the simulator")?;
    Ok(source.id)
}
