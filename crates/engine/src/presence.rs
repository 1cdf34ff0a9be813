//! Who works on what: a process says that it lives, and holds leases on the bridges and sources it is at.
//!
//! On SQLite one process runs, by a file lock. On PostgreSQL several do, and a lease on a bridge or a source belongs to
//! one of them at a time. One heartbeat renews everything a process holds, judged by the database's time. A process
//! that slept for so long that somebody else took over finds out at its next heartbeat, and stops; what it may still
//! write is fenced by the claims on each record ([`crate::writing`]).

use crate::engine::{Engine, require};
use crate::error::{Error, Result};
use crate::progress::Work;
use model::{Actor, ActorRole, Bridge, BridgeId, ConnectionId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{DatabaseLock, Store};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a lease lasts unless the program is set up otherwise ([`crate::EngineOptions::lease`]).
pub const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed while one lasts.
const HEARTBEATS: u32 = 6;

/// Tells processes of this machine apart, so that one that was killed need not be waited out.
pub trait Processes: fmt::Debug + Send + Sync {
    /// A mark of this process that no other ever has, without `]`.
    fn mine(&self) -> String;
    /// Whether the process with this mark ran on this machine and has ended. `false` when that cannot be known.
    fn is_gone(&self, mark: &str) -> bool;
}

/// The right to read, plan and apply. Holding it tells others that this process lives.
#[derive(Debug)]
pub struct Runner {
    presence: Arc<Presence>,
    _lock: DatabaseLock,
}

struct Presence {
    store: Store,
    holder: String,
    lease: Duration,
    held: Held,
    heartbeat: Mutex<Option<AbortHandle>>,
}

/// What is held, by the name of its lease.
#[derive(Default)]
struct Held(Mutex<BTreeMap<String, Arc<Grip>>>);

/// The leases of one piece of work.
#[derive(Default)]
struct Grip {
    /// Tells the work that they were lost.
    stop: CancellationToken,
    /// Whether they are in the database: until then they cannot be lost.
    taken: AtomicBool,
}

impl Held {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Grip>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the database at this moment.
    fn taken(&self) -> Vec<(String, Arc<Grip>)> {
        let held = self.lock();
        let taken = held.iter().filter(|(_, grip)| grip.taken.load(Ordering::Acquire));
        taken.map(|(name, grip)| (name.clone(), grip.clone())).collect()
    }

    /// Tells the work of those of `before` that they were lost which are not in `still`. What was taken or given back
    /// while the database was asked is not among them.
    fn lose(&self, before: &[(String, Arc<Grip>)], still: &BTreeSet<String>) {
        let held = self.lock();
        for (name, grip) in before.iter().filter(|(name, _)| !still.contains(name)) {
            let the_same = held.get(name).is_some_and(|now| Arc::ptr_eq(now, grip));
            if the_same && !grip.stop.is_cancelled() {
                tracing::error!(lease = %name, "A lease was lost to another process; its work stops.");
                grip.stop.cancel();
            }
        }
    }
}

/// Leases for one piece of work.
#[derive(Debug)]
pub(crate) struct Hold {
    presence: Arc<Presence>,
    names: Vec<String>,
    stop: CancellationToken,
    released: bool,
}

/// The lease on a bridge.
fn bridge_lease(id: &BridgeId) -> String {
    format!("bridge:{id}")
}

/// The lease on a connection that is read.
pub(crate) fn source_lease(id: &ConnectionId) -> String {
    format!("source:{id}")
}

/// What planning and applying hold: the bridge, and its source, whose next snapshot would overtake the plan.
pub(crate) fn bridge_leases(bridge: &Bridge) -> Vec<String> {
    vec![bridge_lease(&bridge.id), source_lease(&bridge.source)]
}

/// The part of a holder that people read.
pub(crate) fn shown(holder: &str) -> &str {
    holder.rsplit_once(" [").map_or(holder, |(shown, _)| shown)
}

/// The part of a holder that tells its process.
pub(crate) fn mark(holder: &str) -> Option<&str> {
    let (_, rest) = holder.rsplit_once(" [")?;
    rest.split(']').next()?.split_once('/').map(|(mark, _)| mark)
}

/// Names what is held for people.
fn busy(error: store::Error) -> Error {
    match error {
        store::Error::Busy { holder } => Error::Store(store::Error::Busy {
            holder: shown(&holder).to_owned(),
        }),
        other => Error::Store(other),
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence")
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// What this runner is called in leases, runs and jobs: no other ever has the same name.
    pub fn holder(&self) -> &str {
        &self.presence.holder
    }

    /// Gives everything back, so that others need not wait for it to run out.
    pub async fn leave(self) {
        self.presence.end_heartbeat();
        let released = self
            .presence
            .store
            .release_leases(&[], &self.presence.holder)
            .await;
        if let Err(error) = released {
            tracing::debug!(error = %error, "Leases were left to run out.");
        }
    }
}

impl Presence {
    fn end_heartbeat(&self) {
        let handle = self
            .heartbeat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(handle) = handle {
            handle.abort();
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.end_heartbeat();
        release_behind(self.store.clone(), Vec::new(), self.holder.clone());
    }
}

/// Gives leases back where nobody can wait for it; they run out if that fails.
fn release_behind(store: Store, names: Vec<String>, holder: String) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _ = store.release_leases(&names, &holder).await;
        });
    }
}

