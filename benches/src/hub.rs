//! The product, opened as the program opens it, without its command line.

use anyhow::Context as _;
use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::sync::SyncReport;
use engine::{Engine, EngineOptions, Quiet, Work};
use jiff::Timestamp;
use model::{Actor, Bridge, Clock, OrganizationMatch, Random, Verdict};
use secrecy::SecretString;
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
        let key = MasterKey::from_hex(&SecretString::from("5".repeat(64)), "the benchmark")?;
        let database = DatabaseUrl::Sqlite(directory.join("rmmbridge.db"));
        let store = Store::open(
            &database,
            Arc::new(key),
            Arc::new(SystemClock),
            Arc::new(ThreadRandom),
        )
        .await?;
        let connectors = Connectors::new(vec![ninjaone::connector(), registry::connector(store.clone())]);
        let options = EngineOptions::new("benches");
        let engine = Engine::new(store.clone(), connectors, options);
        let actor = Actor::Console {
            user: "benches".to_owned(),
        };
        if engine.bridges(&actor).await?.is_empty() {
            set_up(&engine, &actor, url, readers).await?;
        }
        let bridge = engine.find_bridge(&actor, None).await?;
        Ok(Self {
            engine,
            store,
            actor,
            bridge,
            stop: CancellationToken::new(),
        })
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
        self.bridge = self.engine.find_bridge(&self.actor, None).await?;
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

async fn set_up(engine: &Engine, actor: &Actor, url: &str, readers: usize) -> anyhow::Result<()> {
    let request = |kind: &str, settings, secrets| ConnectionRequest {
        kind: kind.to_owned(),
        name: kind.to_owned(),
        settings,
        secrets,
        allow_private_hosts: true,
    };
    let settings = serde_json::json!({
        "region": "custom", "base_url": url, "client_id": "demo-machine", "mode": "machine", "readers": readers,
    });
    let secrets = Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]);
    let source = engine
        .save_connection(actor, request("ninjaone", settings, secrets))
        .await?;
    let source = engine
        .connect_machine(actor, &source.id)
        .await
        .context("connecting to the simulator")?;
    let registry = request("registry", serde_json::json!({}), Secrets::new());
    let registry = engine.save_connection(actor, registry).await?;
    engine
        .add_bridge(actor, "assets", &source.id, &registry.id, "humanizeit")
        .await?;
    Ok(())
}
