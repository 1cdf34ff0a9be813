//! A simulated tenant and a connection to it.

use connect::oauth::MemoryGrants;
use connect::{
    Connector, DevicePage, DevicesRead, DevicesRequest, Error, GrantStore, NewGrant, OpenContext, Outbound,
    Secrets, Source, Unreadable,
};
use jiff::{SignedDuration, Timestamp};
use model::{Connection, ConnectionState, RawDevice};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::clock::{Clock as _, SystemClock};
use simulators::ninjaone::estate::device::{Approval, Device};
use simulators::ninjaone::{NinjaOne, Options};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::mpsc;

/// The machine's clock, which a test can put forward.
#[derive(Default)]
pub struct Now(AtomicI64);

impl Now {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl model::Clock for Now {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Different bytes every time, the same ones in every run.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl model::Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            *byte = (count.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u8;
        }
    }
}

/// A running tenant and how to reach it.
pub struct Tenant {
    pub sim: NinjaOne,
    pub grants: Arc<MemoryGrants>,
    pub clock: Arc<Now>,
    pub cx: OpenContext,
}

/// Settings and secrets of a connection.
pub fn settings(base: &str, more: Value) -> Value {
    let mut settings = json!({"region": "custom", "base_url": base, "client_id": "demo-web"});
    let more = more.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(more);
    settings
}

pub fn secrets(secret: &str) -> Secrets {
    Secrets::from([("client_secret".to_owned(), SecretString::from(secret))])
}

impl Tenant {
    /// A tenant whose connection holds a living grant for reading.
    pub async fn start(options: Options, more: Value) -> Self {
        let tenant = Self::without_grant(options, more).await;
        let token = tenant.sim.grants().access_token_for(
            "demo-web",
            Some("tech@example.test"),
            &["monitoring", "offline_access"],
        );
        let pair = NewGrant {
            access_token: token.into(),
            refresh_token: None,
            scopes: vec!["monitoring".to_owned(), "offline_access".to_owned()],
            expires: SystemClock.now() + SignedDuration::from_secs(3600),
        };
        tenant.grants.replace(pair).await.unwrap();
        tenant
    }

    pub async fn without_grant(options: Options, more: Value) -> Self {
        let sim = NinjaOne::start_on_loopback(options).await.unwrap();
        let grants = Arc::new(MemoryGrants::default());
        let clock = Arc::new(Now::default());
        let cx = context(
            settings(&sim.base_url(), more),
            secrets("demo-web-secret"),
            grants.clone(),
        );
        let cx = OpenContext {
            clock: clock.clone(),
            ..cx
        };
        Self {
            sim,
            grants,
            clock,
            cx,
        }
    }

    /// The same tenant through other settings.
    pub fn through(self, more: Value, secret: &str) -> Self {
        let cx = context(
            settings(&self.sim.base_url(), more),
            secrets(secret),
            self.grants.clone(),
        );
        Self {
            cx: OpenContext {
                clock: self.clock.clone(),
                ..cx
            },
            ..self
        }
    }

    pub async fn of(devices: usize) -> Self {
        Self::start(options(devices), json!({})).await
    }

    pub fn source(&self) -> Arc<dyn Source> {
        connector().source(&self.cx).unwrap()
    }

    pub fn device_requests(&self) -> u64 {
        self.sim.requests().of("GET", "/v2/devices-detailed")
    }

    /// Approved devices, as the estate holds them.
    pub fn approved(&self) -> BTreeMap<u64, Device> {
        let estate = self.sim.estate();
        let approved = estate
            .devices()
            .iter()
            .filter(|device| device.approval == Approval::Approved);
        approved
            .map(|device| (u64::from(device.id), device.clone()))
            .collect()
    }
}

pub fn options(devices: usize) -> Options {
    Options {
        devices,
        ..Options::default()
    }
}

pub fn connector() -> Arc<dyn Connector> {
    ninjaone::connector()
}

/// How a connection is opened. A program that sends requests has a TLS provider installed.
pub fn context(settings: Value, secrets: Secrets, grants: Arc<dyn GrantStore>) -> OpenContext {
    // The second test of a process finds it there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    OpenContext {
        connection: Connection {
            id: "c1".into(),
            kind: "ninjaone".to_owned(),
            name: "NinjaOne".to_owned(),
            state: ConnectionState::Connected,
            settings,
            read_only: true,
            allow_private_hosts: true,
            created: Timestamp::UNIX_EPOCH,
            last_success: None,
            version: 1,
        },
        secrets,
        grants,
        outbound: Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        },
        clock: Arc::new(Now::default()),
        random: Arc::new(Counter::default()),
    }
}

/// Everything one read delivered.
#[derive(Debug)]
pub struct Read {
    pub devices: Vec<RawDevice>,
    pub unreadable: Vec<Unreadable>,
    pub summary: DevicesRead,
}

impl Read {
    /// Ids of the devices, ascending. No id may come twice.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self
            .devices
            .iter()
            .map(|device| device.id.as_str().parse().unwrap())
            .collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "an id came twice");
        ids
    }
}

pub async fn read(source: &Arc<dyn Source>, request: DevicesRequest) -> Result<Read, Error> {
    let (sender, mut receiver) = mpsc::channel::<DevicePage>(2);
    let taking = async {
        let (mut devices, mut unreadable) = (vec![], vec![]);
        while let Some(page) = receiver.recv().await {
            devices.extend(page.devices);
            unreadable.extend(page.unreadable);
        }
        (devices, unreadable)
    };
    let (summary, (devices, unreadable)) = tokio::join!(source.devices(request, sender), taking);
    let summary = summary?;
    assert_eq!(summary.devices, (devices.len() + unreadable.len()) as u64);
    Ok(Read {
        devices,
        unreadable,
        summary,
    })
}

pub async fn read_all(source: &Arc<dyn Source>) -> Result<Read, Error> {
    read(source, DevicesRequest::default()).await
}

pub fn knowing(ids: Vec<u64>) -> DevicesRequest {
    DevicesRequest {
        known_ids: ids,
        ..DevicesRequest::default()
    }
}
