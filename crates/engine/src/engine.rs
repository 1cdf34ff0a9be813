//! What every use case needs.

use crate::error::{Error, Result};
use crate::presence::{LEASE, Processes, Runner};
use connect::Connectors;
use model::{Actor, ActorRole, Clock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{AuditMark, Store};
use tokio::sync::Semaphore;

/// Passwords hashed at once.
const HASHING: usize = 4;

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// What this process calls itself towards others, e.g. `host pid 4711: rmmbridge sync`.
    pub holder: String,
    /// An HTTP proxy for everything that leaves.
    pub proxy: Option<url::Url>,
    /// More certificate authorities, PEM.
    pub extra_ca: Option<Vec<u8>>,
    /// Where the end of the audit log is kept outside the database.
    pub audit_mark: Option<AuditMark>,
    /// Where backups that the pages make are kept.
    pub backups: Option<PathBuf>,
    /// How long after its intent was committed a write may still be sent.
    pub send_within: Duration,
    /// Tells processes of this machine apart; without it a dead one is waited out.
    pub processes: Option<Arc<dyn Processes>>,
    /// How long a lease lasts without being renewed: what is left of a dead process is taken over after this.
    pub lease: Duration,
}

impl EngineOptions {
    /// No proxy, no further certificate authorities, half a minute to send what was claimed.
    pub fn new(holder: impl Into<String>) -> Self {
        Self {
            holder: holder.into(),
            proxy: None,
            extra_ca: None,
            audit_mark: None,
            backups: None,
            send_within: Duration::from_secs(30),
            processes: None,
            lease: LEASE,
        }
    }
}

/// The use cases of one rmmbridge.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) connectors: Connectors,
    pub(crate) options: EngineOptions,
    /// Passwords are hashed so many at once: each takes some 20 MB.
    pub(crate) hashing: Arc<Semaphore>,
    /// What matching said of each bridge, for those who page through it.
    pub(crate) seen_matchings: crate::match_list::Seen,
}

impl Engine {
    /// An engine on `store` with the connectors this program was built with.
    pub fn new(store: Store, connectors: Connectors, options: EngineOptions) -> Self {
        Self {
            store,
            connectors,
            options,
            hashing: Arc::new(Semaphore::new(HASHING)),
            seen_matchings: Default::default(),
        }
    }

    /// The same use cases, with what they change noted as `actor`'s.
    pub(crate) fn acting(&self, actor: &Actor) -> Self {
        Self {
            store: self.store.on_behalf_of(actor),
            ..self.clone()
        }
    }

    /// The connectors this program was built with.
    pub fn connectors(&self) -> &Connectors {
        &self.connectors
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.store.clock()
    }

    /// Becomes a runner, and closes the books of runs whose process died. On SQLite one process runs at a time; on
    /// PostgreSQL several do, each on bridges of its own.
    ///
    /// # Errors
    /// On SQLite when another process is the runner; the error names it. [`store::Error::AuditLog`] while the audit log does
    /// not hold.
    pub async fn become_runner(&self, actor: &Actor) -> Result<Runner> {
        require(actor, ActorRole::Technician, "run a sync")?;
        let runner = self.appear().await?;
        self.require_whole_audit_log().await?;
        // A log that lost its end would lose what this runner does, too.
        self.keep_audit_mark().await?;
        self.bury_the_dead(&runner).await?;
        Ok(runner)
    }

    /// The database's own word about itself.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn database_check(&self, actor: &Actor) -> Result<String> {
        require(actor, ActorRole::Viewer, "look at the database")?;
        Ok(self.store.integrity().await?)
    }
}

/// Refuses an actor who holds less than `role`.
pub(crate) fn require(actor: &Actor, role: ActorRole, doing: &str) -> Result<()> {
    if actor.may(role) {
        return Ok(());
    }
    Err(Error::Forbidden {
        actor: actor.to_string(),
        doing: doing.to_owned(),
        role,
    })
}
