//! API v1 against the simulator: keys, clock, limits, and the same estate as API v2.

use crate::tenant::{Now, context};
use connect::oauth::MemoryGrants;
use connect::{
    Authorization, Connector, DevicePage, DevicesRequest, Error, Kind, NewGrant, OpenContext, Secrets,
    Source, Verdict,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use simulators::faults::Effect;
use simulators::ninjaone::{KeyPair, NinjaOne, Options};
use std::sync::Arc;
use tokio::sync::mpsc;

struct Legacy {
    sim: NinjaOne,
    connector: Arc<dyn Connector>,
    clock: Arc<Now>,
    cx: OpenContext,
}

impl Legacy {
    async fn with(quirks: &[&str], secret: &str) -> Self {
        let mut options = Options {
            devices: 120,
            ..Options::default()
        };
        for quirk in quirks {
            options.quirks.set(quirk).unwrap();
        }
        let sim = NinjaOne::start_on_loopback(options).await.unwrap();
        let settings = json!({"base_url": sim.base_url(), "access_key_id": KeyPair::demo().id});
        let secrets = Secrets::from([("secret_access_key".to_owned(), secret.into())]);
        let grant = NewGrant {
            access_token: "unused".into(),
            refresh_token: None,
            scopes: vec![],
            expires: Timestamp::MAX,
        };
        let clock = Arc::new(Now::default());
        let mut cx = context(settings, secrets, Arc::new(MemoryGrants::with(grant)));
        cx.clock = clock.clone();
        Self {
            sim,
            connector: ninjaone::v1_connector(),
            clock,
            cx,
        }
    }

    async fn start() -> Self {
        Self::with(&[], &KeyPair::demo().secret).await
    }

    fn source(&self) -> Arc<dyn Source> {
        self.connector.source(&self.cx).unwrap()
    }

    fn authorization(&self) -> Arc<dyn Authorization> {
        self.connector.authorization(&self.cx).unwrap().unwrap()
    }

    async fn authenticate(&self) -> Result<NewGrant, Error> {
        self.authorization().machine_grant().await
    }

    /// What a sync reads: everything, from a source of its own.
    async fn read(&self) -> Result<(usize, Vec<DevicePage>), Error> {
        let source = self.source();
        let (organizations, locations, _roles) =
            tokio::try_join!(source.organizations(), source.locations(), source.roles())?;
        assert!(locations.is_empty());
        let (sender, mut pages) = mpsc::channel(2);
        let reading = source.devices(DevicesRequest::default(), sender);
        let collect = async {
            let mut all = Vec::new();
            while let Some(page) = pages.recv().await {
                all.push(page);
            }
            all
        };
        let (read, pages) = tokio::join!(reading, collect);
        let read = read?;
        let count: usize = pages.iter().map(|p| p.devices.len() + p.unreadable.len()).sum();
        assert_eq!(read.devices, count as u64);
        Ok((organizations.len(), pages))
    }
}

#[tokio::test]
async fn p01_p05_customers_and_devices_are_those_of_api_v2() {
    let legacy = Legacy::start().await;
    legacy.authenticate().await.unwrap();
    let (organizations, pages) = legacy.read().await.unwrap();
    assert_eq!(organizations, legacy.sim.organizations().len());
    let source = legacy.source();
    let mut kinds = std::collections::BTreeSet::new();
    for device in pages.iter().flat_map(|page| &page.devices) {
        let converted = source.document(&device.raw).unwrap();
        assert!(converted.faults.is_empty(), "{:?}", converted.faults);
        let document = converted.document;
        let estate = legacy.sim.estate();
        let same = estate.device(device.id.as_str().parse().unwrap()).unwrap();
        assert_eq!(document["nodeClass"], same.kind.node_class());
        assert_eq!(document["displayName"], same.shown_name());
        assert_eq!(document["organizationId"], same.organization);
        assert_eq!(document["raw"]["id"], document["id"]);
        assert!(
            document["dashboardUrl"]
                .as_str()
                .unwrap()
                .ends_with(&format!("/{}/overview", same.id))
        );
        kinds.insert(document["raw"]["type"].as_str().unwrap().to_owned());
    }
    assert!(
        kinds.contains("AGENT") && kinds.contains("NMS_TARGET"),
        "{kinds:?}"
    );
    let url = source.device_url(&"7".into()).unwrap();
    assert!(url.ends_with("/#/deviceDashboard/7/overview"), "{url}");
}

#[tokio::test]
async fn a_sync_fits_into_the_limit_of_ten_lists_in_ten_minutes() {
    let legacy = Legacy::start().await;
    for _ in 0..5 {
        legacy.read().await.unwrap();
    }
    let asked = legacy.sim.requests();
    assert_eq!(
        (asked.of("GET", "/v1/customers"), asked.of("GET", "/v1/devices")),
        (5, 5)
    );
    assert_eq!(asked.total, 10, "{:?}", asked.by_path);

    // The next one is told until when it has to wait, and asks no more than once for it.
    let error = legacy.read().await.unwrap_err();
    assert!(matches!(error.kind, Kind::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 600));
    let text = error.to_string();
    assert!(
        text.contains("rate_limit_exceeded") && text.contains("UTC on"),
        "{text}"
    );
    assert!(legacy.sim.requests().total <= 12);
    let points = legacy.source().check().await;
    assert_eq!(points[2].verdict, Verdict::Passed);
    assert_eq!(points[3].verdict, Verdict::NotTried);
    assert!(
        points[3].detail.contains("answers again at"),
        "{}",
        points[3].detail
    );
}

#[tokio::test]
async fn the_limit_is_known_by_its_word_whatever_its_status() {
    for quirks in [
        &["v1-limit-status=403"][..],
        &["v1-limit-status=200"],
        &["v1-limit-status=429", "v1-retry-after"],
    ] {
        let legacy = Legacy::with(quirks, &KeyPair::demo().secret).await;
        for _ in 0..10 {
            legacy.source().organizations().await.unwrap();
        }
        let error = legacy.source().organizations().await.unwrap_err();
        assert!(
            matches!(error.kind, Kind::RateLimited { retry_after: Some(_) }),
            "{quirks:?}: {error}"
        );
        assert_eq!(legacy.sim.requests().total, 11);
    }
}

#[tokio::test]
async fn p14_p15_wrong_keys_are_told_with_the_vendors_own_answer() {
    for quirks in [&[][..], &["v1-error-status=200"], &["v1-error-status=403"]] {
        let legacy = Legacy::with(quirks, "wrong").await;
        let error = legacy.authenticate().await.unwrap_err();
        assert_eq!(error.kind, Kind::Auth, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("not_authenticated") && text.contains("shows a secret once"),
            "{text}"
        );
        assert_eq!(legacy.sim.requests().total, 1, "nobody else's keys are tried");
        let points = legacy.source().check().await;
        let verdicts: Vec<_> = points.iter().map(|point| point.verdict).collect();
        let (yes, no, not) = (Verdict::Passed, Verdict::Failed, Verdict::NotTried);
        assert_eq!(verdicts, [yes, yes, no, not, not]);
    }
    let mut legacy = Legacy::start().await;
    legacy.cx.connection.settings["access_key_id"] = json!("NOBODY");
    let error = legacy.authenticate().await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(error.to_string().contains("invalid_id"), "{error}");
}

#[tokio::test]
async fn a_skewed_clock_is_told_with_its_size() {
    let legacy = Legacy::start().await;
    legacy.clock.forward(20 * 60);
    let error = legacy.authenticate().await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    let text = error.to_string();
    assert!(
        text.contains("skewed_time") && text.contains("ahead of NinjaRMM's"),
        "{text}"
    );
    assert!(text.contains("20 min") || text.contains("19 min"), "{text}");
    let points = legacy.source().check().await;
    assert_eq!(
        (points[0].verdict, points[1].verdict),
        (Verdict::Passed, Verdict::Failed)
    );
}

#[tokio::test]
async fn the_check_ticks_every_point() {
    let legacy = Legacy::start().await;
    let points = legacy.source().check().await;
    assert!(
        points.iter().all(|point| point.verdict == Verdict::Passed),
        "{points:?}"
    );
    assert_eq!(points.len(), 5);
}

#[tokio::test]
async fn what_goes_wrong_on_the_way_is_no_shorter_list() {
    for (effect, kind) in [
        (Effect::TruncatedJson, Kind::Protocol),
        (Effect::LoginPage, Kind::Protocol),
        (Effect::Status { status: 503 }, Kind::Unavailable),
    ] {
        let legacy = Legacy::start().await;
        legacy.sim.faults().always("/v1/devices", effect.clone());
        let error = legacy.read().await.unwrap_err();
        assert_eq!(error.kind, kind, "{effect:?}: {error}");
        assert!(legacy.sim.requests().total <= 6, "{effect:?}");
    }
    // Once is no harm.
    let legacy = Legacy::start().await;
    legacy
        .sim
        .faults()
        .once_after("/v1/devices", 0, Effect::Status { status: 503 });
    legacy.read().await.unwrap();
}

#[tokio::test]
async fn one_customers_devices_alone_are_read_for_its_sync() {
    let legacy = Legacy::start().await;
    let organization = legacy.sim.organizations()[0].0.to_string();
    let (sender, mut pages) = mpsc::channel(100);
    let request = DevicesRequest {
        organization: Some(organization.as_str().into()),
        ..DevicesRequest::default()
    };
    let read = legacy.source().devices(request, sender).await.unwrap();
    let mut devices = 0;
    while let Some(page) = pages.recv().await {
        assert!(
            page.devices
                .iter()
                .all(|d| d.organization.as_str() == organization)
        );
        devices += page.devices.len() as u64;
    }
    assert_eq!(read.devices, devices);
    assert!(devices > 0);
}

#[tokio::test]
async fn private_hosts_are_for_connections_that_may_reach_them() {
    let mut legacy = Legacy::start().await;
    legacy.cx.outbound.allow_private_hosts = false;
    assert!(legacy.connector.source(&legacy.cx).is_err());
    let settings: Value = json!({"base_url": "https://127.0.0.1:1", "access_key_id": "A"});
    legacy.cx.connection.settings = settings;
    let error = legacy.source().organizations().await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration, "{error}");
}
