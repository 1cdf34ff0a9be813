//! Reading the settings one by one, with a message at each that cannot be used.

use connect::{Mode, SettingProblem};
use serde_json::{Map, Value};
use url::Url;

/// NinjaOne's regions: setting, host, what people call it. An app exists in one of them only.
pub const REGIONS: &[(&str, &str, &str)] = &[
    ("us", "app.ninjarmm.com", "US"),
    ("us2", "us2.ninjarmm.com", "US2"),
    ("eu", "eu.ninjarmm.com", "EU"),
    ("oceania", "oc.ninjarmm.com", "Oceania"),
    ("canada", "ca.ninjarmm.com", "Canada"),
    ("fedramp", "fed.ninjarmm.com", "FedRAMP"),
];

/// The references asked for with `expand`. Policies and backup usage can be added; they change often.
const EXPAND: &[&str] = &["organization", "location", "role", "warranty", "assignedOwner"];

/// What NinjaOne's document and clients know of `expand`.
const EXPANDABLE: &[&str] = &[
    "organization",
    "location",
    "role",
    "policy",
    "rolePolicy",
    "warranty",
    "assignedOwner",
    "backupUsage",
    "backupBandwidthThrottle",
];

/// The regions in words, for messages.
pub fn regions() -> String {
    let texts: Vec<_> = REGIONS
        .iter()
        .map(|(key, host, label)| format!("{key} ({label}, {host})"))
        .collect();
    texts.join(", ")
}

/// Takes settings out of a JSON object and collects what is wrong with them.
pub struct Reader<'a> {
    /// The settings.
    pub settings: &'a Map<String, Value>,
    /// What is wrong so far.
    pub problems: Vec<SettingProblem>,
}

impl Reader<'_> {
    /// Notes a problem.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(SettingProblem {
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// A text; blank is absent.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.settings.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(_) => {
                self.problem(key, "must be a text");
                None
            }
        }
    }

    /// A list, or one text with spaces or commas.
    pub fn words(&mut self, key: &str) -> Option<Vec<String>> {
        match self.settings.get(key) {
            Some(Value::Array(items)) => {
                let words: Option<Vec<_>> = items
                    .iter()
                    .map(|item| item.as_str().map(str::to_owned))
                    .collect();
                if words.is_none() {
                    self.problem(key, "must be a list of texts");
                }
                words
            }
            _ => self.text(key).map(|text| {
                text.split([' ', ','])
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect()
            }),
        }
    }

    /// A whole number within bounds.
    pub fn number(&mut self, key: &str, default: usize, least: usize, most: usize) -> usize {
        let number = match self.settings.get(key) {
            None | Some(Value::Null) => return default,
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(number) if (least..=most).contains(&number) => number,
            _ => {
                self.problem(key, format!("must be a whole number from {least} to {most}"));
                default
            }
        }
    }

    /// A path on the host.
    pub fn path(&mut self, key: &str, default: &str) -> String {
        match self.text(key) {
            None => default.to_owned(),
            Some(path)
                if path.starts_with('/') && !path.starts_with("//") && !path.contains(['?', '#', ' ']) =>
            {
                path.trim_end_matches('/').to_owned()
            }
            Some(_) => {
                self.problem(key, format!("must be a path, e.g. {default}"));
                default.to_owned()
            }
        }
    }

    /// Scheme and host, from the region or from `base_url`.
    pub fn base(&mut self) -> Option<Url> {
        let region = self.text("region");
        let base = self.text("base_url");
        let url = match (region.as_deref(), base) {
            (None | Some("custom"), Some(base)) => return self.base_url(&base),
            (Some("custom"), None) => {
                self.problem(
                    "base_url",
                    "enter your NinjaOne address, e.g. https://yourbrand.rmmservice.com",
                );
                return None;
            }
            (None, None) => {
                self.problem(
                    "region",
                    format!(
                        "choose the region of your NinjaOne account: {}, or custom with base_url",
                        regions()
                    ),
                );
                return None;
            }
            (Some(region), base) => match REGIONS
                .iter()
                .find(|(key, ..)| *key == region.to_ascii_lowercase())
            {
                None => {
                    self.problem(
                        "region",
                        format!(
                            "{region:?} is no region; there are {}, and custom with base_url",
                            regions()
                        ),
                    );
                    return None;
                }
                Some((_, host, _)) => {
                    if base.is_some_and(|base| {
                        self.base_url(&base)
                            .and_then(|url| url.host_str().map(str::to_owned))
                            .as_deref()
                            != Some(host)
                    }) {
                        self.problem(
                            "base_url",
                            format!(
                                "region {region} is {host}; leave base_url empty, or choose region custom"
                            ),
                        );
                    }
                    format!("https://{host}/")
                }
            },
        };
        Url::parse(&url).ok()
    }

    /// Scheme and host of an address a person typed.
    pub fn base_url(&mut self, text: &str) -> Option<Url> {
        let wrong = match Url::parse(text) {
            Err(error) => format!("{text:?} is no URL ({error})"),
            Ok(url) if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() => {
                format!("{text:?} does not begin with https://")
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "a URL with a user name or password is not accepted".to_owned()
            }
            Ok(url) if url.path() != "/" || url.query().is_some() => {
                format!("{text:?} has more than scheme and host")
            }
            Ok(mut url) => {
                url.set_fragment(None);
                return Some(url);
            }
        };
        self.problem(
            "base_url",
            format!("{wrong}; enter scheme and host alone, e.g. https://app.ninjarmm.com"),
        );
        None
    }

    /// The scopes to ask for.
    pub fn scopes(&mut self, mode: Mode) -> Vec<String> {
        let scopes = self.words("scopes").unwrap_or_else(|| match mode {
            Mode::Consent => vec!["monitoring".to_owned(), "offline_access".to_owned()],
            Mode::Machine => vec!["monitoring".to_owned()],
        });
        if !scopes.iter().any(|scope| scope == "monitoring") {
            self.problem("scopes", "reading devices needs the scope monitoring");
        }
        if mode == Mode::Machine && scopes.iter().any(|scope| scope == "offline_access") {
            self.problem(
                "scopes",
                "an API Services app gets no refresh token; leave offline_access out",
            );
        }
        scopes
    }

    /// The references to ask for.
    pub fn expand(&mut self) -> Vec<String> {
        let Some(expand) = self.words("expand") else {
            return EXPAND.iter().map(|name| (*name).to_owned()).collect();
        };
        for name in expand.iter().filter(|name| !EXPANDABLE.contains(&name.as_str())) {
            self.problem(
                "expand",
                format!("{name:?} is no reference; there are {}", EXPANDABLE.join(", ")),
            );
        }
        expand
    }
}
