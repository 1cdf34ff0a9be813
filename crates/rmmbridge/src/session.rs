//! What every command starts with: data directory, master key, database, engine, who acts.

use crate::master_key::master_key;
use crate::platform::{
    StopSignals, SystemRandom, console_actor, default_data_dir, environment, holder, installation,
};
use crate::{Build, progress::Shown};
use anyhow::{Context as _, ensure};
use engine::{Engine, EngineOptions, Work};
use model::Actor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{AuditMark, DatabaseUrl, Store};
use tokio_util::sync::CancellationToken;

/// Where a session finds its data.
#[derive(Clone, Debug)]
pub struct Location {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The database; the embedded one in the data directory when not given.
    pub database: Option<String>,
    /// What the program is made of.
    pub build: Build,
}

/// One command at work.
pub struct Session {
    /// The use cases.
    pub engine: Engine,
    /// The database, to be closed at the end.
    pub store: Store,
    /// Who acts.
    pub actor: Actor,
    /// Shows how far long work is.
    pub progress: Shown,
    /// Asks long work to stop at the next safe point; Ctrl-C and SIGTERM do.
    pub stop: CancellationToken,
}

impl Location {
    /// The given directory, or the default one.
    pub fn new(data_dir: Option<PathBuf>, database: Option<String>, build: Build) -> Self {
        Self {
            data_dir: data_dir.unwrap_or_else(default_data_dir),
            database,
            build,
        }
    }

    /// The address of the database.
    pub fn database(&self) -> store::Result<DatabaseUrl> {
        match &self.database {
            Some(text) => DatabaseUrl::parse(text),
            None => Ok(DatabaseUrl::Sqlite(self.data_dir.join("rmmbridge.db"))),
        }
    }

    /// Refuses a directory in which no hub was begun: whoever backs up or confirms a hub means one that is there, and would
    /// otherwise be told that all is well with a new and empty one.
    pub fn require_hub(&self) -> anyhow::Result<()> {
        let begun = self.database.is_some() || self.data_dir.join("rmmbridge.db").exists();
        ensure!(
            begun,
            "there is no hub in {}. Name its data directory with --data-dir or RMMBRIDGE_DATA_DIR, or its database with \
             --database or RMMBRIDGE_DATABASE; for a hub that runs as a service, run the command as the service does: \
             docs/install.md",
            self.data_dir.display()
        );
        Ok(())
    }
}

/// Makes a directory that only its owner may enter: the database holds every customer's devices. One that is there
/// keeps the rights somebody gave it.
fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

impl Session {
    /// Opens everything. `command` names this process towards others.
    pub async fn open(location: &Location, command: &str, quiet: bool) -> anyhow::Result<Self> {
        let data_dir = &location.data_dir;
        // A directory that is there may still be one this user cannot look into.
        make_private(data_dir)
            .and_then(|()| std::fs::read_dir(data_dir).map(drop))
            .map_err(|source| store::Error::DataDirectory {
                path: data_dir.clone(),
                source,
            })?;
        let (keys, key_from) = master_key(data_dir)?;
        let database = location.database()?;
        let store = Store::open(&database, keys, (location.build.clock)(), Arc::new(SystemRandom))
            .await
            .with_context(|| {
                format!("opening the database ({database}) with the master key from {key_from}")
            })?;
        let store = store.installed(&installation(data_dir)).await?;
        let proxy = environment("RMMBRIDGE_PROXY")
            .map(|text| url::Url::parse(&text).context("RMMBRIDGE_PROXY is not a URL"))
            .transpose()?;
        let extra_ca = environment("RMMBRIDGE_EXTRA_CA")
            .map(|path| std::fs::read(&path).with_context(|| format!("RMMBRIDGE_EXTRA_CA: reading {path}")))
            .transpose()?;
        let options = EngineOptions {
            proxy,
            extra_ca,
            backups: Some(data_dir.join("backups")),
            audit_mark: Some(AuditMark::at(data_dir.join("audit.head"))),
            processes: (location.build.processes)(),
            lease: location.build.lease,
            send_within: location.build.send_within,
            ..EngineOptions::new(holder(command))
        };
        let engine = Engine::new(store.clone(), (location.build.connectors)(store.clone()), options);
        let stop = CancellationToken::new();
        let on_interrupt = stop.clone();
        tokio::spawn(async move {
            let mut asked = StopSignals::new();
            if asked.next().await {
                eprintln!("stopping at the next safe point; press Ctrl-C again to stop at once");
                on_interrupt.cancel();
                if asked.next().await {
                    std::process::exit(130);
                }
            }
        });
        Ok(Self {
            engine,
            store,
            actor: console_actor(),
            progress: Shown::new(quiet),
            stop,
        })
    }

    /// How long work is told about and stopped.
    pub fn work(&self) -> Work<'_> {
        Work {
            progress: &self.progress,
            stop: &self.stop,
        }
    }

    /// What `work` gives, unless a person stops it first: for what may be given up at any moment, since it only asks.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> engine::Result<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(engine::Error::Stopped),
            done = work => Ok(done),
        }
    }

    /// Takes the progress bar away and closes the database.
    pub async fn close(self) {
        self.progress.clear();
        self.store.close().await;
    }
}
