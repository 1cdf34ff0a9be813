//! A person who may sign in.

use crate::actor::{Actor, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Our id.
    pub id: String,
    /// What they sign in with; unique, folded.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may not sign in any more.
    pub disabled: bool,
    /// When they were added.
    pub created: Timestamp,
    /// When they last signed in.
    pub seen: Option<Timestamp>,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Whether they have a second factor.
    pub second_factor: bool,
}

impl Person {
    /// Who acts when they do something.
    pub fn actor(&self) -> Actor {
        Actor::Person {
            name: self.name.clone(),
            role: self.role,
        }
    }
}
