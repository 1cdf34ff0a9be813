//! A hub on a new database, beside a simulated NinjaOne.

use connect::callback::{CallbackListener, Ending};
use connect::{Connectors, Secrets};
use engine::applying::ApplyOptions;
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions, Quiet, Runner, Work};
use model::{
    Actor, ActorRole, Bridge, Connection, FieldRule, OrganizationMatch, Owner, PlanSummary, RuleValue, Run,
    Verdict,
};
use simulators::directory::{self, Directory};
use simulators::ninjaone::{NinjaOne, Options};
use simulators::technician::Technician;
use std::time::Duration;
use testkit::TestStore;
use tokio_util::sync::CancellationToken;

pub const CALLBACK: &str = "/ninja/oauth/resp";

pub struct Hub {
    pub engine: Engine,
    pub actor: Actor,
    pub ninja: NinjaOne,
    /// Who sits at the browser: e-mail address and password.
    pub technician: (String, String),
    stop: CancellationToken,
}

impl Hub {
    /// A hub that has connected to nothing yet.
    pub async fn new(store: &TestStore, options: Options) -> Self {
        Self::on(engine_on(store), options).await
    }

    /// The same with an engine of its own kind.
    pub async fn on(engine: Engine, options: Options) -> Self {
        // Somebody else may have installed one already in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
        Self {
            engine,
            actor: owner(),
            ninja,
            technician: ("tech@example.test".to_owned(), "demo-password".to_owned()),
            stop: CancellationToken::new(),
        }
    }

    /// A hub with a consented connection and a bridge to the registry.
    pub async fn connected(store: &TestStore, options: Options, preset: &str) -> (Self, Bridge) {
        let hub = Self::new(store, options).await;
        let connection = hub.connect("ninjaone", true).await.unwrap();
        let registry = hub.registry().await;
        let bridge = hub
            .engine
            .add_bridge(&hub.actor, "assets", &connection.id, &registry.id, preset)
            .await
            .unwrap();
        (hub, bridge)
    }

    /// A hub on the same store with another tenant, and a bridge called `south` from it to the same destination.
    pub async fn beside(store: &TestStore, options: Options, north: &Bridge) -> (Self, Bridge) {
        let hub = Self::new(store, options).await;
        let connection = hub.connect("south", true).await.unwrap();
        let south = hub
            .engine
            .add_bridge(&hub.actor, "south", &connection.id, &north.destination, "default");
        let south = south.await.unwrap();
        (hub, south)
    }

    /// A hub with a consented connection and a bridge to a reference directory, one asset a request and one at a time.
    pub async fn to_directory(store: &TestStore, options: Options, directory: &Directory) -> (Self, Bridge) {
        let hub = Self::new(store, options).await;
        let source = hub.connect("ninjaone", true).await.unwrap();
        let request = ConnectionRequest {
            kind: "directory".to_owned(),
            name: "directory".to_owned(),
            settings: serde_json::json!({
                "base_url": directory.base_url(), "batch": 1, "requests_at_once": 1,
            }),
            secrets: Secrets::from([("api_key".to_owned(), "directory-demo-key".into())]),
            allow_private_hosts: true,
        };
        let to = hub.engine.save_connection(&hub.actor, request).await.unwrap();
        let bridge = hub
            .engine
            .add_bridge(&hub.actor, "assets", &source.id, &to.id, "default")
            .await
            .unwrap();
        let mut settings = bridge.settings.clone();
        // The directory's fields are its own.
        let rule = |target: &str, expression: &str| FieldRule {
            target: target.to_owned(),
            value: RuleValue::Expression(expression.to_owned()),
            transform: None,
            owner: Owner::Source,
            clear: false,
            create: None,
        };
        settings.mapping.rules = vec![
            rule("serial_number", "system.serialNumber"),
            rule("name", "systemName || dnsName"),
        ];
        let bridge = hub
            .engine
            .change_bridge(&hub.actor, &bridge, settings)
            .await
            .unwrap();
        (hub, bridge)
    }

    /// The same with a directory of its own, which can be told to fail, and with a moment only until what is in doubt
    /// counts as over.
    pub async fn with_directory(store: &TestStore, options: Options) -> (Self, Bridge, Directory) {
        let directory = Directory::start(directory::Options::default()).await.unwrap();
        let (hub, bridge) = Self::to_directory(store, options, &directory).await;
        let hasty = ConnectionRequest {
            kind: "directory".to_owned(),
            name: "directory".to_owned(),
            settings: serde_json::json!({
                "base_url": directory.base_url(), "batch": 1, "deadline_ms": 2000, "settle_ms": 500,
            }),
            secrets: Secrets::from([("api_key".to_owned(), "directory-demo-key".into())]),
            allow_private_hosts: true,
        };
        hub.engine.save_connection(&hub.actor, hasty).await.unwrap();
        (hub, bridge, directory)
    }

