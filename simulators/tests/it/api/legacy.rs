//! API v1: signature, clock, limits, and the same estate as API v2.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::faults::Effect;
use simulators::ninjaone::{KeyPair, Options};

use super::{Stand, options};

struct Legacy {
    stand: Stand,
    clock: Arc<SettableClock>,
    keys: KeyPair,
}

impl Legacy {
    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = Arc::new(SettableClock::new("2026-11-02T09:00:00Z".parse().unwrap()));
        let mut options = Options {
            clock: clock.clone(),
            ..options(120)
        };
        change(&mut options);
        Self {
            stand: Stand::start(options).await,
            clock,
            keys: KeyPair::demo(),
        }
    }

    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Signed by `keys` as of `at`.
    async fn get_at(&self, path: &str, keys: &KeyPair, at: Timestamp) -> (StatusCode, Value) {
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at)
            .unwrap();
        let lines = STANDARD.encode(format!("GET\n\n\n{date}\n{path}"));
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(keys.secret.as_bytes()).unwrap();
        mac.update(lines.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let request = self
            .stand
            .client
            .get(format!("{}{path}", self.stand.ninja.base_url()))
            .header("date", date)
            .header("authorization", format!("NJ {}:{signature}", keys.id));
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("date"));
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.get_at(path, &self.keys, self.stand.ninja.now()).await
    }
}

#[tokio::test]
async fn ids_and_names_are_those_of_api_v2() {
    let legacy = Legacy::start().await;
    assert_eq!(legacy.get("/v1/ping").await.0, StatusCode::NO_CONTENT);
    let (_, customers) = legacy.get("/v1/customers").await;
    let known: Vec<_> = legacy.stand.ninja.organizations();
    let read: Vec<_> = customers.as_array().unwrap().iter().collect();
    assert_eq!(read.len(), known.len());
    for (one, (id, name)) in read.iter().zip(&known) {
        assert_eq!(
            (one["id"].as_u64(), one["name"].as_str()),
            (Some(u64::from(*id)), Some(name.as_str()))
        );
    }
    let (_, devices) = legacy.get("/v1/devices").await;
    let mut kinds = std::collections::BTreeMap::<String, u32>::new();
    for device in devices.as_array().unwrap() {
        let id = u32::try_from(device["id"].as_u64().unwrap()).unwrap();
        let estate = legacy.stand.ninja.estate();
        let same = estate.device(id).unwrap();
        assert_eq!(device["display_name"], same.shown_name());
        assert_eq!(device["customer"]["id"], same.organization);
        *kinds
            .entry(device["type"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    assert!(kinds["AGENT"] > 60, "{kinds:?}");
    assert!(
        kinds
            .keys()
            .all(|kind| ["AGENT", "MONITOR_SERVER", "NMS_SERVER", "NMS_TARGET"].contains(&kind.as_str()))
    );
    let first = &devices[0];
    assert_eq!(
        legacy.get(&format!("/v1/devices/{}", first["id"])).await.1,
        *first
    );
    assert_eq!(legacy.get("/v1/customers/999999").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_refusal_has_its_word() {
    let legacy = Legacy::start().await;
    let now = legacy.stand.ninja.now();
    let said = async |keys: &KeyPair, at| {
        let (status, body) = legacy.get_at("/v1/customers", keys, at).await;
        (
            status.as_u16(),
            body["error"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let unknown = KeyPair {
        id: "NOBODY".to_owned(),
        ..legacy.keys.clone()
    };
    let wrong = KeyPair {
        secret: "wrong".to_owned(),
        ..legacy.keys.clone()
    };
    assert_eq!(said(&unknown, now).await, (401, "invalid_id".to_owned()));
    assert_eq!(said(&wrong, now).await, (401, "not_authenticated".to_owned()));
    for minutes in [-16, 16] {
        let at = now + SignedDuration::from_mins(minutes);
        assert_eq!(said(&legacy.keys, at).await, (401, "skewed_time".to_owned()));
    }
    let at = now + SignedDuration::from_mins(14);
    assert_eq!(said(&legacy.keys, at).await.0, 200);
    let url = format!("{}/v1/customers", legacy.stand.ninja.base_url());
    let bare = legacy.stand.client.get(&url).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::BAD_REQUEST);
    assert!(bare.text().await.unwrap().contains("missing_header"));
}

#[tokio::test]
async fn lists_are_given_ten_times_in_ten_minutes() {
    let legacy = Legacy::with(|options| {
        options.quirks.set("v1-limit-status=403").unwrap();
        options.quirks.set("v1-error-status=200").unwrap();
    })
    .await;
    for n in 0..10 {
        let path = ["/v1/customers", "/v1/devices"][n % 2];
        assert_eq!(legacy.get(path).await.0, StatusCode::OK);
    }
    let (status, body) = legacy.get("/v1/customers").await;
    assert_eq!(
        (status.as_u16(), body["error"].as_str()),
        (403, Some("rate_limit_exceeded"))
    );
    let first = legacy.stand.ninja.organizations()[0].0;
    let single = legacy.get(&format!("/v1/customers/{first}")).await;
    assert!(
        single.1["error"].is_null(),
        "single records have a limit of their own"
    );
    legacy.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(legacy.get("/v1/customers").await.0, StatusCode::OK);
}

#[tokio::test]
async fn faults_strike_api_v1_too() {
    let legacy = Legacy::start().await;
    legacy
        .stand
        .ninja
        .faults()
        .always("/v1/devices", Effect::Status { status: 503 });
    assert_eq!(legacy.get("/v1/devices").await.0.as_u16(), 503);
    assert_eq!(legacy.get("/v1/customers").await.0, StatusCode::OK);
}