impl Engine {
    /// Says that this process lives, and goes on saying so.
    pub(crate) async fn appear(&self) -> Result<Runner> {
        let mine = self.options.processes.as_ref().map(|p| p.mine());
        let unique = self.store.new_id();
        let holder = format!("{} [{}/{unique}]", self.options.holder, mine.unwrap_or_default());
        let lock = self.store.lock_runner(&self.options.holder).await?;
        let living = format!("process:{holder}");
        self.store
            .take_leases(&[living], &holder, self.options.lease)
            .await?;
        let presence = Arc::new(Presence {
            store: self.store.clone(),
            holder,
            lease: self.options.lease,
            held: Held::default(),
            heartbeat: Mutex::default(),
        });
        let beating = tokio::spawn(beat(Arc::downgrade(&presence)));
        *presence.heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = Some(beating.abort_handle());
        Ok(Runner {
            presence,
            _lock: lock,
        })
    }

    /// Says that this runner is a worker: others may leave jobs to it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stand_by(&self, runner: &Runner) -> Result<()> {
        let holder = runner.holder();
        let name = format!("worker:{holder}");
        Ok(self
            .store
            .take_leases(&[name], holder, self.options.lease)
            .await?)
    }

    /// The workers that say that they live, for people.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn workers(&self, actor: &Actor) -> Result<Vec<String>> {
        require(actor, ActorRole::Viewer, "see workers")?;
        let leases = self.store.leases("worker:").await?.into_iter();
        let gone = |holder: &str| {
            let processes = self.options.processes.as_ref();
            processes.is_some_and(|p| mark(holder).is_some_and(|mark| p.is_gone(mark)))
        };
        Ok(leases
            .filter(|lease| !gone(&lease.holder))
            .map(|lease| shown(&lease.holder).to_owned())
            .collect())
    }

    /// Refuses while another process says that it lives.
    pub(crate) async fn require_alone(&self) -> Result<()> {
        match self.store.leases("process:").await?.pop() {
            None => Ok(()),
            Some(lease) => Err(busy(store::Error::Busy { holder: lease.holder })),
        }
    }

    /// Takes the leases of processes of this machine that have ended, and closes the books of runs nobody is at.
    /// Whether anybody was found gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bury_the_dead(&self, _runner: &Runner) -> Result<bool> {
        let mut buried = false;
        if let Some(processes) = &self.options.processes {
            for lease in self.store.leases("process:").await? {
                if mark(&lease.holder).is_some_and(|mark| processes.is_gone(mark)) {
                    self.store.release_leases(&[], &lease.holder).await?;
                    tracing::warn!(holder = %shown(&lease.holder), "A process ended without giving back what it held.");
                    buried = true;
                }
            }
        }
        let ended = self
            .store
            .end_abandoned_runs("the process that ran it ended before it did")
            .await?;
        if ended > 0 {
            tracing::warn!(runs = ended, "Closed runs whose process had ended.");
        }
        Ok(buried)
    }

    /// Holds leases for a piece of work.
    ///
    /// # Errors
    /// [`store::Error::Busy`] naming who holds one of them.
    pub(crate) async fn hold(&self, runner: &Runner, names: Vec<String>, work: &Work<'_>) -> Result<Hold> {
        let presence = &runner.presence;
        let stop = work.stop.child_token();
        let grip = Arc::new(Grip {
            stop: stop.clone(),
            taken: AtomicBool::new(false),
        });
        {
            let mut held = presence.held.lock();
            if names.iter().any(|name| held.contains_key(name)) {
                return Err(Error::Store(store::Error::Busy {
                    holder: shown(&presence.holder).to_owned(),
                }));
            }
            held.extend(names.iter().map(|name| (name.clone(), grip.clone())));
        }
        let mut hold = Hold {
            presence: presence.clone(),
            names,
            stop,
            released: false,
        };
        let taken = self.take(runner, &hold.names).await;
        if taken.is_err() {
            // Nothing was taken, so nothing is given back.
            hold.forget();
        }
        grip.taken.store(true, Ordering::Release);
        taken.map(|()| hold)
    }

    async fn take(&self, runner: &Runner, names: &[String]) -> Result<()> {
        let (holder, lease) = (runner.holder(), self.options.lease);
        match self.store.take_leases(names, holder, lease).await {
            // Whoever holds it may be a process of this machine that was killed.
            Err(store::Error::Busy { .. }) if self.bury_the_dead(runner).await? => {
                self.store.take_leases(names, holder, lease).await.map_err(busy)
            }
            taken => taken.map_err(busy),
        }
    }
}

