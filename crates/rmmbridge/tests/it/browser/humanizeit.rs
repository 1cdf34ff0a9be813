//! HumanizeIT's way in a browser: on a client's page the pencil, the search for its organization, linking, Sync. The PSA
//! beside the RMM is one of the testkit, so the pages are served in this process.

use crate::tenant::small;
use connect::{Connectors, Secrets};
use e2e::Browser;
use engine::connecting::ConnectionRequest;
use engine::{Engine, EngineOptions, Quiet, Work};
use jobs::{Queue, Worker, WorkerOptions};
use model::{Actor, ActorRole, Connection};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simulators::ninjaone::NinjaOne;
use std::sync::Arc;
use store::registry::NewRegistryClient;
use testkit::TestStore;
use testkit::psa::{KIND, TestPsa};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;
use web::{Site, Web};

struct Hub {
    engine: Engine,
    actor: Actor,
    stop: CancellationToken,
}

impl Hub {
    async fn connect(&self, kind: &str, settings: Value, secrets: Secrets) -> Connection {
        let request = ConnectionRequest {
            kind: kind.to_owned(),
            name: kind.to_owned(),
            settings,
            secrets,
            allow_private_hosts: true,
        };
        let saved = self.engine.save_connection(&self.actor, request).await.unwrap();
        if kind == "ninjaone" {
            self.engine.connect_machine(&self.actor, &saved.id).await.unwrap();
        }
        saved
    }

    /// A bridge into the registry, whose source was read.
    async fn bridge(&self, name: &str, source: &Connection, preset: &str) {
        let (engine, actor) = (&self.engine, &self.actor);
        let registry = engine.registry_connection(actor).await.unwrap();
        let add = engine.add_bridge(actor, name, &source.id, &registry.id, preset);
        add.await.unwrap();
        let runner = engine.become_runner(actor).await.unwrap();
        let work = Work {
            progress: &Quiet,
            stop: &self.stop,
        };
        engine.read(actor, &runner, &source.id, None, work).await.unwrap();
        runner.leave().await;
    }

    /// Serves the pages beside a worker; their address.
    async fn serve(&self, store: &TestStore) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let queue = Queue::open((**store).clone()).await.unwrap();
        let site = Site {
            public_url: Url::parse(&address).unwrap(),
            callback_path: "/ninja/oauth/resp".to_owned(),
            other_redirects: Vec::new(),
            prefill: None,
            trusted_proxies: Vec::new(),
        };
        let web = Web::new(self.engine.clone(), Arc::new(queue.clone()), site);
        tokio::spawn(web::serve(web, listener, None, self.stop.clone()));
        let options = WorkerOptions { concurrency: 2 };
        let worker = Worker::begin(
            self.engine.clone(),
            queue,
            &self.actor,
            options,
            self.stop.clone(),
        );
        let worker = worker.await.unwrap();
        tokio::spawn(worker.run());
        address
    }
}

