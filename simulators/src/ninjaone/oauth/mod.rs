//! The OAuth 2.0 half of the NinjaOne simulator: sign-in and consent pages, codes, tokens, revocation.
//!
//! Start with [`Grants::new`], serve [`router`], and let the API half ask [`Grants::verify`] about each bearer token.
//! Tests read [`Grants::issued`] and [`Grants::token_calls`] and interfere with [`Grants::revoke`],
//! [`Grants::expire_access_tokens`], [`Grants::rotate_secret`]; other programs do the same through `/simulator/grants`.
//!
//! Written from the vendor's published metadata and from observed answers. Where the vendor's behaviour is unknown,
//! the behaviour is an option of [`OauthOptions`] or follows the RFCs, strictly, so that a careless client is noticed.

mod admin;
mod answers;
mod apps;
mod authorize;
pub(crate) mod client_auth;
mod consent;
pub(crate) mod fields;
mod grants;
mod issue;
mod metadata;
mod options;
pub(crate) mod pages;
pub(crate) mod pkce;
mod scopes;
mod sessions;
mod signin;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};

pub use apps::{App, GrantType, Platform, Technician};
pub use grants::{Access, Grants, IssuedGrant, TokenCalls, TokenProblem};
pub use options::{DeadRefresh, OauthOptions, Rotation};
pub use scopes::OFFLINE_ACCESS;

/// Every route of this half: `/ws/oauth/*`, its older form `/oauth/*`, the metadata under `/.well-known`, and the
/// simulator's own `/simulator/grants`. It sets no fallback, so it can be merged into the whole simulator.
pub fn router(grants: Arc<Grants>) -> Router {
    let endpoints = Router::new()
        .route("/authorize", get(authorize::show).post(consent::decide))
        .route("/sign-in", get(signin::show).post(signin::submit))
        .route("/sign-out", post(signin::leave))
        .route("/token", post(token::exchange).fallback(answers::only_post))
        .route("/revoke", post(token::revoke).fallback(answers::only_post));
    let older = match grants.options.older_paths {
        true => Router::new().nest("/oauth", endpoints.clone()),
        false => Router::new().route("/oauth/{*path}", any(answers::nginx_not_found)),
    };
    Router::new()
        .nest("/ws/oauth", endpoints)
        .merge(older)
        .route("/.well-known/oauth-authorization-server", get(metadata::show))
        .route("/.well-known/openid-configuration", any(metadata::absent))
        .route("/simulator/grants", get(admin::list))
        .route("/simulator/grants/revoke", post(admin::revoke))
        .route("/simulator/grants/expire", post(admin::expire))
        .with_state(grants)
}
