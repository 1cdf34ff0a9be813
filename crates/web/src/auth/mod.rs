//! Signing in and out, and who is signed in.

mod code;
mod invitation;
mod link;
pub mod provider;
mod session_store;
mod set_up;
mod sign_in;
mod signed_in;
mod visit;

pub use sign_in::SECRET;
pub use signed_in::{SignedIn, known_of, must_be_signed_in};
pub use visit::Visit;

use crate::{Site, Web};
use axum::Router;
use axum::routing::{get, post};
use session_store::StoredSessions;
use tower_http::csrf::CsrfLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

/// The pages of those who are not signed in, and signing out.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-in/code", get(code::show).post(code::enter))
        .route(
            "/sign-in/invitation",
            get(invitation::show).post(invitation::accept),
        )
        .route("/sign-in/link", get(link::show).post(link::enter))
        .route("/sign-in/provider", post(provider::begin))
        .route(provider::CALLBACK, get(provider::finish))
        .route("/set-up", get(set_up::show).post(set_up::enter))
        .route("/sign-out", post(sign_in::leave))
}

/// Sessions by a cookie that no script reads and no other site sends with a form.
pub fn session_layer(web: &Web) -> SessionManagerLayer<StoredSessions> {
    let secure = web.site.is_https();
    // With this prefix browsers take the cookie by TLS and from this host alone.
    let name = if secure { "__Host-rmmbridge" } else { "rmmbridge" };
    SessionManagerLayer::new(StoredSessions::new(web.engine.clone()))
        .with_name(name)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_expiry(Expiry::OnSessionEnd)
}

/// Refuses what another site's page sends here. A proxy may have changed `Host`, so our public address is named.
pub fn csrf_layer(web: &Web) -> CsrfLayer {
    let origin = origin(&web.site);
    CsrfLayer::new()
        .add_trusted_origin(&origin)
        .unwrap_or_else(|_| CsrfLayer::new())
}

fn origin(site: &Site) -> String {
    site.public_url.origin().ascii_serialization()
}
