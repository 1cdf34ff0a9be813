//! Consents in a browser: begun on a page, finished by whatever request comes back to the redirect URI.
//!
//! The state is bound to the browser's session, to the connection, and to the account its settings spoke of. It is good
//! for one return; a second browser with the same state gets nothing and takes nothing away.

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::people::digest;
use connect::{Kind, Pending};
use jiff::SignedDuration;
use model::{Actor, ActorRole, Connection, ConnectionId};
use secrecy::ExposeSecret as _;
use store::Consent;
use url::Url;

/// How long a person may take on the vendor's pages.
const WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The one state of a callback's query. States are ours: letters, digits, - and _, which no encoding changes.
pub(crate) fn state_of(query: &str) -> Option<&str> {
    let mut states = query.split('&').filter_map(|pair| pair.strip_prefix("state="));
    let state = states.next()?;
    states.next().is_none().then_some(state)
}

impl Engine {
    /// Begins a consent for the browser of `session`, to come back to `redirect`; where to send the browser.
    ///
    /// # Errors
    /// When the settings cannot be used or the vendor does not know the app.
    pub async fn begin_browser_consent(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        redirect: &str,
        session: &str,
    ) -> Result<Url> {
        let pending = self.begin_consent(actor, id, redirect).await?;
        let connection = self.store.connection(id).await?;
        let consent = Consent {
            state: digest(pending.state.expose_secret()),
            session: digest(session),
            connection: id.clone(),
            account: self.account_of(&connection)?,
            redirect: pending.redirect,
            verifier: pending.verifier,
        };
        self.store
            .begin_consent(&consent, self.clock().now() + WITHIN)
            .await?;
        Ok(pending.url)
    }

    /// Finishes the consent whose state is in `query`, the callback's query undecoded. The connection, and how it ended:
    /// a refusal is of that connection.
    ///
    /// # Errors
    /// [`Error::Stranger`] when this session began no such consent, or it was finished already.
    pub async fn finish_browser_consent(
        &self,
        actor: &Actor,
        query: &str,
        session: &str,
    ) -> Result<(ConnectionId, Result<Connection>)> {
        require(actor, ActorRole::Owner, "authorize connections")?;
        let Some(state) = state_of(query) else {
            return Err(Error::Stranger);
        };
        let taken = self.store.take_consent(&digest(state), &digest(session)).await?;
        let Some(consent) = taken else {
            return Err(Error::Stranger);
        };
        let id = consent.connection.clone();
        let finished = self.finish_taken(actor, consent, state, query).await;
        Ok((id, finished))
    }

    async fn finish_taken(
        &self,
        actor: &Actor,
        consent: Consent,
        state: &str,
        query: &str,
    ) -> Result<Connection> {
        let connection = self.store.connection(&consent.connection).await?;
        if self.account_of(&connection)? != consent.account {
            let error = connect::Error::new(
                Kind::Auth,
                "finishing the consent",
                "the connection's settings were changed to another account meanwhile",
            );
            return Err(Error::outside(&connection.name)(
                error.advise("Authorize it again"),
            ));
        }
        let url = Url::parse(&consent.redirect).map_err(|error| {
            let error = connect::Error::new(Kind::Configuration, "finishing the consent", error.to_string());
            Error::outside(&connection.name)(error)
        })?;
        let pending = Pending {
            url,
            state: state.to_owned().into(),
            verifier: consent.verifier,
            redirect: consent.redirect,
        };
        self.finish_consent(actor, &connection.id, &pending, query).await
    }

    fn account_of(&self, connection: &Connection) -> Result<String> {
        let connector = self
            .connectors
            .get(&connection.kind)
            .map_err(Error::outside(&connection.name))?;
        Ok(connector.account(&connection.settings).to_string())
    }
}
