//! The API half of the NinjaOne simulator, driven over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test stop it at the first surprise"
)]

mod activities;
mod contract;
mod day;
mod devices;
mod faults;
mod gate;
mod legacy;
mod paging;
mod records;
mod reports;
mod webhook;

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::ninjaone::{NinjaOne, Options};

/// A simulator with a client that has a token.
pub struct Stand {
    pub ninja: NinjaOne,
    pub client: reqwest::Client,
    pub token: String,
}

/// The options most tests use: few devices and a clock that stands still.
pub fn options(devices: usize) -> Options {
    let now: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    Options {
        devices,
        seed: 11,
        clock: Arc::new(SettableClock::new(now)),
        ..Options::default()
    }
}

impl Stand {
    pub async fn start(options: Options) -> Self {
        // The second test of a process finds the provider installed; that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ninja = NinjaOne::start_on_loopback(options).await.unwrap();
        let scopes = ["monitoring", "management"];
        let token = ninja
            .grants()
            .access_token_for("demo-web", Some("tech@example.test"), &scopes);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { ninja, client, token }
    }

    pub async fn of(devices: usize) -> Self {
        Self::start(options(devices)).await
    }

    pub async fn send(&self, method: Method, path: &str) -> reqwest::Result<Response> {
        self.client
            .request(method, format!("{}{path}", self.ninja.base_url()))
            .bearer_auth(&self.token)
            .send()
            .await
    }

    /// Status, content type and body of a GET.
    pub async fn get(&self, path: &str) -> (u16, String, String) {
        let response = self.send(Method::GET, path).await.unwrap();
        let kind = response
            .headers()
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        (
            response.status().as_u16(),
            kind.unwrap_or_default(),
            response.text().await.unwrap(),
        )
    }

    /// The JSON of a GET that must succeed.
    pub async fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// The rows of a GET that answers with an array.
    pub async fn rows(&self, path: &str) -> Vec<Value> {
        match self.json(path).await {
            Value::Array(rows) => rows,
            other => panic!("{path}: no array: {other}"),
        }
    }

    /// The ids of all pages of `path`, as a patient reader collects them.
    pub async fn walk(&self, path: &str, size: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        loop {
            let after = ids.last().copied().unwrap_or(0);
            let page = self.rows(&format!("{path}?pageSize={size}&after={after}")).await;
            let full = page.len() == size;
            ids.extend(page.iter().map(id_of));
            if !full {
                return ids;
            }
        }
    }

    /// Sends JSON; gives the status and the body.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> (u16, String) {
        let request = self
            .client
            .request(method, format!("{}{path}", self.ninja.base_url()));
        let response = request.bearer_auth(&self.token).json(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

pub fn id_of(row: &Value) -> i64 {
    row["id"].as_i64().unwrap()
}