// H01 H34 H35 H39 H40 H41
#[tokio::test(flavor = "multi_thread")]
async fn h20_h21_h29_to_h33_h36_h37_h38_an_organization_is_linked_to_a_client_and_synced_from() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = TestStore::sqlite().await;
    let ninja = NinjaOne::start_on_loopback(small(60)).await.unwrap();
    let ids: Vec<u32> = ninja.organizations().into_iter().map(|(id, _)| id).collect();
    let names = [
        "Acme Corporation",
        "Contoso Clinic",
        "Fabrikam Lab",
        "Northwind Traders",
    ];
    let named: Vec<(u32, &str)> = ids.into_iter().zip(names).collect();
    assert!(ninja.name_organizations(&named).is_empty());
    let psa = TestPsa::with(&[("Acme", &["FRONT-DESK"]), ("Somebody Else", &["ELSEWHERE"])]);
    let connectors = Connectors::new(vec![
        ninjaone::connector(),
        registry::connector(store.clone()),
        Arc::new(psa.clone()),
    ]);
    let hub = Hub {
        engine: Engine::new(store.clone(), connectors, EngineOptions::new("a test")),
        actor: Actor::Console {
            user: "test".to_owned(),
        },
        stop: CancellationToken::new(),
    };
    let new = ["Acme Corp", "Fabrikam Labs"].map(|name| NewRegistryClient {
        name: name.to_owned(),
        ..NewRegistryClient::default()
    });
    let clients = store.add_registry_clients(&new).await.unwrap();
    let settings = json!({
        "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-machine", "mode": "machine",
    });
    let secrets = Secrets::from([("client_secret".to_owned(), "demo-machine-secret".into())]);
    let source = hub.connect("ninjaone", settings, secrets).await;
    hub.bridge("RMM", &source, "humanizeit").await;
    let address = hub.serve(&store).await;
    let engine = &hub.engine;
    engine
        .add_person(&hub.actor, "tech", ActorRole::Technician, None)
        .await
        .unwrap();
    let token = engine.sign_in_token(&hub.actor, "tech").await.unwrap();
    browser
        .go(&format!("{address}/sign-in/link?token={}", token.expose_secret()))
        .await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;

    // H20, H21: the company's integrations, each with a tab of its own.
    browser.go(&format!("{address}/mycompany/integrations")).await;
    browser.heading("Connections").await;
    browser.sees("ninjaone").await;
    // H34, H35: one letter apart is the same, by itself.
    browser.go(&format!("{address}/clients/{}", clients[1])).await;
    browser.heading("Fabrikam Labs").await;
    browser.sees("Fabrikam Lab").await;
    browser.sees("Written with the next sync").await;
    // H29, H31: with an RMM alone there is nothing to choose.
    let page = format!("{address}/clients/{}", clients[0]);
    browser.go(&page).await;
    browser.heading("Acme Corp").await;
    browser.sees("Source of its assets").await;
    browser.sees("No organization is linked to this client.").await;
    assert!(!browser.text().await.contains("Change"));
    browser.looked_at("client-unlinked").await;
    // H30: with a PSA besides, there is a pencil.
    let besides = hub.connect(KIND, json!({}), Secrets::new()).await;
    let registry = engine.registry_connection(&hub.actor).await.unwrap();
    let add = engine.add_bridge(&hub.actor, "PSA", &besides.id, &registry.id, "default");
    let psa_bridge = add.await.unwrap();
    browser.go(&page).await;
    browser.heading("Acme Corp").await;
    browser.follow("Change the source").await;
    // H32: the dialog, and its search.
    browser.sees("Where the assets of Acme Corp come from").await;
    browser.sees("Contoso Clinic").await;
    browser.keys("acme").await;
    browser.gone("Contoso Clinic").await;
    browser.looked_at("client-source").await;
    // H33, H36, H38: linked by hand, and shown.
    browser.press("Link Acme Corporation").await;
    browser.sees("Acme Corporation is linked to Acme Corp.").await;
    browser.sees("Written with the next sync").await;
    browser.looked_at("client-linked").await;
    // H39: the PSA's bridge was not touched.
    assert!(store.decisions(&psa_bridge.id).await.unwrap().is_empty());
    let asked = psa.reads().len();
    // H40, H41: Sync brings the devices of that organization, and asks no other source.
    browser.press("Sync").await;
    browser.sees("You may close this page").await;
    let mut brought = String::new();
    for _ in 0..200 {
        browser.go(&page).await;
        brought = browser.text().await;
        if brought.contains("Serial number") {
            break;
        }
        // The clock of a test stands still by itself, and a job is due by it.
        store.clock().advance(jiff::SignedDuration::from_secs(1));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(
        brought.contains("Serial number") && brought.contains(" of "),
        "{brought}\n{:?}",
        store.jobs(&store::JobFilter::default(), 5).await
    );
    assert_eq!(psa.reads().len(), asked);
    browser.looked_at("client-synced").await;
    // H37: what similarity or somebody linked can be taken back by hand.
    browser.follow("Change the source").await;
    browser.sees("Where the assets of Acme Corp come from").await;
    browser.press("Unlink Acme Corporation").await;
    browser.sees("is linked to Acme Corp no more").await;
    // Without script the dialog is a page that does the same.
    browser.go(&format!("{page}/source?q=contoso")).await;
    browser.sees("Contoso Clinic").await;
    browser.looked_at("client-source-page").await;
    browser.close().await;
    hub.stop.cancel();
    ninja.shutdown().await;
}
