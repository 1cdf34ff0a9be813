//! A process of the program under test, and its end.

use crate::strike::Strike;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Longest time a process may take that nobody kills: one that hangs is a finding.
const LIMIT: Duration = Duration::from_secs(120);

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code and these last words.
    Exited(i32, String),
    /// By a signal: ours, or its own abort at a crash point.
    Killed,
}

/// The program, and where its data is.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Its database, when it is not the embedded one.
    pub database: Option<String>,
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
        })
    }

    /// Runs a command to its end, or kills it after `kill_after`. `strike` is what happens at a crash point.
    ///
    /// # Errors
    /// When it cannot be started, or hangs.
    pub async fn run(
        &self,
        arguments: &[&str],
        strike: Option<&Strike>,
        kill_after: Option<Duration>,
    ) -> anyhow::Result<End> {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env("RMMBRIDGE_DATA_DIR", &self.data_dir)
            .env(
                "RMMBRIDGE_STRIKE",
                strike.map(ToString::to_string).unwrap_or_default(),
            )
            .env("RMMBRIDGE_DATABASE", self.database.clone().unwrap_or_default())
            .env_remove("RMMBRIDGE_MASTER_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {}", self.path.display()))?;
        let id = child.id();
        if let Some(after) = kill_after {
            tokio::select! {
                biased;
                status = child.wait() => drop(status),
                () = tokio::time::sleep(after) => child.start_kill()?,
            }
        }
        let output = tokio::time::timeout(LIMIT, child.wait_with_output())
            .await
            .with_context(|| format!("process {id:?} of `{}` hangs", arguments.join(" ")))??;
        Ok(match output.status.code() {
            None => End::Killed,
            Some(code) => {
                let mut words = String::from_utf8_lossy(&output.stdout).into_owned();
                words.push_str(&String::from_utf8_lossy(&output.stderr));
                End::Exited(code, words)
            }
        })
    }
}
