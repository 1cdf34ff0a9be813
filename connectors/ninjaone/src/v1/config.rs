//! Settings and secrets of a connection to API v1.

use crate::settings::Reader;
use connect::http::{Concurrency, HttpOptions};
use connect::settings::{require_tls, unusable};
use connect::{Error, Outbound, Secrets, SettingProblem};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

/// Every setting.
pub const KEYS: &[&str] = &["region", "base_url", "access_key_id"];

/// The secret.
pub const SECRET: &str = "secret_access_key";

/// The legacy API's regions: setting, host of the API, host of the web pages.
pub const REGIONS: &[(&str, &str, &str)] = &[
    ("us", "api.ninjarmm.com", "app.ninjarmm.com"),
    ("eu", "eu-api.ninjarmm.com", "eu.ninjarmm.com"),
];

/// Settings that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme and host of the API.
    pub base: Url,
    /// Scheme and host of the web pages.
    pub pages: Url,
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
}

impl Config {
    /// Reads settings and secrets.
    ///
    /// # Errors
    /// Every problem found, each at its setting.
    pub fn read(settings: &Value, secrets: &Secrets) -> Result<Self, Vec<SettingProblem>> {
        let empty = Map::new();
        let mut read = Reader {
            settings: settings.as_object().unwrap_or(&empty),
            problems: vec![],
        };
        if !settings.is_object() && !settings.is_null() {
            read.problem("region", "the settings are not a JSON object");
        }
        for key in read.settings.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let message = match key.as_str() {
                SECRET => "the secret key is a secret and does not belong among the settings".to_owned(),
                _ => format!("API v1 has no such setting; there are {}", KEYS.join(", ")),
            };
            read.problems.push(SettingProblem {
                key: key.clone(),
                message,
            });
        }
        let hosts = hosts(&mut read);
        let id = read.text("access_key_id").unwrap_or_default();
        if id.is_empty() {
            read.problem(
                "access_key_id",
                "enter the access key id from NinjaRMM: Configuration → Integrations → API",
            );
        } else if !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            read.problem(
                "access_key_id",
                "an access key id has letters and digits only; copy it again from NinjaRMM",
            );
        }
        let secret = secrets
            .get(SECRET)
            .filter(|secret| !secret.expose_secret().trim().is_empty());
        if secret.is_none() {
            read.problem(
                SECRET,
                "enter the secret key. NinjaRMM shows it once, when the key is made; if it is lost, generate a new key",
            );
        }
        match (hosts, secret, read.problems.is_empty()) {
            (Some((base, pages)), Some(secret), true) => Ok(Self {
                base,
                pages,
                id,
                secret: secret.expose_secret().trim().into(),
            }),
            _ => Err(read.problems),
        }
    }

    /// Like [`Config::read`], for a connection: nothing is sent readable to hosts that are not one's own.
    ///
    /// # Errors
    /// Every problem, each at its setting.
    pub fn usable(
        settings: &Value,
        secrets: &Secrets,
        allow_private_hosts: bool,
    ) -> Result<Self, Vec<SettingProblem>> {
        let config = Self::read(settings, secrets)?;
        require_tls(&config.base, "what it reads", allow_private_hosts)?;
        Ok(config)
    }

    /// Like [`Config::usable`], for opening the connection.
    ///
    /// # Errors
    /// [`connect::Kind::Configuration`] with every problem.
    pub fn open(settings: &Value, secrets: &Secrets, outbound: &Outbound) -> Result<Self, Error> {
        Self::usable(settings, secrets, outbound.allow_private_hosts)
            .map_err(|problems| unusable("opening a NinjaRMM connection", &problems))
    }

    /// How requests are sent: few, and never again while the vendor's limit holds, which lasts for minutes.
    pub fn http(&self, outbound: Outbound) -> HttpOptions {
        let mut options = HttpOptions::new(self.base.clone(), outbound);
        options.concurrency = Concurrency { start: 2, max: 2 };
        options.retries = 2;
        options.waits_out_limits = false;
        options
    }
}

fn hosts(read: &mut Reader<'_>) -> Option<(Url, Url)> {
    let region = read.text("region");
    let base = read.text("base_url");
    let known = || {
        let texts: Vec<_> = REGIONS
            .iter()
            .map(|(key, host, _)| format!("{key} ({host})"))
            .collect();
        texts.join(", ")
    };
    match (region.as_deref(), base) {
        (None | Some("custom"), Some(base)) => read.base_url(&base).map(|url| (url.clone(), url)),
        (None, None) => {
            read.problem(
                "region",
                format!(
                    "choose the region of your NinjaRMM account: {}, or custom with base_url",
                    known()
                ),
            );
            None
        }
        (Some("custom"), None) => {
            read.problem("base_url", "enter the address of your NinjaRMM's API v1");
            None
        }
        (Some(region), base) => {
            let found = REGIONS
                .iter()
                .find(|(key, ..)| *key == region.to_ascii_lowercase());
            if found.is_none() {
                read.problem(
                    "region",
                    format!(
                        "{region:?} has no host of API v1 that is known; there are {}, and custom with base_url",
                        known()
                    ),
                );
            } else if base.is_some() {
                read.problem("base_url", "leave it empty, or choose region custom");
            }
            let url = |host: &str| Url::parse(&format!("https://{host}/")).ok();
            found.and_then(|(_, api, pages)| Some((url(api)?, url(pages)?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret() -> Secrets {
        Secrets::from([(SECRET.to_owned(), "s3cret".into())])
    }

    fn keys_of(settings: Value, secrets: &Secrets) -> Vec<String> {
        let problems = Config::read(&settings, secrets).unwrap_err();
        assert!(
            problems.iter().all(|p| !p.message.contains("hunter2")),
            "{problems:?}"
        );
        problems.into_iter().map(|p| p.key).collect()
    }

    #[test]
    fn p05_an_access_key_and_a_secret_are_taken() {
        for (region, api, pages) in REGIONS {
            let settings = json!({"region": region, "access_key_id": " AK1 "});
            let config = Config::read(&settings, &secret()).unwrap();
            assert_eq!(config.base.host_str(), Some(*api));
            assert_eq!(config.pages.host_str(), Some(*pages));
            assert_eq!(config.id, "AK1");
            assert!(!format!("{config:?}").contains("s3cret"));
        }
    }

    #[test]
    fn every_problem_names_its_setting() {
        let none = Secrets::new();
        assert_eq!(keys_of(json!({}), &none), ["region", "access_key_id", SECRET]);
        let wrong = json!({"region": "mars", "access_key_id": "a:b", "secret_access_key": "hunter2"});
        assert_eq!(keys_of(wrong, &secret()), [SECRET, "region", "access_key_id"]);
        let both = json!({"region": "eu", "base_url": "https://x.example", "access_key_id": "a"});
        assert_eq!(keys_of(both, &secret()), ["base_url"]);
        let custom = json!({"region": "custom", "access_key_id": "a"});
        assert_eq!(keys_of(custom, &secret()), ["base_url"]);
    }

    #[test]
    fn plain_http_is_for_connections_that_may_reach_private_hosts() {
        let settings = json!({"base_url": "http://127.0.0.1:8410", "access_key_id": "a"});
        let refused = Config::open(&settings, &secret(), &Outbound::default()).unwrap_err();
        assert_eq!(refused.kind, connect::Kind::Configuration);
        let outbound = Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        };
        assert!(Config::open(&settings, &secret(), &outbound).is_ok());
    }
}