    pub fn request(&self, name: &str) -> ConnectionRequest {
        ConnectionRequest {
            kind: "ninjaone".to_owned(),
            name: name.to_owned(),
            settings: serde_json::json!({
                "region": "custom", "base_url": self.ninja.base_url(), "client_id": "demo-web",
            }),
            secrets: Secrets::from([("client_secret".to_owned(), "demo-web-secret".into())]),
            allow_private_hosts: true,
        }
    }

    /// Connects by consent, with a technician at the browser.
    pub async fn connect(&self, name: &str, agrees: bool) -> engine::Result<Connection> {
        self.engine
            .save_connection(&self.actor, self.request(name))
            .await?;
        self.consent(name, agrees).await
    }

    /// Asks for consent to a connection that is there.
    pub async fn consent(&self, name: &str, agrees: bool) -> engine::Result<Connection> {
        let connection = self.engine.find_connection(&self.actor, Some(name)).await?;
        let listener = CallbackListener::bind(0, &[CALLBACK]).await.unwrap();
        let redirect = listener.redirect();
        self.ninja.grants().add_redirect_uri("demo-web", &redirect);
        let pending = self
            .engine
            .begin_consent(&self.actor, &connection.id, &redirect)
            .await?;
        let technician = Technician {
            email: self.technician.0.clone(),
            password: self.technician.1.clone(),
            agrees,
        };
        let waiting = listener.wait(&pending.state, Duration::from_secs(20));
        let (_page, finished) = tokio::join!(technician.consent(&pending.url, &redirect), async {
            let callback = waiting.await.unwrap();
            let finished = self
                .engine
                .finish_consent(&self.actor, &connection.id, &pending, callback.query())
                .await;
            callback.answer(Ending::Complete).await;
            finished
        });
        finished
    }

    pub async fn registry(&self) -> Connection {
        let request = ConnectionRequest {
            kind: "registry".to_owned(),
            name: "registry".to_owned(),
            settings: serde_json::json!({}),
            secrets: Secrets::new(),
            allow_private_hosts: false,
        };
        self.engine.save_connection(&self.actor, request).await.unwrap()
    }

    pub fn work(&self) -> Work<'_> {
        Work {
            progress: &Quiet,
            stop: &self.stop,
        }
    }

    pub async fn runner(&self) -> Runner {
        self.engine.become_runner(&self.actor).await.unwrap()
    }

    pub async fn bridge(&self) -> Bridge {
        self.engine.find_bridge(&self.actor, None).await.unwrap()
    }

    pub async fn read(&self, bridge: &Bridge) -> engine::read::ReadReport {
        let runner = self.runner().await;
        self.engine
            .read(&self.actor, &runner, &bridge.source, None, self.work())
            .await
            .unwrap()
    }

    /// Decides that every organization without a match gets a client of its own.
    pub async fn create_undecided(&self, bridge: &Bridge) {
        let matching = self.engine.matching(&self.actor, bridge).await.unwrap();
        let open = matching
            .rows
            .into_iter()
            .filter(|r| matches!(r.status, OrganizationMatch::Undecided { .. }));
        let decisions = open.map(|r| (r.organization.id, Some(Verdict::Create))).collect();
        self.engine.decide(&self.actor, bridge, decisions).await.unwrap();
    }

    pub async fn plan(&self) -> PlanSummary {
        let (runner, bridge) = (self.runner().await, self.bridge().await);
        self.engine
            .make_plan(&self.actor, &runner, &bridge, None, self.work())
            .await
            .unwrap()
    }

    pub async fn apply(&self, plan: &PlanSummary, options: ApplyOptions) -> engine::Result<Run> {
        let runner = self.runner().await;
        self.engine
            .apply(&self.actor, &runner, &plan.id, options, self.work())
            .await
    }

    /// Reads, decides, plans and applies everything.
    pub async fn sync_all(&self, bridge: &Bridge) -> Run {
        self.read(bridge).await;
        self.create_undecided(bridge).await;
        let plan = self.plan().await;
        self.apply(&plan, confirmed()).await.unwrap()
    }
}

pub fn confirmed() -> ApplyOptions {
    ApplyOptions {
        confirmed: true,
        ..ApplyOptions::default()
    }
}

pub fn owner() -> Actor {
    Actor::Person {
        name: "owner".to_owned(),
        role: ActorRole::Owner,
    }
}

/// An engine on a test's store, as another process on the same data directory would have one.
pub fn engine_on(store: &TestStore) -> Engine {
    let store_handle = (**store).clone();
    let connectors = Connectors::new(vec![
        ninjaone::connector(),
        ninjaone::v1_connector(),
        registry::connector(store_handle.clone()),
        passportal::connector(),
        testkit::directory::connector(),
    ]);
    let options = EngineOptions {
        send_within: Duration::from_secs(2),
        ..EngineOptions::new("a test")
    };
    Engine::new(store_handle, connectors, options)
}

/// A small estate.
pub fn small(devices: usize) -> Options {
    Options {
        devices,
        organizations: Some(4),
        ..Options::default()
    }
}
