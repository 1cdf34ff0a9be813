//! Settings and secret of a connection.

use connect::http::{Concurrency, HttpOptions};
use connect::settings::{require_tls, unusable};
use connect::{Error, Outbound, Secrets, SettingProblem};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Url;

/// Every setting.
pub const KEYS: &[&str] = &[
    "region",
    "base_url",
    "access_key_id",
    "template_uid",
    "updates",
    "deadline_ms",
    "settle_ms",
];

/// The secret.
pub const SECRET: &str = "secret_access_key";

/// The regions whose hosts are known: setting, host, what people call it.
pub const REGIONS: &[(&str, &str, &str)] = &[
    ("us", "us-clover.passportalmsp.com", "US"),
    ("ca", "ca-clover.passportalmsp.com", "Canada"),
    ("uk", "uk-clover.passportalmsp.com", "UK"),
    ("au", "au-clover.passportalmsp.com", "Australia"),
];

/// Settings that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme and host; the API's path comes after it.
    pub base: Url,
    /// The access key's id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: SecretString,
    /// The template of asset documents; learned from the account where it is not named.
    pub template: Option<String>,
    /// Whether documents are replaced when something changed.
    pub updates: bool,
    /// Longest time for one request.
    pub deadline: Duration,
    /// How long after we gave up a document may still appear in lists.
    pub settle: Duration,
}

struct Reader<'a> {
    settings: &'a Map<String, Value>,
    problems: Vec<SettingProblem>,
}

impl Reader<'_> {
    fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(SettingProblem {
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// A text; blank is absent.
    fn text(&mut self, key: &str) -> Option<String> {
        match self.settings.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => {
                self.problem(key, "must be a text");
                None
            }
        }
    }

    fn millis(&mut self, key: &str, usual: u64, range: RangeInclusive<u64>) -> Duration {
        let number = match self.text(key) {
            None => Some(usual),
            Some(text) => text.parse().ok(),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Duration::from_millis(number),
            None => {
                let message = format!("a whole number from {} to {}", range.start(), range.end());
                self.problem(key, message);
                Duration::from_millis(usual)
            }
        }
    }

    fn base(&mut self) -> Option<Url> {
        let region = self.text("region");
        let address = self.text("base_url");
        match (region.as_deref(), address) {
            (None | Some("custom"), Some(address)) => self.address(&address),
            (Some("custom"), None) => {
                self.problem(
                    "base_url",
                    "enter the address of your Passportal, e.g. https://yourname.passportalmsp.com",
                );
                None
            }
            (None, None) => {
                self.problem(
                    "region",
                    format!(
                        "choose the region of your Passportal account: {}, or custom with base_url",
                        regions()
                    ),
                );
                None
            }
            (Some(region), address) => {
                let found = REGIONS.iter().find(|(key, ..)| *key == region);
                if found.is_none() {
                    let message = format!(
                        "{region:?} is no region; there are {}, and custom with base_url",
                        regions()
                    );
                    self.problem("region", message);
                } else if address.is_some() {
                    self.problem("base_url", "leave it empty, or choose region custom");
                }
                Url::parse(&format!("https://{}/", found?.1)).ok()
            }
        }
    }

    fn address(&mut self, text: &str) -> Option<Url> {
        let wrong = match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() => {
                "it does not begin with https://"
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "it holds a user name or password"
            }
            // The dashboard's address as it stands in a browser will do.
            Ok(mut url) => {
                url.set_path("/");
                url.set_query(None);
                url.set_fragment(None);
                return Some(url);
            }
            Err(_) => "it is no web address",
        };
        self.problem(
            "base_url",
            format!("{wrong}; enter one like https://yourname.passportalmsp.com"),
        );
        None
    }

    /// A template's UID without what Passportal writes before the number.
    fn template(&mut self) -> Option<String> {
        let uid = self.text("template_uid")?.to_lowercase();
        let number = uid.strip_prefix("tpl-").unwrap_or(&uid);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            self.problem("template_uid", "a template's UID looks like tpl-59, or 59");
            return None;
        }
        Some(format!("tpl-{number}"))
    }
}

fn regions() -> String {
    let texts: Vec<_> = REGIONS
        .iter()
        .map(|(key, host, label)| format!("{key} ({label}, {host})"))
        .collect();
    texts.join(", ")
}

