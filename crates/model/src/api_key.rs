//! Keys by which programs use the API.

use crate::actor::Role;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an API key may be used for. A request is made in one scope, and then does at most what that scope's role may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Look at everything a Viewer sees.
    Read,
    /// Decide matches, mappings and questions, read the source and make plans. Nothing is written to a destination.
    Plan,
    /// Apply plans, sync, retry and undo.
    Apply,
    /// Make, change and pause connections.
    Connections,
    /// Change settings: notifications, schedules, retention, the switch that pauses all writes.
    Settings,
}

impl KeyScope {
    /// All of them, from least to most.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Plan,
        Self::Apply,
        Self::Connections,
        Self::Settings,
    ];

    /// The scope of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Its word, as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Connections => "connections",
            Self::Settings => "settings",
        }
    }

    /// What it lets a program do, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Read => "See everything a Viewer sees",
            Self::Plan => "Decide matches and mappings, read the source, make plans",
            Self::Apply => "Apply plans, sync, retry and undo",
            Self::Connections => "Make, change and pause connections",
            Self::Settings => "Change settings, and pause all writes",
        }
    }

    /// The role it takes.
    pub fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Plan | Self::Apply => Role::Technician,
            Self::Connections | Self::Settings => Role::Owner,
        }
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Our id.
    pub id: String,
    /// What people call it; what it does is noted under this name.
    pub name: String,
    /// How it begins: enough to tell keys apart, worth nothing by itself.
    pub prefix: String,
    /// Whose it is: it may do no more than they may, and ends with their account. `None`: the hub's own.
    pub person: Option<String>,
    /// What it may be used for, from least to most.
    pub scopes: Vec<KeyScope>,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops working.
    pub expires: Timestamp,
    /// When it was last used, within a minute or so.
    pub used: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_found_by_the_word_it_is_stored_by() {
        for scope in KeyScope::ALL {
            assert_eq!(KeyScope::named(scope.as_str()), Some(scope));
            assert_eq!(
                serde_json::to_value(scope).unwrap(),
                serde_json::json!(scope.as_str())
            );
        }
        assert!(KeyScope::ALL.is_sorted_by_key(|scope| scope.role()));
    }
}
