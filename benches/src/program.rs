//! The program itself, in processes of its own.

use crate::hub;
use anyhow::Context as _;
use rmmbridge::Build;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
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

/// The pages with a worker, once they answer. They are killed when this value goes.
pub struct Serving {
    child: Child,
    /// Where they are.
    pub url: String,
    /// How long it took until they answered.
    pub ready: Duration,
}

impl Serving {
    /// Starts them on the database in `data_dir`.
    pub async fn start(data_dir: &Path) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let began = Instant::now();
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env(BE_THE_PROGRAM, "1")
            .env("RMMBRIDGE_DATA_DIR", data_dir)
            .env("RMMBRIDGE_MASTER_KEY", hub::master_key())
            .env("RMMBRIDGE_LOG", "warn")
            .env_remove("RMMBRIDGE_DATABASE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting the pages")?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        loop {
            if let Ok(answer) = http.get(format!("{url}/ready")).send().await
                && answer.status().is_success()
            {
                break;
            }
            anyhow::ensure!(
                began.elapsed() < Duration::from_secs(60),
                "the pages are not ready"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ready = began.elapsed();
        Ok(Self { child, url, ready })
    }

    /// Its resident memory in MiB.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let id = self.child.id().context("the pages ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }

    /// Ends them.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
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
