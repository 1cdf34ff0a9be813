//! Making a connection and authorizing it.
//!
//! The order is HumanizeIT's (H05): settings are stored, consent is asked for, and only a grant that works makes the
//! connection complete (H06). A grant is tried before it is stored: one that belongs to another tenant is refused,
//! since small ids exist in every tenant and would be taken for the old one's.

use crate::checking::found;
use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use connect::oauth::MemoryGrants;
use connect::{Authorization, CheckPoint, GrantStore as _, Kind, Mode, NewGrant, Pending, Secrets};
use model::{Actor, ActorRole, Connection, ConnectionId, ConnectionState};
use std::sync::Arc;
use store::NewConnection;

/// A connection to be made or changed.
#[derive(Clone, Debug)]
pub struct ConnectionRequest {
    /// The connector's name.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// The connector's settings.
    pub settings: serde_json::Value,
    /// Its secrets; on a change, only those given anew.
    pub secrets: Secrets,
    /// Whether private and loopback hosts are allowed.
    pub allow_private_hosts: bool,
}

impl Engine {
    /// All connections.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connections(&self, actor: &Actor) -> Result<Vec<Connection>> {
        require(actor, ActorRole::Viewer, "see connections")?;
        Ok(self.store.connections().await?)
    }

    /// Stores a connection, or changes the settings of the one of that name. It is not authorized by this. Settings that
    /// speak of another account make the old secrets and the old grant forgotten.
    ///
    /// # Errors
    /// When a setting cannot be used; nothing is stored then.
    pub async fn save_connection(&self, actor: &Actor, request: ConnectionRequest) -> Result<Connection> {
        require(actor, ActorRole::Owner, "change connections")?;
        let connector = self
            .connectors
            .get(&request.kind)
            .map_err(Error::outside(&request.name))?
            .clone();
        let existing = self.store.connection_named(&request.name).await?;
        let same_account =
            |c: &Connection| connector.account(&c.settings) == connector.account(&request.settings);
        let mut secrets = match &existing {
            Some(connection) if same_account(connection) => {
                self.store.connection_secrets(&connection.id).await?
            }
            _ => Secrets::new(),
        };
        secrets.extend(request.secrets.clone());
        connector
            .validate(&request.settings, &secrets, request.allow_private_hosts)
            .map_err(|problems| Error::Settings {
                kind: request.kind.clone(),
                problems,
            })?;
        let store = &self.acting(actor).store;
        match existing {
            Some(connection) if connection.kind != request.kind => Err(store::Error::Taken {
                what: "connection of another kind",
                name: request.name,
            }
            .into()),
            Some(mut connection) => {
                let same_account = same_account(&connection);
                connection.settings = request.settings;
                connection.allow_private_hosts = request.allow_private_hosts;
                if same_account {
                    store.update_connection(&connection, &request.secrets).await?;
                } else {
                    connection.state = ConnectionState::NeedsAuthorization;
                    store.move_connection(&connection, &request.secrets).await?;
                }
                Ok(store.connection(&connection.id).await?)
            }
            None => {
                let new = NewConnection {
                    kind: request.kind,
                    name: request.name,
                    state: ConnectionState::NeedsAuthorization,
                    settings: request.settings,
                    allow_private_hosts: request.allow_private_hosts,
                };
                let connection = store.add_connection(new, &request.secrets).await?;
                if self.authorization(&connection).await?.is_none() {
                    store
                        .set_connection_state(&connection.id, &ConnectionState::Connected)
                        .await?;
                }
                Ok(store.connection(&connection.id).await?)
            }
        }
    }

    /// How a connection is authorized; `None` when there is nothing to authorize.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub async fn authorization_mode(&self, actor: &Actor, id: &ConnectionId) -> Result<Option<Mode>> {
        require(actor, ActorRole::Owner, "authorize connections")?;
        let connection = self.store.connection(id).await?;
        Ok(self.authorization(&connection).await?.map(|a| a.mode()))
    }

    /// Starts a consent that will return to `redirect`, after asking the vendor whether it knows the app at all.
    ///
    /// # Errors
    /// When the settings cannot be used or the vendor does not know the app.
    pub async fn begin_consent(&self, actor: &Actor, id: &ConnectionId, redirect: &str) -> Result<Pending> {
        require(actor, ActorRole::Owner, "authorize connections")?;
        let connection = self.store.connection(id).await?;
        let authorization = self.must_authorize(&connection).await?;
        let outside = Error::outside(&connection.name);
        let pending = authorization.begin(redirect).map_err(&outside)?;
        authorization.preflight(&pending).await.map_err(&outside)?;
        Ok(pending)
    }

    /// Ends a consent with what the browser brought back.
    ///
    /// # Errors
    /// When consent was refused, the exchange failed, or the account is another tenant: the connection then stays as
    /// incomplete as it was.
    pub async fn finish_consent(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        pending: &Pending,
        query: &str,
    ) -> Result<Connection> {
        require(actor, ActorRole::Owner, "authorize connections")?;
        let connection = self.store.connection(id).await?;
        let authorization = self.must_authorize(&connection).await?;
        let pair = authorization
            .finish(pending, query)
            .await
            .map_err(Error::outside(&connection.name))?;
        self.acting(actor).accept(&connection, pair).await
    }

    /// Authorizes a connection that needs no person.
    ///
    /// # Errors
    /// When the vendor refuses, or the account is another tenant.
    pub async fn connect_machine(&self, actor: &Actor, id: &ConnectionId) -> Result<Connection> {
        require(actor, ActorRole::Owner, "authorize connections")?;
        let connection = self.store.connection(id).await?;
        let authorization = self.must_authorize(&connection).await?;
        let pair = match authorization.machine_grant().await {
            Ok(pair) => pair,
            // Nothing is wrong with the keys: it is remembered what the account lacks.
            Err(error) if matches!(error.kind, Kind::NotEnabled { .. }) => {
                return Err(self.met(&connection, error).await);
            }
            Err(error) => return Err(Error::outside(&connection.name)(error)),
        };
        self.acting(actor).accept(&connection, pair).await
    }

    async fn authorization(&self, connection: &Connection) -> Result<Option<Arc<dyn Authorization>>> {
        let cx = self.context(connection).await?;
        self.connectors
            .get(&connection.kind)
            .and_then(|connector| connector.authorization(&cx))
            .map_err(Error::outside(&connection.name))
    }

    async fn must_authorize(&self, connection: &Connection) -> Result<Arc<dyn Authorization>> {
        self.require_confirmed_instance().await?;
        self.authorization(connection).await?.ok_or_else(|| {
            let error = connect::Error::new(
                Kind::Configuration,
                "authorizing",
                "this connection needs no authorization",
            );
            Error::outside(&connection.name)(error)
        })
    }

    /// Tries the pair on its own, and stores it once it works for the tenant the connection belongs to.
    async fn accept(&self, connection: &Connection, pair: NewGrant) -> Result<Connection> {
        let trial = Arc::new(MemoryGrants::with(pair));
        let cx = self.context_with(connection, trial.clone()).await?;
        let outside = Error::outside(&connection.name);
        let connector = self.connectors.get(&connection.kind).map_err(&outside)?;
        let state = match connector.is_source() {
            true => {
                let source = connector.source(&cx).map_err(&outside)?;
                self.check_tenant(connection, source.as_ref()).await?;
                ConnectionState::Connected
            }
            false => {
                let destination = connector.destination(&cx).map_err(&outside)?;
                tried(&destination.check().await).map_err(&outside)?
            }
        };
        // The trial may have refreshed the pair already; the newest is the one to keep.
        let newest = trial.load().await.map_err(|e| outside(e.into()))?;
        if let Some(grant) = newest {
            let own = self.context(connection).await?;
            own.grants
                .replace(grant.pair)
                .await
                .map_err(|e| outside(e.into()))?;
        }
        self.store.observe_connection(&connection.id, &state).await?;
        Ok(self.store.connection(&connection.id).await?)
    }
}

/// The state a destination's new grant leads to. What its account lacks is no fault of the grant; anything else that
/// fails is.
fn tried(points: &[CheckPoint]) -> std::result::Result<ConnectionState, connect::Error> {
    match found(points) {
        ConnectionState::NeedsAttention { reason } => Err(connect::Error::new(
            Kind::Configuration,
            "trying the grant",
            reason,
        )),
        state => Ok(state),
    }
}
