//! Grants: the token pair a person or a machine app was given, and where it is kept.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use std::time::Duration;

/// A token pair as the vendor issued it.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Sent with every request.
    pub access_token: SecretString,
    /// Gets the next pair. None for machine apps.
    pub refresh_token: Option<SecretString>,
    /// The scopes it was given, as the vendor named them.
    pub scopes: Vec<String>,
    /// When the access token ends.
    pub expires: Timestamp,
}

/// A stored token pair.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The pair.
    pub pair: NewGrant,
    /// Counts replacements, for compare-and-set.
    pub version: i64,
}

/// The right to refresh once, until it is used, given back or overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshTicket {
    /// The version the refresh starts from.
    pub version: i64,
    /// Tells this holder from the next.
    pub holder: String,
}

/// Whose turn it is to refresh.
#[derive(Clone, Debug)]
pub enum RefreshTurn {
    /// Ours: nobody else will refresh until the ticket is overdue.
    Ours(RefreshTicket),
    /// Somebody else is at it: wait and load again.
    Theirs,
    /// It was done already: use this one.
    Done(Grant),
}

/// The store could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct GrantStoreError(pub String);

/// Where the grant of one connection is kept, shared by every task and process that uses it.
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// The newest pair; `None` before the first.
    ///
    /// # Errors
    /// When the store fails.
    async fn load(&self) -> Result<Option<Grant>, GrantStoreError>;

    /// Asks for the turn to replace `version`. A ticket not used within `overdue` is void.
    ///
    /// # Errors
    /// When the store fails.
    async fn begin_refresh(&self, version: i64, overdue: Duration) -> Result<RefreshTurn, GrantStoreError>;

    /// Commits the new pair; only then may its access token be used. A refresh answer without a refresh token
    /// keeps the old one.
    ///
    /// # Errors
    /// When the store fails, or the ticket is void.
    async fn commit_refresh(&self, ticket: &RefreshTicket, pair: NewGrant) -> Result<Grant, GrantStoreError>;

    /// Gives the turn back unused.
    ///
    /// # Errors
    /// When the store fails.
    async fn abandon_refresh(&self, ticket: &RefreshTicket) -> Result<(), GrantStoreError>;

    /// Stores a pair that a consent gave, whatever stood there.
    ///
    /// # Errors
    /// When the store fails.
    async fn replace(&self, pair: NewGrant) -> Result<Grant, GrantStoreError>;
}
