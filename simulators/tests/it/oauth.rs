//! The OAuth half of the NinjaOne simulator, driven over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test stop it at the first surprise"
)]

#[path = "oauth_authorize.rs"]
mod authorize;
#[path = "oauth_clients.rs"]
mod clients;
#[path = "oauth_grants.rs"]
mod grants;
#[path = "oauth_pages.rs"]
mod pages;
#[path = "oauth_refresh.rs"]
mod refresh;
#[path = "oauth_sessions.rs"]
mod sessions;
#[path = "oauth_site.rs"]
mod site;
#[path = "oauth_token.rs"]
mod token;
