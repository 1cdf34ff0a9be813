//! What a channel is: where it leads, without what is secret about it.

use crate::label;
use connect::SettingProblem;
use connect::mail::{MailSecurity, check_address};
use model::EventKind;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

/// The secrets' names in the vault.
pub(super) const URL: &str = "url";
pub(super) const PASSWORD: &str = "password";
pub(super) const SIGNING_KEY: &str = "signing_key";

/// Where a channel leads. Addresses that are secrets are in the vault; `host` is what may be shown of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelSettings {
    /// E-mail through an SMTP server.
    Mail {
        /// The server's name.
        host: String,
        /// Its port.
        port: u16,
        /// How the conversation is kept from others.
        security: MailSecurity,
        /// The user, where the server asks for one; the password is in the vault.
        user: Option<String>,
        /// Who it is from.
        from: String,
        /// Who gets it.
        to: Vec<String>,
        /// Whether the server may be on a private host.
        allow_private_hosts: bool,
    },
    /// A workflow or incoming webhook of Microsoft Teams.
    Teams {
        /// Its host.
        host: String,
        /// Whether that may be a private one.
        allow_private_hosts: bool,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// Its host.
        host: String,
        /// Whether that may be a private one.
        allow_private_hosts: bool,
    },
    /// A webhook of somebody's own: JSON, signed in the manner of Standard Webhooks.
    Webhook {
        /// Its host.
        host: String,
        /// Whether that may be a private one.
        allow_private_hosts: bool,
    },
}

impl ChannelSettings {
    /// The word for its sort.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mail { .. } => "mail",
            Self::Teams { .. } => "teams",
            Self::Slack { .. } => "slack",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// Where it leads, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Mail { host, port, to, .. } => format!("{} through {host}:{port}", to.join(", ")),
            Self::Teams { host, .. } | Self::Slack { host, .. } | Self::Webhook { host, .. } => host.clone(),
        }
    }

    pub(super) fn allows_private_hosts(&self) -> bool {
        match self {
            Self::Mail {
                allow_private_hosts, ..
            }
            | Self::Teams {
                allow_private_hosts, ..
            }
            | Self::Slack {
                allow_private_hosts, ..
            }
            | Self::Webhook {
                allow_private_hosts, ..
            } => *allow_private_hosts,
        }
    }
}

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// What people will call it.
    pub name: String,
    /// Of what sort, and where it leads; `host` of a webhook is filled in from its address.
    pub settings: ChannelSettings,
    /// What it is told of; empty for everything.
    pub events: Vec<EventKind>,
    /// The address of a webhook.
    pub url: Option<SecretString>,
    /// The password of a mail server.
    pub password: Option<SecretString>,
    /// The key a webhook's messages are signed with (`whsec_...`); one is made where none is given.
    pub signing_key: Option<SecretString>,
}

impl NewChannel {
    /// Checks what was given; the settings as they are stored, and the secrets.
    pub(super) fn check(
        mut self,
        random: &dyn model::Random,
    ) -> Result<(ChannelSettings, BTreeMap<String, SecretString>), Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, message: String| {
            problems.push(SettingProblem {
                key: key.to_owned(),
                message,
            });
        };
        let mut secrets = BTreeMap::new();
        if let Err(wrong) = label::judge("name", &self.name, "a channel needs a name") {
            problem("name", wrong.message);
        }
        match &mut self.settings {
            ChannelSettings::Mail {
                host,
                port,
                user,
                from,
                to,
                ..
            } => {
                if host.trim().is_empty() || host.contains(['/', ' ', '@']) {
                    problem(
                        "host",
                        "give the name of the mail server, e.g. smtp.example.com".to_owned(),
                    );
                }
                if *port == 0 {
                    problem("port", "0 is no port".to_owned());
                }
                if let Err(message) = check_address(from) {
                    problem("from", message);
                }
                if to.is_empty() {
                    problem("to", "somebody has to get it".to_owned());
                }
                for message in to.iter().filter_map(|to| check_address(to).err()) {
                    problem("to", message);
                }
                match (user.is_some(), self.password) {
                    (true, Some(password)) => {
                        secrets.insert(PASSWORD.to_owned(), password);
                    }
                    (false, None) => {}
                    (true, None) => problem("password", "a user needs a password".to_owned()),
                    (false, Some(_)) => problem("user", "a password needs a user".to_owned()),
                }
            }
            ChannelSettings::Teams {
                host,
                allow_private_hosts,
            }
            | ChannelSettings::Slack {
                host,
                allow_private_hosts,
            }
            | ChannelSettings::Webhook {
                host,
                allow_private_hosts,
            } => match self.url {
                None => problem(
                    "url",
                    "give the address the service shows for its webhook".to_owned(),
                ),
                Some(url) => match Url::parse(url.expose_secret()) {
                    Ok(parsed)
                        if parsed.scheme() == "https"
                            || (parsed.scheme() == "http" && *allow_private_hosts) =>
                    {
                        *host = parsed.host_str().unwrap_or_default().to_owned();
                        secrets.insert(URL.to_owned(), url);
                    }
                    // Never the address itself: it is a secret.
                    Ok(_) => problem("url", "it has to begin with https://".to_owned()),
                    Err(error) => problem("url", format!("it is no web address: {error}")),
                },
            },
        }
        if let ChannelSettings::Webhook { .. } = &self.settings {
            let key = self
                .signing_key
                .unwrap_or_else(|| super::signing::new_key(random));
            match super::signing::parse_key(&key) {
                Ok(_) => {
                    secrets.insert(SIGNING_KEY.to_owned(), key);
                }
                Err(message) => problem("signing_key", message.to_owned()),
            }
        }
        match problems.is_empty() {
            true => Ok((self.settings, secrets)),
            false => Err(problems),
        }
    }
}
