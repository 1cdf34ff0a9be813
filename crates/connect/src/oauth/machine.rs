//! Client credentials (RFC 6749 §4.4): the app acts for itself, no person consents.

use super::failure::OauthStep;
use super::{OauthApp, token};
use crate::connector::{Authorization, Mode, Pending};
use crate::error::{Error, Kind};
use crate::grant::NewGrant;
use crate::http::Http;
use async_trait::async_trait;
use model::Clock;
use std::sync::Arc;

/// A grant for the app itself.
pub struct MachineFlow {
    app: OauthApp,
    http: Http,
    clock: Arc<dyn Clock>,
}

impl MachineFlow {
    /// The flow for `app`.
    pub fn new(app: OauthApp, http: Http, clock: Arc<dyn Clock>) -> Self {
        Self { app, http, clock }
    }
}

/// A new token for the app itself.
pub(super) async fn grant(
    app: &OauthApp,
    http: &Http,
    clock: &dyn Clock,
) -> Result<NewGrant, token::NoToken> {
    const DOING: &str = "getting a token for the app";
    let scope = app.scopes.join(" ");
    let mut form = vec![("grant_type", "client_credentials")];
    if !scope.is_empty() {
        form.push(("scope", scope.as_str()));
    }
    let pair = token::ask(app, http, clock, OauthStep::Machine, DOING, &form).await?;
    Ok(token::complete(app, pair, DOING, false)?)
}

fn no_consent() -> Error {
    Error::new(
        Kind::Configuration,
        "starting the consent",
        "a machine app needs no consent",
    )
    .advise("Its client ID and secret are enough: test the connection instead")
}

#[async_trait]
impl Authorization for MachineFlow {
    fn mode(&self) -> Mode {
        Mode::Machine
    }

    fn begin(&self, _redirect: &str) -> Result<Pending, Error> {
        Err(no_consent())
    }

    async fn preflight(&self, _pending: &Pending) -> Result<(), Error> {
        Err(no_consent())
    }

    async fn finish(&self, _pending: &Pending, _query: &str) -> Result<NewGrant, Error> {
        Err(no_consent())
    }

    async fn machine_grant(&self) -> Result<NewGrant, Error> {
        grant(&self.app, &self.http, self.clock.as_ref())
            .await
            .map_err(|no| no.error)
    }
}
