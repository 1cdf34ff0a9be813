//! What goes wrong at an outside system, sorted by what can be done about it.

use std::fmt;
use std::time::Duration;

/// What can be done about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The grant is dead or was never given: a person has to reconnect.
    Auth,
    /// The grant is alive but lacks a scope or right.
    Forbidden,
    /// The vendor's account lacks a part that this needs; the grant is good.
    NotEnabled {
        /// The part, as the vendor calls it.
        part: &'static str,
    },
    /// The vendor asks to wait.
    RateLimited {
        /// For how long, when it says so.
        retry_after: Option<Duration>,
    },
    /// The record or path does not exist.
    NotFound,
    /// The record is not as it was expected to be.
    Conflict,
    /// The vendor refuses what was sent; sending it again will not help.
    Invalid,
    /// Settings are missing or wrong.
    Configuration,
    /// Nothing, or a failure on the vendor's side, came back. What was sent may have been carried out.
    Unavailable,
    /// What came back is not what the vendor documents.
    Protocol,
    /// Our own store failed while serving the connector.
    Storage,
}

/// An error from an outside system: what was being done, what was answered, and what to do next.
#[derive(Clone, Debug)]
pub struct Error {
    /// What can be done about it.
    pub kind: Kind,
    /// What was being done, e.g. `reading devices after id 4000`.
    pub doing: String,
    /// What happened: the vendor's status and words with secrets removed, or the failure below.
    pub what: String,
    /// What a person can do next; empty when there is nothing but trying again.
    pub next: String,
    /// Whether it is certain that nothing of the request was carried out, since it never left.
    unsent: bool,
}

impl Error {
    /// An error of `kind` while `doing` something.
    pub fn new(kind: Kind, doing: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            what: what.into(),
            next: String::new(),
            unsent: false,
        }
    }

    /// The same for a request that never left: the host was not reached, or it was not even tried.
    #[must_use]
    pub fn not_sent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// Whether it is certain that the request never left. Otherwise it may have arrived.
    pub fn is_unsent(&self) -> bool {
        self.unsent
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::RateLimited { .. } | Kind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.what)?;
        if !self.next.is_empty() {
            write!(f, ". {}", self.next)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<crate::grant::GrantStoreError> for Error {
    fn from(error: crate::grant::GrantStoreError) -> Self {
        Self::new(Kind::Storage, "reading the stored grant", error.to_string())
    }
}
