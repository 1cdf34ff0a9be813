//! Grants by OAuth 2.0: authorization code with PKCE (RFC 6749, RFC 7636), client credentials, and refreshing.
//!
//! [`CodeFlow`] and [`MachineFlow`] are the two ways to a grant; [`GrantBearer`] keeps it alive: one refresh per
//! expiry across tasks and processes, the new pair committed before its access token is used, and the store read
//! again before a grant is called dead.

mod bearer;
mod code;
mod failure;
mod machine;
mod memory;
mod revoke;
mod token;

pub use bearer::{GrantBearer, Issuer};
pub use code::CodeFlow;
pub use failure::{OauthFailure, OauthStep};
pub use machine::MachineFlow;
pub use memory::MemoryGrants;
pub use revoke::revoke;

pub(crate) use code::{is_callback_query, read_query, unguessable};
pub(crate) use token::read_pair as read_token_answer;

use secrecy::SecretString;
use url::Url;

/// Where a vendor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthEndpoints {
    /// Where the browser goes.
    pub authorize: Url,
    /// Where tokens are issued.
    pub token: Url,
    /// Where they are revoked.
    pub revoke: Option<Url>,
}

/// How the app's id and secret travel to the token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the form, `client_secret_post`.
    #[default]
    Form,
    /// In the `Authorization` header, `client_secret_basic`.
    Header,
}

/// An app registered with a vendor.
#[derive(Clone, Debug)]
pub struct OauthApp {
    /// Its id.
    pub client_id: String,
    /// Its secret; public apps have none.
    pub client_secret: Option<SecretString>,
    /// How both are sent.
    pub client_auth: ClientAuth,
    /// The scopes to ask for: exactly these.
    pub scopes: Vec<String>,
    /// Where the vendor answers.
    pub endpoints: OauthEndpoints,
    /// What the vendor calls a dead grant, e.g. `invalid_grant`.
    pub dead_grant_errors: &'static [&'static str],
    /// The vendor's own advice for a failure, in place of the general one.
    pub explain: fn(&OauthFailure) -> Option<String>,
}
