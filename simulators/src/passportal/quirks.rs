//! Where Passportal's behaviour is not published or is told in two ways. Each default is the likelier one.

use crate::quirk::{Quirk, QuirkText, named, quirk};

/// What the account has of Documentation Manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentationManager {
    /// It is enabled.
    #[default]
    On,
    /// It is not: its calls answer 403 with the words the vendor prints for that status.
    Forbidden,
    /// It is not: its calls answer 404.
    NotFound,
    /// It is not: no token is given for the scope.
    NoScope,
    /// It is not: its calls answer 200 and say so.
    Told,
}

/// How names in lists are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// As HTML: `&amp;`.
    #[default]
    Html,
    /// As in a URL: `%26`, and `+` for a space.
    Url,
    /// Not at all.
    Plain,
}

/// By what the fields of a document go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailKeys {
    /// By position, as in asset documents of live accounts.
    #[default]
    Positions,
    /// By name, as in the vendor's example of a location.
    Names,
}

/// What a batch of new documents is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateBody {
    /// One object, as the vendor's example shows it, or an array of such.
    #[default]
    Either,
    /// One object.
    Object,
    /// An array.
    Array,
}

/// The switches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// What the account has of Documentation Manager.
    pub documentation_manager: DocumentationManager,
    /// How names in lists are encoded.
    pub names: Names,
    /// By what the fields of a document go.
    pub details: DetailKeys,
    /// A document's own name among its details is an object like the other fields, not a text.
    pub name_is_object: bool,
    /// What a batch of new documents is.
    pub create_body: CreateBody,
    /// A list beyond its end holds null, not an empty array.
    pub end_is_null: bool,
    /// The largest page a list gives.
    pub largest_page: usize,
    /// Filters of lists have no effect.
    pub ignores_filters: bool,
    /// `searchTxt` looks at labels alone.
    pub searches_labels: bool,
    /// How long a token lives, in seconds.
    pub token_seconds: i64,
    /// How long a new document is missing from lists, in milliseconds.
    pub index_lag_ms: i64,
    /// Most requests a second; the vendor names no limit.
    pub requests_per_second: Option<u32>,
    /// A new document keeps none of its fields but the title.
    pub drops_fields: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            documentation_manager: DocumentationManager::On,
            names: Names::Html,
            details: DetailKeys::Positions,
            name_is_object: false,
            create_body: CreateBody::Either,
            end_is_null: false,
            largest_page: 1000,
            ignores_filters: false,
            searches_labels: false,
            token_seconds: 3300,
            index_lag_ms: 0,
            requests_per_second: None,
            drops_fields: false,
        }
    }
}

/// Every switch.
pub const QUIRKS: &[Quirk] = &[
    quirk(
        "documentation-manager",
        "on|forbidden|not-found|no-scope|told",
        "whether it is enabled, and how the account is told that it is not",
    ),
    quirk(
        "names",
        "html|url|plain",
        "how names and labels in lists are encoded",
    ),
    quirk(
        "details",
        "positions|names",
        "by what the fields of a document go",
    ),
    quirk(
        "name-is-object",
        "off|on",
        "a document's own name is an object like its fields",
    ),
    quirk(
        "create-body",
        "either|object|array",
        "what a batch of new documents is",
    ),
    quirk("end-is-null", "off|on", "a list beyond its end holds null"),
    quirk("largest-page", "1000|N", "the largest page a list gives"),
    quirk("ignores-filters", "off|on", "filters of lists have no effect"),
    quirk(
        "searches-labels",
        "off|on",
        "searchTxt looks at labels alone, not at fields",
    ),
    quirk("token-seconds", "3300|N", "how long a token lives"),
    quirk(
        "index-lag",
        "0|N",
        "how many milliseconds a new document is missing from lists",
    ),
    quirk("requests-per-second", "none|N", "answers 429 beyond so many"),
    quirk(
        "drops-fields",
        "off|on",
        "a new document keeps its title and none of its fields",
    ),
];

impl Quirks {
    /// Sets the switch that `text` names: `name=value`, or `name` alone for `on`.
    ///
    /// # Errors
    /// When there is no such switch, or it takes no such value; nothing is set then.
    pub fn set(&mut self, text: &str) -> Result<(), QuirkText> {
        let (quirk, value) = named(QUIRKS, text)?;
        self.take(quirk.name, value).ok_or_else(|| QuirkText::Value {
            quirk: *quirk,
            value: value.to_owned(),
        })
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "documentation-manager" => {
                self.documentation_manager = match value {
                    "on" => DocumentationManager::On,
                    "forbidden" => DocumentationManager::Forbidden,
                    "not-found" => DocumentationManager::NotFound,
                    "no-scope" => DocumentationManager::NoScope,
                    "told" => DocumentationManager::Told,
                    _ => return None,
                };
            }
            "names" => {
                self.names = match value {
                    "html" => Names::Html,
                    "url" => Names::Url,
                    "plain" => Names::Plain,
                    _ => return None,
                };
            }
            "details" => {
                self.details = match value {
                    "positions" => DetailKeys::Positions,
                    "names" => DetailKeys::Names,
                    _ => return None,
                };
            }
            "create-body" => {
                self.create_body = match value {
                    "either" => CreateBody::Either,
                    "object" => CreateBody::Object,
                    "array" => CreateBody::Array,
                    _ => return None,
                };
            }
            "name-is-object" => self.name_is_object = switch(value)?,
            "end-is-null" => self.end_is_null = switch(value)?,
            "ignores-filters" => self.ignores_filters = switch(value)?,
            "searches-labels" => self.searches_labels = switch(value)?,
            "drops-fields" => self.drops_fields = switch(value)?,
            "largest-page" => self.largest_page = value.parse().ok().filter(|n| *n > 0)?,
            "token-seconds" => self.token_seconds = value.parse().ok().filter(|n| *n > 0)?,
            "index-lag" => self.index_lag_ms = value.parse().ok().filter(|n| *n >= 0)?,
            "requests-per-second" => {
                self.requests_per_second = match value {
                    "none" => None,
                    number => Some(number.parse().ok().filter(|n| *n > 0)?),
                };
            }
            _ => return None,
        }
        Some(())
    }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listed_default_is_the_default_and_every_listed_value_is_taken() {
        for quirk in QUIRKS {
            let mut values = quirk.values.split('|');
            let mut quirks = Quirks::default();
            quirks
                .set(&format!("{}={}", quirk.name, values.next().unwrap()))
                .unwrap();
            assert_eq!(quirks, Quirks::default(), "{quirk:?}");
            for value in values {
                let value = if value == "N" { "7" } else { value };
                let mut quirks = Quirks::default();
                quirks.set(&format!("{}={value}", quirk.name)).unwrap();
                assert_ne!(quirks, Quirks::default(), "{quirk:?} {value}");
            }
        }
    }

    #[test]
    fn what_is_no_switch_is_told_the_known_ones() {
        let told = Quirks::default().set("nonsense").unwrap_err().to_string();
        assert!(QUIRKS.iter().all(|quirk| told.contains(quirk.name)), "{told}");
        let told = Quirks::default().set("names=rot13").unwrap_err().to_string();
        assert!(told.contains("names takes html|url|plain, not `rot13`"), "{told}");
    }
}
