//! What this connector registers.

use crate::client::Client;
use crate::config::Config;
use crate::guide;
use crate::settings::REGIONS;
use crate::source::NinjaOneSource;
use connect::http::Http;
use connect::oauth::{CodeFlow, GrantBearer, MachineFlow};
use connect::{
    Authorization, Connector, Error, GuideStep, Mode, OpenContext, Secrets, Setting, SettingProblem, Source,
};
use serde_json::Value;
use std::sync::Arc;

/// NinjaOne.
pub struct NinjaOne;

const SETTINGS: &[Setting] = &[
    Setting {
        key: "region",
        label: "Region",
        help: "Where your NinjaOne account lives; it is the host in your browser's address bar. us (US, \
               app.ninjarmm.com), us2 (US2, us2.ninjarmm.com), eu (EU, eu.ninjarmm.com), oceania (Oceania, \
               oc.ninjarmm.com), canada (Canada, ca.ninjarmm.com), fedramp (FedRAMP, fed.ninjarmm.com), or custom for \
               an address of your own, which alone is enough.",
        secret: false,
        required: false,
    },
    Setting {
        key: "base_url",
        label: "Web base URL",
        help: "For region custom: scheme and host of your NinjaOne, e.g. https://yourbrand.rmmservice.com.",
        secret: false,
        required: false,
    },
    Setting {
        key: "mode",
        label: "How access is granted",
        help: "consent: a person signs in to NinjaOne and agrees (application platform Web). machine: an app of \
               platform API Services, without a person; it can read, and nothing that needs a user works later. \
               Default: consent.",
        secret: false,
        required: false,
    },
    Setting {
        key: "client_id",
        label: "Client ID",
        help: "In NinjaOne, as a System Administrator: decide under which user the access is granted, then \
               Administration → Apps → API → Client app IDs → Add (https://app.ninjarmm.com/#/administration/apps/api/client \
               in the US). Application platform: Web. Name: as you like, e.g. rmmbridge. Redirect URI: exactly the one \
               shown here. Scopes: Monitoring, which is enough since rmmbridge only reads. Allowed grant types: \
               Authorization Code and Refresh Token. Save; the client ID stays visible in the list.",
        secret: false,
        required: true,
    },
    Setting {
        key: "client_secret",
        label: "Client secret",
        help: "NinjaOne shows it once, right after saving the app: record it before closing that page. If it is \
               lost, generate another one for the app. Apps without a secret (Single Page, Native) leave it empty.",
        secret: true,
        required: false,
    },
    Setting {
        key: "scopes",
        label: "Scopes",
        help: "Exactly what is asked for. Default: monitoring offline_access (reading, and a refresh token so that \
               access lasts without the person); for mode machine: monitoring.",
        secret: false,
        required: false,
    },
    Setting {
        key: "page_size",
        label: "Devices per page",
        help: "From 10 to 2000, default 1000. A device takes 2 to 3 KB.",
        secret: false,
        required: false,
    },
    Setting {
        key: "readers",
        label: "Requests at a time",
        help: "At most this many, from 1 to 8, default 8. A read begins with up to 4, adds more while all goes well \
               and halves them when NinjaOne asks to slow down.",
        secret: false,
        required: false,
    },
    Setting {
        key: "max_devices",
        label: "Most devices",
        help: "A read that meets more devices than this is taken for a list without end and given up. Default 1000000.",
        secret: false,
        required: false,
    },
    Setting {
        key: "requests_per_minute",
        label: "Requests a minute",
        help: "At most this many by all workers together, up to 100000. NinjaOne names no limit; set one where other \
               tools use the same account. Default: 0, which is no limit but what NinjaOne asks for.",
        secret: false,
        required: false,
    },
    Setting {
        key: "expand",
        label: "References",
        help: "What comes with each device: organization, location, role, warranty, assignedOwner by default; policy, \
               rolePolicy, backupUsage, backupBandwidthThrottle on request.",
        secret: false,
        required: false,
    },
    Setting {
        key: "authorize_path",
        label: "Path of the consent page",
        help: "Default: /ws/oauth/authorize.",
        secret: false,
        required: false,
    },
    Setting {
        key: "token_path",
        label: "Path of the token endpoint",
        help: "Default: /ws/oauth/token.",
        secret: false,
        required: false,
    },
    Setting {
        key: "revoke_path",
        label: "Path of the revocation endpoint",
        help: "Default: /ws/oauth/revoke.",
        secret: false,
        required: false,
    },
    Setting {
        key: "api_path",
        label: "Path of the API",
        help: "Default: /v2. /api/v2 and /ws/api/v2 work too.",
        secret: false,
        required: false,
    },
];

