//! What API v1 registers.

use super::client::Client;
use super::config::{Config, SECRET};
use super::signature::Keys;
use super::source::NinjaRmmSource;
use async_trait::async_trait;
use connect::http::Http;
use connect::{
    Authorization, Connector, Error, GuideStep, Kind, Mode, NewGrant, OpenContext, Pending, Secrets, Setting,
    SettingProblem, Source,
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// NinjaRMM by its legacy API v1.
pub struct NinjaRmm;

const SETTINGS: &[Setting] = &[
    Setting {
        key: "region",
        label: "Region",
        help: "Where your NinjaRMM account lives: us (api.ninjarmm.com), eu (eu-api.ninjarmm.com), or custom for an \
               address of your own, which alone is enough.",
        secret: false,
        required: false,
    },
    Setting {
        key: "base_url",
        label: "API address",
        help: "For region custom: scheme and host of API v1.",
        secret: false,
        required: false,
    },
    Setting {
        key: "access_key_id",
        label: "API access key",
        help: "In NinjaRMM: Configuration → Integrations → API → Generate API key. The key id stays visible in the list.",
        secret: false,
        required: true,
    },
    Setting {
        key: SECRET,
        label: "API secret key",
        help: "NinjaRMM shows it once, when the key is made: record it then. If it is lost, a new key has to be generated.",
        secret: true,
        required: true,
    },
];

fn client(cx: &OpenContext) -> Result<Client, Error> {
    let config = Config::open(&cx.connection.settings, &cx.secrets, &cx.outbound)?;
    let keys = Keys {
        id: config.id.clone(),
        secret: config.secret.clone(),
        clock: cx.clock.clone(),
    };
    Ok(Client {
        http: Http::new(config.http(cx.outbound.clone()), cx.clock.clone())?,
        config,
        keys,
        clock: cx.clock.clone(),
    })
}

impl Connector for NinjaRmm {
    fn kind(&self) -> &'static str {
        "ninjarmm"
    }

    fn label(&self) -> &'static str {
        "NinjaRMM API v1"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn choices(&self, key: &str) -> Vec<(&'static str, String)> {
        let choices = [
            ("us", "United States (api.ninjarmm.com)"),
            ("eu", "Europe (eu-api.ninjarmm.com)"),
            ("custom", "Another address"),
        ];
        match key {
            "region" => choices.map(|(value, label)| (value, label.to_owned())).into(),
            _ => Vec::new(),
        }
    }

    fn guide(&self, _settings: &Value, _redirects: &[String]) -> Vec<GuideStep> {
        super::guide::steps()
    }

    fn save_label(&self) -> Option<&'static str> {
        Some("Authenticate")
    }

    fn validate(
        &self,
        settings: &Value,
        secrets: &Secrets,
        allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>> {
        Config::usable(settings, secrets, allow_private_hosts).map(|_| ())
    }

    fn authorization(&self, cx: &OpenContext) -> Result<Option<Arc<dyn Authorization>>, Error> {
        Ok(Some(Arc::new(Authenticate(client(cx)?))))
    }

    fn is_source(&self) -> bool {
        true
    }

    fn source(&self, cx: &OpenContext) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(NinjaRmmSource::new(client(cx)?)))
    }
}

/// "Authenticate": the keys are tried before the connection counts as connected. There is no token to be had; the grant
/// only remembers that they were accepted.
struct Authenticate(Client);

#[async_trait]
impl Authorization for Authenticate {
    fn mode(&self) -> Mode {
        Mode::Machine
    }

    fn begin(&self, _redirect: &str) -> Result<Pending, Error> {
        Err(no_consent())
    }

    async fn preflight(&self, _pending: &Pending) -> Result<(), Error> {
        Err(no_consent())
    }

    async fn finish(&self, _pending: &Pending, _query: &str) -> Result<NewGrant, Error> {
        Err(no_consent())
    }

    async fn machine_grant(&self) -> Result<NewGrant, Error> {
        self.0.get("authenticating", "/v1/ping").await?;
        Ok(NewGrant {
            access_token: "the keys sign every request".into(),
            refresh_token: None,
            scopes: vec![],
            expires: Timestamp::MAX,
        })
    }
}

fn no_consent() -> Error {
    let what = "API v1 knows no consent in a browser; the keys are enough";
    Error::new(Kind::Configuration, "authorizing NinjaRMM", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::config::KEYS;

    #[test]
    fn two_fields_are_asked_for_besides_the_region() {
        // P11
        let required: Vec<_> = SETTINGS.iter().filter(|s| s.required).map(|s| s.label).collect();
        assert_eq!(required, ["API access key", "API secret key"]);
        let secret: Vec<_> = SETTINGS.iter().filter(|s| s.secret).map(|s| s.key).collect();
        assert_eq!(secret, [SECRET]);
        let open: Vec<_> = SETTINGS.iter().filter(|s| !s.secret).map(|s| s.key).collect();
        assert_eq!(open, KEYS);
    }
}
