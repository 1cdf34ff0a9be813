//! A sentence about what was just done, shown once on the next page.

use crate::auth::SignedIn;
use crate::problem::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use tower_sessions::Session;

const KEY: &str = "flash";

/// What a badge, a sentence or a number says at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// It goes on.
    Busy,
    /// It is as it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// Whether it went wrong.
    pub fn is_bad(self) -> bool {
        self == Self::Bad
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        })
    }
}

/// A sentence for the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// How it is meant.
    pub tone: Tone,
    /// The sentence.
    pub text: String,
}

/// Leaves a sentence for the next page of the browser of `session`.
pub async fn leave(session: &Session, tone: Tone, text: impl Into<String>) -> Result<()> {
    let flash = Flash {
        tone,
        text: text.into(),
    };
    Ok(session.insert(KEY, flash).await?)
}

impl SignedIn {
    /// Leaves a sentence for the next page of this browser.
    ///
    /// # Errors
    /// When the session cannot be stored.
    pub async fn flash(&self, tone: Tone, text: impl Into<String>) -> Result<()> {
        leave(&self.session, tone, text).await
    }

    /// The sentence that was left, once.
    pub(super) async fn take_flash(&self) -> Result<Option<Flash>> {
        Ok(self.session.remove(KEY).await?)
    }
}
