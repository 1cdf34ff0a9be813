//! Settings and secret of a connection.

use connect::budget::Quota;
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
    "base_url",
    "batch",
    "requests_at_once",
    "deadline_ms",
    "settle_ms",
    "quota",
    "quota_ms",
];
/// The secret.
pub const API_KEY: &str = "api_key";

/// Settings that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme and host; the API's path comes after it.
    pub base: Url,
    /// The key.
    pub api_key: SecretString,
    /// Most assets of one request; 1 sends each alone.
    pub batch: usize,
    /// Most requests under way.
    pub at_once: usize,
    /// Longest time for one request.
    pub deadline: Duration,
    /// How long after we gave up the vendor may still carry a request out, and its index may lag behind.
    pub settle: Duration,
    /// Most requests of all processes together.
    pub quota: Option<Quota>,
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

    fn number(&mut self, key: &str, usual: u64, range: RangeInclusive<u64>) -> u64 {
        let number = match self.settings.get(key) {
            None | Some(Value::Null) => return usual,
            // A form sends texts.
            Some(Value::String(text)) if text.trim().is_empty() => return usual,
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let message = format!("a whole number from {} to {}", range.start(), range.end());
                self.problem(key, message);
                usual
            }
        }
    }

    fn base(&mut self) -> Option<Url> {
        let text = self
            .settings
            .get("base_url")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let problem = match Url::parse(text.trim()) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
                "it is no web address"
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "the address holds a user or password"
            }
            Ok(url) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
                "only scheme, host and port belong here"
            }
            Ok(url) => return Some(url),
            Err(_) => "it is no web address",
        };
        self.problem(
            "base_url",
            format!("{problem}; give one like https://directory.example.com"),
        );
        None
    }
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
        for key in read.settings.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let message = match key.as_str() {
                API_KEY => "the API key is a secret and does not belong among the settings".to_owned(),
                _ => format!("there is no such setting; there are {}", KEYS.join(", ")),
            };
            read.problems.push(SettingProblem {
                key: key.clone(),
                message,
            });
        }
        let base = read.base();
        let millis = |ms| Duration::from_millis(ms);
        let batch = read.number("batch", 50, 1..=500) as usize;
        let at_once = read.number("requests_at_once", 4, 1..=64) as usize;
        let deadline = millis(read.number("deadline_ms", 60_000, 10..=600_000));
        let settle = millis(read.number("settle_ms", 420_000, 0..=86_400_000));
        let quota = read.number("quota", 0, 0..=1_000_000) as u32;
        let per = millis(read.number("quota_ms", 60_000, 100..=3_600_000));
        let quota = (quota > 0).then_some(Quota { requests: quota, per });
        let api_key = secrets
            .get(API_KEY)
            .filter(|key| !key.expose_secret().trim().is_empty());
        if api_key.is_none() {
            read.problem(
                API_KEY,
                "enter the API key; the directory shows it under Settings → API",
            );
        }
        match (base, api_key, read.problems.is_empty()) {
            (Some(base), Some(api_key), true) => Ok(Self {
                base,
                api_key: api_key.clone(),
                batch,
                at_once,
                deadline,
                settle,
                quota,
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
        require_tls(&config.base, "the API key", allow_private_hosts)?;
        Ok(config)
    }

    /// Like [`Config::usable`], for opening the connection.
    ///
    /// # Errors
    /// [`connect::Kind::Configuration`] with every problem.
    pub fn open(settings: &Value, secrets: &Secrets, outbound: &Outbound) -> Result<Self, Error> {
        Self::usable(settings, secrets, outbound.allow_private_hosts)
            .map_err(|problems| unusable("opening a Reference Directory connection", &problems))
    }

    /// How requests are sent.
    pub fn http(&self, outbound: Outbound) -> HttpOptions {
        let mut options = HttpOptions::new(self.base.clone(), outbound);
        options.deadline = self.deadline;
        options.quota = self.quota;
        options.concurrency = Concurrency {
            start: self.at_once,
            max: self.at_once,
        };
        // A short deadline means short waits before a read is tried again.
        options.backoff = (self.deadline / 10).clamp(Duration::from_millis(10), Duration::from_millis(500));
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secrets() -> Secrets {
        Secrets::from([(API_KEY.to_owned(), SecretString::from("k"))])
    }

    #[test]
    fn every_problem_is_named_at_its_setting() {
        let settings =
            json!({"base_url": "ftp://x", "batch": 0, "deadline_ms": "soon", "api_key": "k", "bacth": 1});
        let problems = Config::read(&settings, &Secrets::new()).unwrap_err();
        let mut keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            ["api_key", "api_key", "bacth", "base_url", "batch", "deadline_ms"]
        );
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for wrong in [
            "",
            "directory",
            "https://u:p@example.com",
            "https://example.com/api",
            "https://example.com?x",
        ] {
            let problems = Config::read(&json!({ "base_url": wrong }), &secrets()).unwrap_err();
            assert_eq!(problems[0].key, "base_url", "{wrong}");
        }
        assert!(Config::read(&json!({"base_url": "https://example.com:8443"}), &secrets()).is_ok());
    }

    #[test]
    fn plain_http_is_for_connections_that_may_reach_private_hosts() {
        let settings = json!({"base_url": "http://127.0.0.1:8080"});
        let error = Config::open(&settings, &secrets(), &Outbound::default()).unwrap_err();
        assert!(error.to_string().contains("without encryption"), "{error}");
    }
}
