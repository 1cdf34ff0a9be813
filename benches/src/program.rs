//! The program itself, in processes of its own.

use crate::hub;
use anyhow::Context as _;
use rmmbridge::Build;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Set in a process that is to be the program.
const BE_THE_PROGRAM: &str = "RMMBRIDGE_BENCHES_PROGRAM";

/// The program's exit code, in a process that was started as the program.
pub fn started() -> Option<ExitCode> {
    std::env::var_os(BE_THE_PROGRAM)?;
    Some(rmmbridge::run(Build {
        connectors: hub::connectors,
        ..Build::default()
    }))
}

/// A worker, once it says that it is ready. It is killed when this value goes.
pub struct Worker(Child);

impl Worker {
    /// Starts one that runs so many jobs at once, on `database` or on the one in `data_dir`.
    pub async fn start(data_dir: &Path, database: Option<&str>, concurrency: usize) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["worker", "--concurrency", &concurrency.to_string()])
            .env(BE_THE_PROGRAM, "1")
            .env("RMMBRIDGE_DATA_DIR", data_dir)
            .env("RMMBRIDGE_MASTER_KEY", hub::master_key())
            .env_remove("RMMBRIDGE_DATABASE")
            .envs(database.map(|address| ("RMMBRIDGE_DATABASE", address)))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a worker")?;
        let mut lines = BufReader::new(child.stderr.take().context("no output")?).lines();
        let mut said = Vec::new();
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("worker: ready") {
                // Read on, so that it never waits for a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self(child));
            }
            said.push(line);
        }
        anyhow::bail!("the worker ended and said: {}", said.join("\n"))
    }

    /// Ends it as a failing machine would.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }
}
