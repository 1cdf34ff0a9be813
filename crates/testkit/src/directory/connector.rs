//! What this connector registers.

use super::client::Client;
use super::config::Config;
use super::destination::DirectoryDestination;
use connect::http::Http;
use connect::{Connector, Destination, Error, OpenContext, Secrets, Setting, SettingProblem};
use serde_json::{Value, json};
use std::sync::Arc;

/// The stored name.
pub const KIND: &str = "directory";

/// The Reference Directory.
pub struct ReferenceDirectory;

const SETTINGS: &[Setting] = &[
    Setting {
        key: "base_url",
        label: "Address",
        help: "Scheme, host and port of the directory, e.g. https://directory.example.com.",
        secret: false,
        required: true,
    },
    Setting {
        key: "api_key",
        label: "API key",
        help: "A key that may read and write.",
        secret: true,
        required: true,
    },
    Setting {
        key: "batch",
        label: "Assets per request",
        help: "From 1 to what the directory allows (50 usually). 1 sends each asset alone. Default 50.",
        secret: false,
        required: false,
    },
    Setting {
        key: "requests_at_once",
        label: "Requests at a time",
        help: "At most this many, from 1 to 64. Default 4.",
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
        help: "How long after the deadline the directory may still carry a request out, and how far its index lags \
               behind, in milliseconds. Default 420000.",
        secret: false,
        required: false,
    },
    Setting {
        key: "quota",
        label: "Most requests",
        help: "So many in the time below, by all processes together. 0, the default, says that there is no limit.",
        secret: false,
        required: false,
    },
    Setting {
        key: "quota_ms",
        label: "Time of the limit",
        help: "In milliseconds. Default 60000.",
        secret: false,
        required: false,
    },
];

impl Connector for ReferenceDirectory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn label(&self) -> &'static str {
        "Reference Directory"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
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
        json!({ "base_url": settings.get("base_url") })
    }

    fn destination(&self, cx: &OpenContext) -> Result<Arc<dyn Destination>, Error> {
        let config = Config::open(&cx.connection.settings, &cx.secrets, &cx.outbound)?;
        let http = Http::new(config.http(cx.outbound.clone()), cx.clock.clone())?;
        Ok(Arc::new(DirectoryDestination {
            client: Client::new(http, config),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::config;

    #[test]
    fn the_settings_asked_for_are_those_that_are_read() {
        let of = |secret: bool| SETTINGS.iter().filter(move |s| s.secret == secret).map(|s| s.key);
        assert_eq!(of(false).collect::<Vec<_>>(), config::KEYS);
        assert_eq!(of(true).collect::<Vec<_>>(), [config::API_KEY]);
    }
}
