//! A simulated Passportal, opened as a destination.

use connect::oauth::MemoryGrants;
use connect::{AssetScope, Connector, Destination, Marker, NewAsset, OpenContext, Outbound, Secrets, Write};
use connect::{WriteResult, Written};
use model::{Asset, Clock as _, Connection, ConnectionState, Fields, RecordId};
use serde_json::{Value, json};
use simulators::passportal::{Options, Passportal};
use std::sync::Arc;
use std::time::Duration;
use testkit::{CountingRandom, FixedClock};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub struct Stand {
    pub sim: Passportal,
    pub connector: Arc<dyn Connector>,
    pub cx: OpenContext,
    pub clock: Arc<FixedClock>,
    pub to: Arc<dyn Destination>,
}

/// A simulator with these quirks.
pub async fn simulator(quirks: &[&str]) -> Passportal {
    let mut options = Options::default();
    for quirk in quirks {
        options.quirks.set(quirk).unwrap();
    }
    Passportal::start_on_loopback(options).await.unwrap()
}

impl Stand {
    pub async fn start() -> Self {
        Self::with(&[], &json!({})).await
    }

    /// With these quirks and settings.
    pub async fn with(quirks: &[&str], more: &Value) -> Self {
        Self::on(simulator(quirks).await, more)
    }

    pub fn on(sim: Passportal, more: &Value) -> Self {
        // An error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The simulator lives in the machine's time, and so must tokens.
        #[expect(clippy::disallowed_methods, reason = "tokens end by the simulator's clock")]
        let clock = Arc::new(FixedClock::at(jiff::Timestamp::now()));
        let mut settings = json!({
            "base_url": sim.base_url(), "access_key_id": "DEMOPASSPORTALKEY", "deadline_ms": 400, "settle_ms": 1500,
        });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let cx = OpenContext {
            connection: Connection {
                id: "passportal".into(),
                kind: "passportal".to_owned(),
                name: "passportal".to_owned(),
                state: ConnectionState::Connected,
                settings,
                read_only: false,
                allow_private_hosts: true,
                created: clock.now(),
                last_success: None,
                version: 1,
            },
            secrets: Secrets::from([("secret_access_key".to_owned(), "demo-passportal-secret".into())]),
            grants: Arc::new(MemoryGrants::default()),
            outbound: Outbound {
                allow_private_hosts: true,
                ..Outbound::default()
            },
            clock: clock.clone(),
            random: Arc::new(CountingRandom::default()),
        };
        let connector = passportal::connector();
        let to = connector.destination(&cx).unwrap();
        Self {
            sim,
            connector,
            cx,
            clock,
            to,
        }
    }

    /// The same account, as another process opens it.
    pub fn again(&self) -> Arc<dyn Destination> {
        self.connector.destination(&self.cx).unwrap()
    }

    pub fn client(&self) -> RecordId {
        RecordId(self.sim.clients()[0].0.to_string())
    }

    pub async fn create(&self, number: u32) -> WriteResult {
        let write = Write::CreateAsset {
            marker: marker(number),
            asset: NewAsset {
                client: self.client(),
                site: None,
                asset_type: None,
                source_id: number.to_string(),
                fields: Fields::from([
                    ("name".to_owned(), json!(format!("PC-{number}"))),
                    ("serialNumber".to_owned(), json!(format!("SN-{number}"))),
                ]),
            },
        };
        self.write(write).await
    }

    pub async fn write(&self, write: Write) -> WriteResult {
        let soon = Instant::now() + Duration::from_secs(30);
        self.to.write(&[write], soon).await.remove(0)
    }

    pub async fn assets(&self, scope: AssetScope) -> Result<Vec<Asset>, connect::Error> {
        let (sender, mut pages) = mpsc::channel(100);
        self.to.assets(scope, sender).await?;
        let mut all = Vec::new();
        while let Some(page) = pages.recv().await {
            all.extend(page);
        }
        Ok(all)
    }

    /// How many documents this made.
    pub fn made(&self) -> usize {
        let ours = |text: Option<&str>| text.is_some_and(|text| text.contains("rmmbridge"));
        self.sim
            .documents()
            .iter()
            .filter(|document| ours(document.text(32)))
            .count()
    }
}

pub fn marker(number: u32) -> Marker {
    Marker(format!("connection-1/asset/{number}"))
}

pub fn id(written: &WriteResult) -> &RecordId {
    let Ok(Written { id }) = written else {
        panic!("{written:?}");
    };
    id
}