impl Config {
    /// Reads settings and secret.
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
                SECRET => {
                    "the secret access key is a secret and does not belong among the settings".to_owned()
                }
                _ => format!("Passportal has no such setting; there are {}", KEYS.join(", ")),
            };
            read.problems.push(SettingProblem {
                key: key.clone(),
                message,
            });
        }
        let base = read.base();
        let access_key_id = read.text("access_key_id").unwrap_or_default();
        if access_key_id.is_empty() {
            read.problem(
                "access_key_id",
                "enter the access key ID from Passportal: Settings → API Keys → Create access key",
            );
        } else if !access_key_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            read.problem(
                "access_key_id",
                "an access key ID has no spaces; copy it again from Passportal",
            );
        }
        let template = read.template();
        let updates = match read.text("updates").as_deref() {
            None | Some("off") => false,
            Some("replace") => true,
            Some(_) => {
                read.problem("updates", "off or replace");
                false
            }
        };
        let deadline = read.millis("deadline_ms", 60_000, 10..=600_000);
        let settle = read.millis("settle_ms", 300_000, 0..=86_400_000);
        let secret = secrets
            .get(SECRET)
            .filter(|secret| !secret.expose_secret().trim().is_empty());
        if secret.is_none() {
            read.problem(
                SECRET,
                "enter the secret access key. Passportal shows it once, when the key is made; if it is lost, make a new \
                 access key",
            );
        }
        match (base, secret, read.problems.is_empty()) {
            (Some(base), Some(secret), true) => Ok(Self {
                base,
                access_key_id,
                secret: secret.expose_secret().trim().into(),
                template,
                updates,
                deadline,
                settle,
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
        require_tls(&config.base, "keys and documents", allow_private_hosts)?;
        Ok(config)
    }

    /// Like [`Config::usable`], for opening the connection.
    ///
    /// # Errors
    /// [`connect::Kind::Configuration`] with every problem.
    pub fn open(settings: &Value, secrets: &Secrets, outbound: &Outbound) -> Result<Self, Error> {
        Self::usable(settings, secrets, outbound.allow_private_hosts)
            .map_err(|problems| unusable("opening a Passportal connection", &problems))
    }

    /// How requests are sent. No limit is published, so few at a time.
    pub fn http(&self, outbound: Outbound) -> HttpOptions {
        let mut options = HttpOptions::new(self.base.clone(), outbound);
        options.concurrency = Concurrency { start: 2, max: 4 };
        options.deadline = self.deadline;
        options.retries = 4;
        // A short deadline means short waits before a read is tried again.
        options.backoff = (self.deadline / 10).clamp(Duration::from_millis(10), Duration::from_millis(500));
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret() -> Secrets {
        Secrets::from([(SECRET.to_owned(), "hush-hush".into())])
    }

    fn keys_of(settings: Value, secrets: &Secrets) -> Vec<String> {
        let problems = Config::read(&settings, secrets).unwrap_err();
        assert!(
            problems.iter().all(|p| !p.message.contains("hush")),
            "{problems:?}"
        );
        problems.into_iter().map(|p| p.key).collect()
    }

    #[test]
    fn each_region_has_its_host_and_an_address_out_of_the_browser_will_do() {
        for (region, host, _) in REGIONS {
            let settings = json!({ "region": region, "access_key_id": " AK " });
            let config = Config::read(&settings, &secret()).unwrap();
            assert_eq!(config.base.host_str(), Some(*host));
            assert_eq!((config.access_key_id.as_str(), config.updates), ("AK", false));
            assert!(!format!("{config:?}").contains("hush"));
        }
        let pasted = "https://acme.passportalmsp.com/dashboard#/default";
        let settings = json!({ "base_url": pasted, "access_key_id": "a", "template_uid": "TPL-79" });
        let config = Config::read(&settings, &secret()).unwrap();
        assert_eq!(config.base.as_str(), "https://acme.passportalmsp.com/");
        assert_eq!(config.template.as_deref(), Some("tpl-79"));
    }

    #[test]
    fn every_problem_names_its_setting() {
        let none = Secrets::new();
        assert_eq!(keys_of(json!({}), &none), ["region", "access_key_id", SECRET]);
        let wrong = json!({
            "region": "mars", "access_key_id": "a b", "template_uid": "asset", "updates": "maybe", "settle_ms": -1,
            "secret_access_key": "hush-hush", "colour": 1,
        });
        assert_eq!(
            keys_of(wrong, &secret()),
            [
                "colour",
                SECRET,
                "region",
                "access_key_id",
                "template_uid",
                "updates",
                "settle_ms"
            ]
        );
        let both = json!({ "region": "uk", "base_url": "https://x.example", "access_key_id": "a" });
        assert_eq!(keys_of(both, &secret()), ["base_url"]);
        let script = json!({ "base_url": "javascript:alert(1)", "access_key_id": "a" });
        assert_eq!(keys_of(script, &secret()), ["base_url"]);
    }

    #[test]
    fn plain_http_is_for_connections_that_may_reach_private_hosts() {
        let settings = json!({ "base_url": "http://127.0.0.1:8420", "access_key_id": "a" });
        let refused = Config::open(&settings, &secret(), &Outbound::default()).unwrap_err();
        assert_eq!(refused.kind, connect::Kind::Configuration);
        let outbound = Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        };
        assert!(Config::open(&settings, &secret(), &outbound).is_ok());
    }
}
