//! Settings and secrets of a NinjaOne connection.

use crate::settings::Reader;
use connect::budget::Quota;
use connect::http::{Concurrency, HttpOptions};
use connect::oauth::{ClientAuth, OauthApp, OauthEndpoints};
use connect::settings::{require_tls, unusable};
use connect::{Error, Kind, Mode, Outbound, Secrets, SettingProblem};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::time::Duration;
use url::Url;

/// Every setting.
pub const KEYS: &[&str] = &[
    "region",
    "base_url",
    "mode",
    "client_id",
    "scopes",
    "page_size",
    "readers",
    "max_devices",
    "requests_per_minute",
    "expand",
    "authorize_path",
    "token_path",
    "revoke_path",
    "api_path",
];

/// Settings that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme and host; API and web pages share it.
    pub base: Url,
    /// How a grant is got.
    pub mode: Mode,
    /// The app's id.
    pub client_id: String,
    /// The app's secret. Single Page and Native apps have none.
    pub client_secret: Option<SecretString>,
    /// Exactly what is asked for.
    pub scopes: Vec<String>,
    /// Devices per page.
    pub page_size: usize,
    /// Most requests at a time.
    pub readers: usize,
    /// More devices are not believed.
    pub max_devices: u64,
    /// Most requests a minute, of all processes together.
    pub requests_per_minute: Option<u32>,
    /// References asked for.
    pub expand: Vec<String>,
    /// Where the browser goes.
    pub authorize_path: String,
    /// Where tokens are issued.
    pub token_path: String,
    /// Where they are revoked.
    pub revoke_path: String,
    /// What API paths begin with.
    pub api_path: String,
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
                "client_secret" => {
                    "the client secret is a secret and does not belong among the settings".to_owned()
                }
                _ => format!("NinjaOne has no such setting; there are {}", KEYS.join(", ")),
            };
            read.problems.push(SettingProblem {
                key: key.clone(),
                message,
            });
        }
        let base = read.base();
        let mode = match read.text("mode").as_deref() {
            None | Some("consent") => Mode::Consent,
            Some("machine") => Mode::Machine,
            Some(other) => {
                read.problem("mode", format!("{other:?} is neither \"consent\" (a person agrees in the browser) nor \"machine\" (an API Services app)"));
                Mode::Consent
            }
        };
        let client_id = read.text("client_id").unwrap_or_default();
        if client_id.is_empty() {
            read.problem(
                "client_id",
                "enter the client ID from NinjaOne: Administration → Apps → API",
            );
        } else if client_id.contains(char::is_whitespace) {
            read.problem(
                "client_id",
                "a client ID has no spaces; copy it again from Administration → Apps → API",
            );
        }
        let client_secret = secrets
            .get("client_secret")
            .filter(|secret| !secret.expose_secret().trim().is_empty())
            .cloned();
        if mode == Mode::Machine && client_secret.is_none() {
            read.problem(
                "client_secret",
                "an API Services (machine-to-machine) app needs its client secret",
            );
        }
        let config = Self {
            scopes: read.scopes(mode),
            page_size: read.number("page_size", 1000, 10, 2000),
            readers: read.number("readers", 8, 1, 8),
            max_devices: read.number("max_devices", 1_000_000, 1, 100_000_000) as u64,
            requests_per_minute: match read.number("requests_per_minute", 0, 0, 100_000) {
                0 => None,
                most => u32::try_from(most).ok(),
            },
            expand: read.expand(),
            authorize_path: read.path("authorize_path", "/ws/oauth/authorize"),
            token_path: read.path("token_path", "/ws/oauth/token"),
            revoke_path: read.path("revoke_path", "/ws/oauth/revoke"),
            api_path: read.path("api_path", "/v2"),
            mode,
            client_id,
            client_secret,
            base: match base {
                Some(base) => base,
                None => return Err(read.problems),
            },
        };
        match read.problems.is_empty() {
            true => Ok(config),
            false => Err(read.problems),
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
        require_tls(&config.base, "tokens", allow_private_hosts)?;
        Ok(config)
    }

    /// Like [`Config::usable`], for opening the connection.
    ///
    /// # Errors
    /// [`Kind::Configuration`] with every problem.
    pub fn open(settings: &Value, secrets: &Secrets, outbound: &Outbound) -> Result<Self, Error> {
        Self::usable(settings, secrets, outbound.allow_private_hosts)
            .map_err(|problems| unusable("opening a NinjaOne connection", &problems))
    }

    /// How requests are sent.
    pub fn http(&self, outbound: Outbound) -> HttpOptions {
        let mut options = HttpOptions::new(self.base.clone(), outbound);
        options.concurrency = Concurrency {
            start: self.readers.min(4),
            max: self.readers,
        };
        options.quota = self.requests_per_minute.map(|requests| Quota {
            requests,
            per: Duration::from_secs(60),
        });
        options
    }

    /// The app as OAuth sees it.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when a path cannot be joined to the base.
    pub fn app(&self) -> Result<OauthApp, Error> {
        let join = |path: &str| {
            self.base.join(path).map_err(|error| {
                Error::new(
                    Kind::Configuration,
                    "opening a NinjaOne connection",
                    format!("{path}: {error}"),
                )
            })
        };
        Ok(OauthApp {
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            client_auth: ClientAuth::Form,
            scopes: self.scopes.clone(),
            endpoints: OauthEndpoints {
                authorize: join(&self.authorize_path)?,
                token: join(&self.token_path)?,
                revoke: Some(join(&self.revoke_path)?),
            },
            // A dead refresh token was seen to answer `invalid_token`; clients of others meet the other two.
            dead_grant_errors: &["invalid_token", "invalid_grant", "expired_token"],
            explain: crate::explain::explain,
        })
    }

    /// A page of NinjaOne's own, e.g. `deviceDashboard/17/overview`.
    pub fn page(&self, fragment: &str) -> String {
        format!("{}#/{fragment}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret() -> Secrets {
        Secrets::from([("client_secret".to_owned(), SecretString::from("s3cret"))])
    }

    fn read(settings: Value) -> Result<Config, Vec<SettingProblem>> {
        Config::read(&settings, &secret())
    }

    fn problems(settings: Value) -> Vec<(String, String)> {
        read(settings)
            .unwrap_err()
            .into_iter()
            .map(|p| (p.key, p.message))
            .collect()
    }

    #[test]
    fn h22_h23_r12_each_region_has_its_host() {
        // R13, R14, R15, R16, R17, and FedRAMP.
        for (region, base) in [
            ("us", "https://app.ninjarmm.com/"),
            ("us2", "https://us2.ninjarmm.com/"),
            ("eu", "https://eu.ninjarmm.com/"),
            ("oceania", "https://oc.ninjarmm.com/"),
            ("canada", "https://ca.ninjarmm.com/"),
            ("fedramp", "https://fed.ninjarmm.com/"),
            ("EU", "https://eu.ninjarmm.com/"),
        ] {
            let config = read(json!({"region": region, "client_id": "c"})).unwrap();
            assert_eq!(config.base.as_str(), base);
            let app = config.app().unwrap();
            assert_eq!(app.endpoints.token.as_str(), format!("{base}ws/oauth/token"));
            assert_eq!(
                config.page("deviceDashboard/7/overview"),
                format!("{base}#/deviceDashboard/7/overview")
            );
        }
        let custom = read(json!({"base_url": "https://brand.rmmservice.eu", "client_id": "c"})).unwrap();
        assert_eq!(custom.base.as_str(), "https://brand.rmmservice.eu/");
        let seed =
            read(json!({"region": "custom", "base_url": "https://app.ninjarmm.com", "client_id": "c"}));
        assert_eq!(seed.unwrap().base.as_str(), "https://app.ninjarmm.com/");
    }

    #[test]
    fn h15_the_scope_asked_for_is_monitoring() {
        // offline_access is what NinjaOne gives a refresh token for.
        let consent = read(json!({"region": "us", "client_id": "c"})).unwrap();
        assert_eq!(consent.mode, Mode::Consent);
        assert_eq!(consent.scopes, ["monitoring", "offline_access"]);
        let machine = read(json!({"region": "us", "client_id": "c", "mode": "machine"})).unwrap();
        assert_eq!(machine.scopes, ["monitoring"]);
    }

    #[test]
    fn h24_h25_client_id_and_secret_are_taken() {
        let config = read(json!({"region": "us", "client_id": " abc "})).unwrap();
        assert_eq!(config.client_id, "abc");
        assert_eq!(
            config.client_secret.as_ref().map(ExposeSecret::expose_secret),
            Some("s3cret")
        );
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn every_problem_names_its_setting() {
        let found = problems(json!({
            "region": "mars", "mode": "magic", "client_id": "a b", "scopes": ["management"], "page_size": 5,
            "readers": "nine", "api_path": "v2", "expand": "rolle", "secret": 1,
        }));
        let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "secret",
                "region",
                "mode",
                "client_id",
                "scopes",
                "page_size",
                "readers",
                "expand",
                "api_path"
            ]
        );
        assert!(
            found[1].1.contains("oc.ninjarmm.com") && found[1].1.contains("custom"),
            "{}",
            found[1].1
        );
    }

    #[test]
    fn a_base_url_is_scheme_and_host() {
        for wrong in [
            "app.ninjarmm.com",
            "ftp://x",
            "https://app.ninjarmm.com/v2",
            "https://u:p@app.ninjarmm.com",
        ] {
            let found = problems(json!({"region": "custom", "base_url": wrong, "client_id": "c"}));
            assert_eq!(found[0].0, "base_url", "{wrong}");
        }
        assert_eq!(
            problems(json!({"region": "eu", "base_url": "https://app.ninjarmm.com", "client_id": "c"}))[0].0,
            "base_url"
        );
        assert_eq!(
            problems(json!({"region": "custom", "client_id": "c"}))[0].0,
            "base_url"
        );
        assert_eq!(problems(json!({"client_id": "c"}))[0].0, "region");
        assert_eq!(problems(json!(null))[0].0, "region");
        assert_eq!(problems(json!([1]))[0].0, "region");
    }

    #[test]
    fn a_secret_among_the_settings_is_refused_without_showing_it() {
        let found = problems(json!({"region": "us", "client_id": "c", "client_secret": "hunter2"}));
        assert_eq!(found[0].0, "client_secret");
        assert!(!found[0].1.contains("hunter2"));
    }

    #[test]
    fn a_machine_app_needs_its_secret_and_gets_no_refresh_token() {
        let settings = json!({"region": "us", "client_id": "c", "mode": "machine", "scopes": "monitoring offline_access"});
        let found = Config::read(&settings, &Secrets::new()).unwrap_err();
        let keys: Vec<_> = found.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["client_secret", "scopes"]);
    }

    #[test]
    fn plain_http_is_for_connections_that_may_reach_private_hosts() {
        let settings = json!({"base_url": "http://127.0.0.1:8080", "client_id": "c"});
        let error = Config::open(&settings, &secret(), &Outbound::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        let outbound = Outbound {
            allow_private_hosts: true,
            ..Outbound::default()
        };
        assert!(Config::open(&settings, &secret(), &outbound).is_ok());
    }
}
