//! A process of the program under test, and its end.

use crate::scene::SECRETS;
use crate::strike::{self, Manner, Strike};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::crash::Point;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longest time a process may take that nobody kills: one that hangs is a finding.
const LIMIT: Duration = Duration::from_secs(120);

/// How a process ended, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32, String),
    /// By a signal: ours, or its own abort at a crash point.
    Killed(String),
}

impl End {
    /// What it said.
    pub fn words(&self) -> &str {
        match self {
            Self::Exited(_, words) | Self::Killed(words) => words,
        }
    }

    /// Where it was struck, and how.
    pub fn struck(&self) -> Vec<(Point, Manner)> {
        strike::told(self.words())
    }

    /// Whether it failed because a step was made to: it was struck so, and its last words say that this is why.
    pub fn failed_as_told(&self) -> bool {
        let Self::Exited(1, words) = self else {
            return false;
        };
        let failed = |(point, manner): &(Point, Manner)| {
            *manner == Manner::Error
                && words.contains(&format!("the harness made the step at {} fail", point.name()))
        };
        self.struck().iter().any(failed)
    }
}

/// The program, where its data is, and what it is told.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Its database, when it is not the embedded one.
    pub database: Option<String>,
    /// More variables of its environment (`src/bin/under-test.rs`).
    pub told: Vec<(&'static str, String)>,
    /// Its clock is set now and then, in each process otherwise.
    pub jumps: Option<Arc<AtomicU64>>,
}

/// A process that was started.
pub struct Running {
    child: tokio::process::Child,
    id: u32,
    what: String,
    began: Instant,
    said: watch::Sender<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Program {
    /// The one that was built beside this process.
    ///
    /// # Errors
    /// When it is not there.
    pub fn beside(data_dir: &Path, database: Option<String>) -> anyhow::Result<Self> {
        let path = std::env::current_exe()?.with_file_name("under-test");
        anyhow::ensure!(
            path.exists(),
            "{} is not there: cargo build --release -p harness",
            path.display()
        );
        Ok(Self {
            path,
            data_dir: data_dir.to_owned(),
            database,
            told: vec![],
            jumps: None,
        })
    }

    /// The same with one more variable.
    #[must_use]
    pub fn telling(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut program = self.clone();
        program.told.push((name, value.into()));
        program
    }

    /// Starts a command. `strike` is what happens at a crash point.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, arguments: &[&str], strike: Option<Strike>) -> anyhow::Result<Running> {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env("RMMBRIDGE_DATA_DIR", &self.data_dir)
            .env("RMMBRIDGE_LOG", "warn")
            .env_remove("RMMBRIDGE_DATABASE")
            .env_remove("RMMBRIDGE_MASTER_KEY")
            .envs(self.told.iter().map(|(name, value)| (name, value)))
            .envs(self.jumps.as_ref().map(|seed| {
                let seed = seed.fetch_add(1, Ordering::Relaxed);
                ("RMMBRIDGE_CLOCK_JUMPS", seed.to_string())
            }))
            .envs(strike.map(|strike| ("RMMBRIDGE_STRIKE", strike.to_string())))
            .envs(
                self.database
                    .iter()
                    .map(|address| ("RMMBRIDGE_DATABASE", address)),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {}", self.path.display()))?;
        let said = watch::Sender::new(String::new());
        let mut readers = vec![];
        if let Some(out) = child.stdout.take() {
            readers.push(tokio::spawn(listen(out, said.clone())));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(tokio::spawn(listen(err, said.clone())));
        }
        Ok(Running {
            id: child.id().unwrap_or_default(),
            child,
            what: match strike {
                Some(strike) => format!("{} ({strike})", arguments.join(" ")),
                None => arguments.join(" "),
            },
            began: Instant::now(),
            said,
            readers,
        })
    }

    /// Runs a command to its end, or kills it after `kill_after`. `strike` is what happens at a crash point.
    ///
    /// # Errors
    /// When it cannot be started, or hangs.
    pub async fn run(
        &self,
        arguments: &[&str],
        strike: Option<Strike>,
        kill_after: Option<Duration>,
    ) -> anyhow::Result<End> {
        let mut running = self.start(arguments, strike)?;
        if let Some(after) = kill_after {
            tokio::select! {
                biased;
                status = running.child.wait() => drop(status),
                () = tokio::time::sleep(after) => running.kill()?,
            }
        }
        running.end().await
    }

    /// Runs a command that has no reason to fail; what it said.
    ///
    /// # Errors
    /// When it fails all the same.
    pub async fn succeeds(&self, arguments: &[&str]) -> anyhow::Result<String> {
        match self.run(arguments, None, None).await? {
            End::Exited(0, words) => Ok(words),
            other => anyhow::bail!("{arguments:?} has no reason to fail: {other:?}"),
        }
    }
}

async fn listen(from: impl AsyncRead + Unpin, said: watch::Sender<String>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        said.send_modify(|words| {
            words.push_str(&line);
            words.push('\n');
        });
    }
}

impl Running {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.start_kill()?)
    }

    /// Another signal.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.id)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        Ok(rustix::process::kill_process(
            id.context("a process without a number")?,
            signal,
        )?)
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// When that cannot be known.
    pub fn lives(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it hangs.
    pub async fn end(mut self) -> anyhow::Result<End> {
        let hangs = || format!("process {} of `{}` hangs", self.id, self.what);
        let status = match tokio::time::timeout(LIMIT, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => anyhow::bail!("{}; it said: {}", hangs(), self.said.borrow().as_str()),
        };
        for reader in self.readers {
            let _ = reader.await;
        }
        let words = self.said.borrow().clone();
        anyhow::ensure!(
            !SECRETS.iter().any(|secret| words.contains(secret)),
            "`{}` said a secret aloud: {words}",
            self.what
        );
        let end = match status.code() {
            None => End::Killed(words),
            Some(code) => End::Exited(code, words),
        };
        tracing::debug!(what = self.what, took = ?self.began.elapsed(), ?end);
        Ok(end)
    }

    /// Waits until it ended or was struck, `limit` at most.
    pub async fn struck_or_ended(&mut self, limit: Duration) {
        let mut said = self.said.subscribe();
        let struck = said.wait_for(|words| !strike::told(words).is_empty());
        tokio::select! {
            _ = self.child.wait() => {}
            _ = struck => {}
            () = tokio::time::sleep(limit) => {}
        }
    }

    /// Waits until it said `words`, or ended; whether it said them.
    pub async fn says(&mut self, words: &str, limit: Duration) -> bool {
        let mut said = self.said.subscribe();
        let heard = said.wait_for(|all| all.contains(words));
        tokio::select! {
            heard = heard => heard.is_ok(),
            _ = self.child.wait() => false,
            () = tokio::time::sleep(limit) => false,
        }
    }
}
