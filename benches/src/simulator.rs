//! Processes of our own: the simulator, and pieces of work whose memory is measured alone.

use crate::hub::Hub;
use anyhow::Context as _;
use simulators::ninjaone::{NinjaOne, Options};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A simulator in a process of its own; it ends with this value.
pub struct Simulator {
    /// Its address.
    pub url: String,
    _child: Child,
}

impl Simulator {
    /// Starts one with so many devices and so much latency.
    pub async fn start(devices: usize, latency: Duration) -> anyhow::Result<Self> {
        Self::of(devices, None, latency).await
    }

    /// The same with so many organizations.
    pub async fn of(devices: usize, organizations: Option<usize>, latency: Duration) -> anyhow::Result<Self> {
        let organizations = organizations.map_or(String::new(), |n| n.to_string());
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "simulate",
                &devices.to_string(),
                &latency.as_millis().to_string(),
                &organizations,
            ])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the simulator")?;
        let stdout = child.stdout.take().context("the simulator has no output")?;
        let url = BufReader::new(stdout)
            .lines()
            .next_line()
            .await?
            .context("the simulator ended at once")?;
        Ok(Self { url, _child: child })
    }

    /// Lets a day pass.
    pub async fn day(&self, share: f64) -> anyhow::Result<()> {
        let body = serde_json::json!({ "share": share });
        let http = reqwest::Client::builder().no_proxy().build()?;
        http.post(format!("{}/simulator/day", self.url))
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

/// Runs a piece of work in a process of its own and gives what it printed.
pub async fn alone(work: &str, url: &str, directory: &Path) -> anyhow::Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .args(["child", work, url])
        .arg(directory)
        .stderr(Stdio::inherit())
        .output()
        .await
        .with_context(|| format!("running {work} in a process of its own"))?;
    anyhow::ensure!(output.status.success(), "{work} failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What a child process does.
pub async fn child(arguments: &[String]) -> anyhow::Result<()> {
    let argument = |at: usize| {
        arguments
            .get(at)
            .map(String::as_str)
            .context("an argument is missing")
    };
    if argument(0)? == "simulate" {
        let latency = Duration::from_millis(argument(2)?.parse()?);
        let options = Options {
            devices: argument(1)?.parse()?,
            organizations: Some(argument(3)?)
                .filter(|n| !n.is_empty())
                .map(str::parse)
                .transpose()?,
            latency,
            ..Options::default()
        };
        let ninja = NinjaOne::start_on_loopback(options).await?;
        println!("{}", ninja.base_url());
        std::io::stdout().flush()?;
        // Ended by the parent.
        std::future::pending::<()>().await;
    }
    let (work, url, directory) = (argument(1)?, argument(2)?, PathBuf::from(argument(3)?));
    let hub = Hub::open(&directory, url, 8).await?;
    match work {
        "sync" => {
            let report = hub.sync().await?;
            let peak = crate::machine::peak_memory().unwrap_or(0);
            println!(
                "{peak} {} {}",
                report.read.snapshot.devices, report.read.snapshot.rows_written
            );
        }
        other => anyhow::bail!("unknown work {other}"),
    }
    Ok(())
}