impl Connector for NinjaOne {
    fn kind(&self) -> &'static str {
        "ninjaone"
    }

    fn label(&self) -> &'static str {
        "NinjaOne"
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
            "mode" => vec![
                ("consent", "A person agrees in the browser".to_owned()),
                ("machine", "An API Services app, without a person".to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    fn is_rare(&self, key: &str) -> bool {
        !matches!(key, "region" | "base_url" | "client_id" | "client_secret")
    }

    fn guide(&self, settings: &Value, redirects: &[String]) -> Vec<GuideStep> {
        guide::steps(settings, redirects)
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
        let parts = [
            "region",
            "base_url",
            "client_id",
            "mode",
            "authorize_path",
            "token_path",
            "revoke_path",
        ];
        parts
            .iter()
            .map(|part| {
                (
                    (*part).to_owned(),
                    settings.get(part).cloned().unwrap_or_default(),
                )
            })
            .collect()
    }

    fn authorization(&self, cx: &OpenContext) -> Result<Option<Arc<dyn Authorization>>, Error> {
        let config = Config::open(&cx.connection.settings, &cx.secrets, &cx.outbound)?;
        let http = Http::new(config.http(cx.outbound.clone()), cx.clock.clone())?;
        let app = config.app()?;
        Ok(Some(match config.mode {
            Mode::Consent => Arc::new(CodeFlow::new(app, http, cx.clock.clone(), cx.random.clone())),
            Mode::Machine => Arc::new(MachineFlow::new(app, http, cx.clock.clone())),
        }))
    }

    fn is_source(&self) -> bool {
        true
    }

    fn source(&self, cx: &OpenContext) -> Result<Arc<dyn Source>, Error> {
        let config = Config::open(&cx.connection.settings, &cx.secrets, &cx.outbound)?;
        let http = Http::new(config.http(cx.outbound.clone()), cx.clock.clone())?;
        let bearer = GrantBearer::new(
            cx.grants.clone(),
            config.app()?,
            http.clone(),
            cx.clock.clone(),
            config.mode,
        );
        let client = Client {
            config,
            http,
            bearer: Arc::new(bearer),
        };
        Ok(Arc::new(NinjaOneSource {
            client: Arc::new(client),
            grants: cx.grants.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(key: &str) -> &'static str {
        SETTINGS.iter().find(|setting| setting.key == key).unwrap().help
    }

    #[test]
    fn the_settings_asked_for_are_those_that_are_read() {
        // H25
        let mut keys: Vec<_> = SETTINGS
            .iter()
            .filter(|setting| !setting.secret)
            .map(|setting| setting.key)
            .collect();
        let mut read = crate::config::KEYS.to_vec();
        keys.sort_unstable();
        read.sort_unstable();
        assert_eq!(keys, read);
        let secret: Vec<_> = SETTINGS
            .iter()
            .filter(|setting| setting.secret)
            .map(|setting| setting.key)
            .collect();
        assert_eq!(secret, ["client_secret"]);
    }

    #[test]
    fn the_guide_says_how_to_make_the_app() {
        for words in [
            "platform: Web",
            "Redirect URI",
            "Monitoring",
            "Authorization Code and Refresh Token",
            "apps/api/client",
        ] {
            assert!(help("client_id").contains(words), "{words}");
        }
        assert!(help("client_secret").contains("shows it once"));
        for (key, host, _) in crate::settings::REGIONS {
            assert!(
                help("region").contains(key) && help("region").contains(host),
                "{host}"
            );
        }
    }
}
