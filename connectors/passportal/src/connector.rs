//! What this connector registers.

use super::client::Client;
use super::config::{Config, REGIONS, SECRET};
use super::destination::{Learned, PassportalDestination};
use super::guide;
use super::token::{Access, Keys};
use async_trait::async_trait;
use connect::http::Http;
use connect::oauth::{GrantBearer, Issuer as _};
use connect::{
    Authorization, Connector, Destination, Error, GuideStep, Kind, Mode, NewGrant, OpenContext, Pending,
    Secrets, Setting, SettingProblem,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Passportal.
pub struct Passportal;

const SETTINGS: &[Setting] = &[
    Setting {
        key: "region",
        label: "Region",
        help: "Where your Passportal account lives: us, ca, uk, au, or custom for the address of your dashboard, which \
               alone is enough.",
        secret: false,
        required: false,
    },
    Setting {
        key: "base_url",
        label: "Address",
        help: "For region custom: the address of your Passportal dashboard, e.g. https://yourname.passportalmsp.com.",
        secret: false,
        required: false,
    },
    Setting {
        key: "access_key_id",
        label: "Access key ID",
        help: "In Passportal: Settings → API Keys → Create access key.",
        secret: false,
        required: true,
    },
    Setting {
        key: SECRET,
        label: "Secret access key",
        help: "Passportal shows it once, when the key is made: record it then. If it is lost, make a new access key.",
        secret: true,
        required: true,
    },
    Setting {
        key: "template_uid",
        label: "Template of asset documents",
        help: "Its UID, e.g. tpl-59. Learned from the asset documents that are there; needed where there is none yet, or \
               where they have several templates.",
        secret: false,
        required: false,
    },
    Setting {
        key: "updates",
        label: "Updates",
        help: "off (default): documents are created and never changed; what differs is shown, to be changed in Passportal. \
               replace: a document that differs is replaced by itself with the changes. Passportal has no other update and \
               no guard against somebody who edits it in the same second.",
        secret: false,
        required: false,
    },
    Setting {
        key: "deadline_ms",
        label: "Deadline",
        help: "Longest time for one request, in milliseconds. Default 60000.",
        secret: false,
        required: false,
    },
    Setting {
        key: "settle_ms",
        label: "Settling time",
        help: "How long after a request without an answer its document may still appear in lists, in milliseconds. Until \
               then it is left alone. Passportal names no time. Default 300000.",
        secret: false,
        required: false,
    },
];

fn keys(cx: &OpenContext) -> Result<Keys, Error> {
    let config = Config::open(&cx.connection.settings, &cx.secrets, &cx.outbound)?;
    Ok(Keys {
        http: Http::new(config.http(cx.outbound.clone()), cx.clock.clone())?,
        config,
        clock: cx.clock.clone(),
        random: cx.random.clone(),
    })
}

impl Connector for Passportal {
    fn kind(&self) -> &'static str {
        "passportal"
    }

    fn label(&self) -> &'static str {
        "Passportal"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn choices(&self, key: &str) -> Vec<(&'static str, String)> {
        match key {
            "region" => REGIONS
                .iter()
                .map(|(key, host, label)| (*key, format!("{label} ({host})")))
                .chain([("custom", "Custom: the address below".to_owned())])
                .collect(),
            "updates" => vec![
                ("off", "Off: documents are created and never changed".to_owned()),
                (
                    "replace",
                    "A document that differs is replaced as a whole".to_owned(),
                ),
            ],
            _ => Vec::new(),
        }
    }

    fn is_rare(&self, key: &str) -> bool {
        matches!(key, "template_uid" | "updates" | "deadline_ms" | "settle_ms")
    }

    fn guide(&self, settings: &Value, _redirects: &[String]) -> Vec<GuideStep> {
        guide::steps(settings)
    }

    fn validate(
        &self,
        settings: &Value,
        secrets: &Secrets,
        allow_private_hosts: bool,
    ) -> Result<(), Vec<SettingProblem>> {
        Config::usable(settings, secrets, allow_private_hosts).map(|_| ())
    }

    fn account(&self, settings: &Value) -> Value {
        // The rest is how it is spoken to, not whose it is.
        json!({
            "region": settings.get("region"), "base_url": settings.get("base_url"),
            "access_key_id": settings.get("access_key_id"),
        })
    }

    fn authorization(&self, cx: &OpenContext) -> Result<Option<Arc<dyn Authorization>>, Error> {
        Ok(Some(Arc::new(Authenticate(keys(cx)?))))
    }

    fn destination(&self, cx: &OpenContext) -> Result<Arc<dyn Destination>, Error> {
        let keys = keys(cx)?;
        let (http, config) = (keys.http.clone(), keys.config.clone());
        let bearer = GrantBearer::issued(cx.grants.clone(), Arc::new(keys), http.clone(), cx.clock.clone());
        Ok(Arc::new(PassportalDestination {
            client: Client {
                http,
                access: Access(bearer),
                config,
            },
            learned: Learned::default(),
        }))
    }
}

/// The keys are enough, and are tried before the connection counts as connected.
struct Authenticate(Keys);

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
        self.0.issue().await
    }
}

fn no_consent() -> Error {
    let what = "Passportal knows no consent in a browser; the keys are enough";
    Error::new(Kind::Configuration, "authorizing Passportal", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;

    #[test]
    fn the_settings_asked_for_are_those_that_are_read() {
        let of = |secret: bool| SETTINGS.iter().filter(move |s| s.secret == secret).map(|s| s.key);
        assert_eq!(of(false).collect::<Vec<_>>(), KEYS);
        assert_eq!(of(true).collect::<Vec<_>>(), [SECRET]);
    }
}
