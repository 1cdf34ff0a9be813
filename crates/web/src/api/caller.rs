//! Who calls the API: a program with an API key, or the page of somebody who is signed in.
//!
//! A handler takes `Caller<Read>`, `Caller<Plan>` and so on: the scope a key must be good for. A signed-in person needs no
//! scope; what they may do is decided by the use case, as for a key.

use super::failure::Failure;
use super::rate::Rates;
use crate::Web;
use crate::auth::SignedIn;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use model::{Actor, KeyScope};
use std::marker::PhantomData;
use tower_sessions::Session;

/// The scope an operation takes.
pub trait Scope: Send + Sync + 'static {
    /// The key's scope.
    const SCOPE: KeyScope;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Scope for $name {
            const SCOPE: KeyScope = KeyScope::$name;
        }
    )*};
}

scopes! {
    /// Looking.
    Read;
    /// Deciding and planning.
    Plan;
    /// Writing.
    Apply;
    /// Connections.
    Connections;
    /// Settings of the hub and its bridges, and the audit log.
    Settings;
}

/// Who calls.
#[derive(Debug)]
pub struct Caller<S> {
    /// As the one who acts.
    pub actor: Actor,
    scope: PhantomData<S>,
}

impl<S: Scope> FromRequestParts<Web> for Caller<S> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failure> {
        let actor = match key(&parts.headers)? {
            Some(key) => web.engine.key_actor(key, S::SCOPE).await?,
            None => by_session(web, parts).await?,
        };
        let now = web.engine.clock().now();
        if let Err(seconds) = web.rates.take(&actor.to_string(), now) {
            let what = format!("More than {} requests a minute.", Rates::A_MINUTE);
            return Err(
                Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", what)
                    .advise(format!("Go on in {seconds} s."))
                    .after(seconds),
            );
        }
        Ok(Self {
            actor,
            scope: PhantomData,
        })
    }
}

/// The key a request shows, if it shows one.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(shown) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let shown = shown.to_str().ok().and_then(|text| text.split_once(' '));
    match shown {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(key.trim())),
        _ => Err(stranger("The Authorization header must be `Bearer <API key>`.")),
    }
}

async fn by_session(web: &Web, parts: &mut Parts) -> Result<Actor, Failure> {
    let session = Session::from_request_parts(parts, web)
        .await
        .map_err(|_| stranger("Nobody is signed in."))?;
    match SignedIn::of(web, &session).await? {
        Some(person) => Ok(person.actor()),
        None => Err(stranger(
            "This takes an API key: `Authorization: Bearer <API key>`.",
        )),
    }
}

fn stranger(what: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", what)
        .advise("An Owner or Technician makes API keys under Settings.")
}
