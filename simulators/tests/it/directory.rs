//! The Reference Directory over HTTP.

#![expect(clippy::unwrap_used, reason = "a test ends with a panic")]

mod faults;
mod lists;
mod writes;

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::directory::{Behaviour, Directory, Options};
use std::sync::Arc;

/// A running directory and a client of it.
pub struct Desk {
    pub directory: Directory,
    pub clock: Arc<SettableClock>,
    http: reqwest::Client,
    key: String,
}

#[expect(clippy::disallowed_methods, reason = "a test client needs no limits of ours")]
fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Desk {
    pub async fn open() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn behaving(behaviour: Behaviour) -> Self {
        Self::with(Options {
            behaviour,
            ..Options::default()
        })
        .await
    }

    pub async fn with(options: Options) -> Self {
        let clock = Arc::new(SettableClock::new("2026-01-15T09:00:00Z".parse().unwrap()));
        let options = Options {
            clock: clock.clone(),
            ..options
        };
        Self {
            key: options.api_key.clone(),
            directory: Directory::start(options).await.unwrap(),
            clock,
            http: http(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.directory.base_url());
        self.http.request(method, url).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        taken(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        taken(self.request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    /// Posts where no answer, or a broken one, is expected.
    pub async fn post_in_vain(&self, path: &str, body: &Value) {
        let sent = self.request(Method::POST, path).json(body).send().await;
        if let Ok(response) = sent {
            let status = response.status();
            assert!(response.bytes().await.is_err(), "a whole answer came: {status}");
        }
    }

    pub async fn patch(&self, id: &str, version: u64, body: &Value) -> (StatusCode, Value) {
        let request = self
            .request(Method::PATCH, &format!("/assets/{id}"))
            .header("if-match", format!("\"{version}\""));
        taken(request.json(body).send().await.unwrap()).await
    }

    /// Creates what must be created; its id.
    pub async fn made(&self, path: &str, body: Value) -> String {
        let (status, record) = self.post(path, &body).await;
        assert_eq!(status, 201, "{record}");
        record["id"].as_str().unwrap().to_owned()
    }

    pub async fn client(&self) -> String {
        self.made("/clients", serde_json::json!({"name": "Acme"})).await
    }

    /// Ids of a list, all pages.
    pub async fn ids(&self, path: &str) -> Vec<String> {
        let (mut ids, mut cursor) = (vec![], String::new());
        loop {
            let (status, page) = self.get(&format!("{path}{cursor}")).await;
            assert_eq!(status, 200, "{page}");
            let records = page["data"].as_array().unwrap();
            ids.extend(
                records
                    .iter()
                    .map(|record| record["id"].as_str().unwrap().to_owned()),
            );
            if page["page"]["complete"].as_bool().unwrap() {
                assert!(page["page"]["next_cursor"].is_null());
                return ids;
            }
            let mark = if path.contains('?') { '&' } else { '?' };
            cursor = format!("{mark}cursor={}", page["page"]["next_cursor"].as_str().unwrap());
        }
    }
}

async fn taken(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.unwrap_or(Value::Null))
}
