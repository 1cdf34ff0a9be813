//! Who acts. Every use case takes an actor; what the actor may do is decided there.

use crate::api_key::KeyScope;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an actor may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads only.
    Viewer,
    /// Matches, maps, plans and applies.
    Technician,
    /// Everything, including connections, settings and people.
    Owner,
}

/// Who asked for what is being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Whoever runs the command line on the machine that holds the data directory.
    Console {
        /// The operating system's name for them.
        user: String,
    },
    /// A signed-in person.
    Person {
        /// Their account name.
        name: String,
        /// What they may do.
        role: Role,
    },
    /// A schedule, acting within what its owner allowed.
    Schedule {
        /// The schedule's name.
        name: String,
    },
    /// A program that showed an API key, in one of the key's scopes.
    Key {
        /// The key's name.
        name: String,
        /// What is asked for.
        scope: KeyScope,
        /// What it may do: no more than the scope takes, and no more than whose key it is may.
        role: Role,
    },
}

impl Actor {
    /// What this actor may do. The console can read the master key, so it is an owner already.
    pub fn role(&self) -> Role {
        match self {
            Self::Console { .. } => Role::Owner,
            Self::Person { role, .. } | Self::Key { role, .. } => *role,
            Self::Schedule { .. } => Role::Technician,
        }
    }

    /// Whether the actor holds at least `role`.
    pub fn may(&self, role: Role) -> bool {
        self.role() >= role
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console { user } => write!(f, "console:{user}"),
            Self::Person { name, .. } => write!(f, "person:{name}"),
            Self::Schedule { name } => write!(f, "schedule:{name}"),
            Self::Key { name, .. } => write!(f, "key:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_technician_is_not_an_owner() {
        let technician = Actor::Person {
            name: "t".into(),
            role: Role::Technician,
        };
        assert!(technician.may(Role::Viewer));
        assert!(technician.may(Role::Technician));
        assert!(!technician.may(Role::Owner));
    }
}