async fn beat(presence: std::sync::Weak<Presence>) {
    let mut renewed = Instant::now();
    let Some(lease) = presence.upgrade().map(|presence| presence.lease) else {
        return;
    };
    loop {
        tokio::time::sleep(lease / HEARTBEATS).await;
        let Some(presence) = presence.upgrade() else {
            return;
        };
        let held = presence.held.taken();
        match presence.store.renew_leases(&presence.holder, lease).await {
            Ok(still) => {
                renewed = Instant::now();
                presence.held.lose(&held, &still);
            }
            Err(error) => {
                tracing::warn!(error = %error, "Leases could not be renewed.");
                if renewed.elapsed() >= lease {
                    presence.held.lose(&held, &BTreeSet::new());
                }
            }
        }
    }
}

impl Hold {
    /// The same work, which also stops when a lease is lost.
    pub(crate) fn work<'a>(&'a self, work: Work<'a>) -> Work<'a> {
        Work {
            progress: work.progress,
            stop: &self.stop,
        }
    }

    /// Gives the leases back; `result` in the words that fit why it stopped.
    pub(crate) async fn end<T>(mut self, work: Work<'_>, result: Result<T>) -> Result<T> {
        let lost = self.stop.is_cancelled() && !work.stop.is_cancelled();
        self.forget();
        let presence = &self.presence;
        if let Err(error) = presence.store.release_leases(&self.names, &presence.holder).await {
            tracing::debug!(error = %error, "Leases were left to run out.");
        }
        match result {
            Err(Error::Stopped) if lost => Err(Error::TakenOver),
            other => other,
        }
    }

    fn forget(&mut self) {
        self.released = true;
        let mut held = self.presence.held.lock();
        for name in &self.names {
            held.remove(name);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.released {
            self.forget();
            release_behind(
                self.presence.store.clone(),
                self.names.clone(),
                self.presence.holder.clone(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_held_before_and_since_can_be_lost() {
        let held = Held::default();
        let grip = |taken| {
            Arc::new(Grip {
                stop: CancellationToken::new(),
                taken: AtomicBool::new(taken),
            })
        };
        let (kept, lost, given_back, taking) = (grip(true), grip(true), grip(true), grip(false));
        for (name, grip) in [
            ("kept", &kept),
            ("lost", &lost),
            ("given back", &given_back),
            ("taking", &taking),
        ] {
            held.lock().insert(name.to_owned(), grip.clone());
        }
        let before = held.taken();
        // While the database is asked, one is given back, taken anew, and another is taken.
        let anew = grip(true);
        held.lock().insert("given back".to_owned(), anew.clone());
        taking.taken.store(true, Ordering::Release);
        held.lose(&before, &BTreeSet::from(["kept".to_owned()]));
        let stopped = [&kept, &lost, &given_back, &anew, &taking].map(|grip| grip.stop.is_cancelled());
        assert_eq!(stopped, [false, true, false, false, false]);
    }

    #[test]
    fn a_holder_is_shown_without_its_mark() {
        let holder = "rmmbridge worker, process 71 on host [b00t.4026.71.900/0190-77]";
        assert_eq!(shown(holder), "rmmbridge worker, process 71 on host");
        assert_eq!(mark(holder), Some("b00t.4026.71.900"));
        assert_eq!((shown("a test"), mark("a test")), ("a test", None));
    }
}
