//! A hub on a new database between a simulated NinjaOne and the reference directory.

use crate::chance::Chance;
use connect::{Connectors, Secrets};
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions, Quiet, Work};
use jiff::Timestamp;
use model::{Actor, Bridge, Clock, OrganizationMatch, Random, Verdict};
use simulators::directory::{self, Behaviour, Directory, Fault, Mode};
use simulators::ninjaone::{self as simulated, NinjaOne};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::vault::MasterKey;
use store::{DatabaseUrl, Store};
use tokio_util::sync::CancellationToken;

/// How long a request to the directory may take, in milliseconds.
const DEADLINE_MS: u64 = 120;
/// How long after that it may still arrive or not be found yet: the latest ghost and the lag of the index together.
const SETTLE_MS: u64 = 230;

/// The clock of the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the harness runs in real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The randomness of the machine.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// The outside world, which no kill touches.
pub struct World {
    /// Where devices are read.
    pub ninja: NinjaOne,
    /// Where they are written.
    pub directory: Directory,
}

impl World {
    /// A new estate of so many devices, and an empty directory.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(devices: usize, seed: u64) -> anyhow::Result<Self> {
        let ninja = NinjaOne::start_on_loopback(simulated::Options {
            devices,
            organizations: Some(4),
            seed,
            ..simulated::Options::default()
        })
        .await?;
        let directory = Directory::start(directory::Options {
            seed,
            behaviour: Behaviour {
                latency_ms: 2,
                index_lag_ms: 40,
                ..Behaviour::default()
            },
            ..directory::Options::default()
        })
        .await?;
        Ok(Self { ninja, directory })
    }

    /// Lets things go wrong, each kind now and then.
    ///
    /// # Errors
    /// Never: the routes are the directory's own.
    pub fn make_trouble(&self, chance: &mut Chance) -> anyhow::Result<()> {
        let late = Mode::LateCommit {
            commit_ms: 60,
            spread_ms: 80,
            close_ms: None,
        };
        let slow = Mode::Latency {
            ms: 20,
            spread_ms: 40,
        };
        for (per_mille, mode) in [
            (30, Mode::LostAnswer),
            (30, late),
            (20, Mode::ErrorBefore { status: 500 }),
            (20, Mode::ErrorAfter { status: 502 }),
            (10, Mode::HalfBody),
            (40, slow),
        ] {
            if chance.percent(80) {
                self.directory
                    .faults()
                    .add(Fault::at_rate("writes", per_mille, mode))
                    .map_err(|error| anyhow::anyhow!("{error:?}"))?;
            }
        }
        Ok(())
    }

    /// Stops the trouble, and waits for what was still to arrive.
    ///
    /// # Errors
    /// When it does not arrive.
    pub async fn calm_down(&self) -> anyhow::Result<()> {
        self.directory.faults().clear();
        let settled = self.directory.settled(Duration::from_secs(10)).await;
        anyhow::ensure!(settled, "the directory still has writes to carry out");
        tokio::time::sleep(Duration::from_millis(
            DEADLINE_MS + SETTLE_MS + crate::SEND_WITHIN_MS,
        ))
        .await;
        Ok(())
    }
}

/// The hub's data, opened beside its processes while none of them runs.
pub struct Hub {
    /// The use cases.
    pub engine: Engine,
    /// The data.
    pub store: Store,
    /// Who acts.
    pub actor: Actor,
    stop: CancellationToken,
}

impl Hub {
    /// Opens the data in `data_dir`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(data_dir: &Path, database: Option<&str>) -> anyhow::Result<Self> {
        let key = MasterKey::from_file(&data_dir.join("master.key"), &SystemRandom)?;
        let url = match database {
            Some(address) => DatabaseUrl::parse(address)?,
            None => DatabaseUrl::Sqlite(data_dir.join("rmmbridge.db")),
        };
        let store = Store::open(&url, Arc::new(key), Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
        let connectors = Connectors::new(vec![
            ninjaone::connector(),
            registry::connector(store.clone()),
            testkit::directory::connector(),
        ]);
        Ok(Self {
            engine: Engine::new(store.clone(), connectors, EngineOptions::new("the harness")),
            store,
            actor: Actor::Console {
                user: "harness".to_owned(),
            },
            stop: CancellationToken::new(),
        })
    }

    /// Connects both sides, reads once, and decides that every organization becomes a client.
    ///
    /// # Errors
    /// When one of them does not answer as it should.
    pub async fn set_up(&self, world: &World) -> anyhow::Result<Bridge> {
        let source = self.save("ninjaone", "source", &world.ninja.base_url()).await?;
        let destination = self
            .save("directory", "destination", &world.directory.base_url())
            .await?;
        self.engine.connect_machine(&self.actor, &source).await?;
        let bridge = self
            .engine
            .add_bridge(&self.actor, "assets", &source, &destination, "humanizeit")
            .await?;
        let runner = self.engine.become_runner(&self.actor).await?;
        let work = Work {
            progress: &Quiet,
            stop: &self.stop,
        };
        self.engine
            .read(&self.actor, &runner, &bridge.source, None, work)
            .await?;
        drop(runner);
        self.decide_all(&bridge).await?;
        Ok(bridge)
    }

    async fn save(&self, kind: &str, name: &str, base_url: &str) -> anyhow::Result<model::ConnectionId> {
        let (settings, secret) = match kind {
            "ninjaone" => (
                serde_json::json!({ "region": "custom", "base_url": base_url, "client_id": "demo-machine" }),
                ("client_secret", "demo-machine-secret"),
            ),
            _ => (
                serde_json::json!({
                    "base_url": base_url, "batch": 1, "requests_at_once": 4,
                    "deadline_ms": DEADLINE_MS, "settle_ms": SETTLE_MS,
                }),
                ("api_key", "directory-demo-key"),
            ),
        };
        let request = ConnectionRequest {
            kind: kind.to_owned(),
            name: name.to_owned(),
            settings,
            secrets: Secrets::from([(secret.0.to_owned(), secret.1.into())]),
            allow_private_hosts: true,
        };
        Ok(self.engine.save_connection(&self.actor, request).await?.id)
    }

    /// Decides that every organization that is nobody's yet becomes a client.
    ///
    /// # Errors
    /// When the store fails or the directory does not answer.
    pub async fn decide_all(&self, bridge: &Bridge) -> anyhow::Result<()> {
        let matching = self.engine.matching(&self.actor, bridge).await?;
        let open: Vec<_> = matching
            .rows
            .into_iter()
            .filter(|row| matches!(row.status, OrganizationMatch::Undecided { .. }))
            .map(|row| (row.organization.id, Some(Verdict::Create)))
            .collect();
        if !open.is_empty() {
            self.engine.decide(&self.actor, bridge, open).await?;
        }
        Ok(())
    }
}
