//! A PostgreSQL server of the harness's own, to be restarted at will.

use crate::chance::Chance;
use anyhow::{Context as _, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How a server that is asked to stop treats who is connected.
const MODES: [&str; 2] = ["immediate", "fast"];

/// A running server, which is gone with everything in it when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    databases: u32,
}

/// The folder with initdb, pg_ctl and postgres: the newest of Debian's, else one of the usual places.
fn programs() -> anyhow::Result<PathBuf> {
    let mut folders: Vec<PathBuf> = match std::fs::read_dir("/usr/lib/postgresql") {
        Ok(versions) => versions
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .collect(),
        Err(_) => vec![],
    };
    let version = |folder: &PathBuf| {
        let name = folder.parent()?.file_name()?.to_str()?;
        name.split('.').next()?.parse::<u32>().ok()
    };
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.extend(["/usr/local/bin", "/usr/local/pgsql/bin", "/usr/bin"].map(PathBuf::from));
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|name| folder.join(name).exists())
    };
    folders
        .into_iter()
        .find(complete)
        .context("PostgreSQL's initdb, pg_ctl and postgres were not found: install Debian's postgresql")
}

impl Cluster {
    /// Makes a cluster and starts its server.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        // Below /tmp: PostgreSQL's user must be able to enter it, and a socket's path is short.
        let directory = tempfile::Builder::new()
            .prefix("rmmbridge-postgres-")
            .tempdir_in("/tmp")?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let cluster = Self {
            programs: programs()?,
            port: listener.local_addr()?.port(),
            directory,
            databases: 0,
        };
        drop(listener);
        if rustix::process::geteuid().is_root() {
            let owned = Command::new("chown")
                .args(["-R", "postgres"])
                .arg(cluster.directory.path())
                .status()
                .await?;
            ensure!(
                owned.success(),
                "PostgreSQL does not run as root, and there is no user postgres"
            );
        }
        let data = cluster.data();
        cluster
            .does(
                "initdb",
                &[
                    &format!("--pgdata={data}"),
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--auth=trust",
                    "--no-sync",
                ],
            )
            .await?;
        cluster.up().await?;
        Ok(cluster)
    }

    fn data(&self) -> String {
        self.directory.path().join("data").display().to_string()
    }

    /// A program of PostgreSQL, as a user who may run it.
    fn command(&self, program: &str, arguments: &[&str]) -> std::process::Command {
        let program = self.programs.join(program);
        let mut command = match rustix::process::geteuid().is_root() {
            false => std::process::Command::new(&program),
            true => {
                let mut command = std::process::Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(&program);
                command
            }
        };
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    async fn does(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::from(self.command(program, arguments))
            .output()
            .await
            .with_context(|| format!("starting {program}"))?;
        if output.status.success() {
            return Ok(());
        }
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr))
    }

    async fn up(&self) -> anyhow::Result<()> {
        let sockets = self.directory.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{sockets}' -c max_connections=200",
            self.port
        );
        let log = self.directory.path().join("server.log").display().to_string();
        let data = self.data();
        let arguments = [
            "--pgdata",
            &data,
            "--log",
            &log,
            "--wait",
            "--options",
            &options,
            "start",
        ];
        self.does("pg_ctl", &arguments).await
    }

    /// Stops the server, waits for `gone`, and starts it again. It is told to drop whoever is connected, or ends as if it
    /// was killed.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart(&self, gone: Duration, chance: &mut Chance) -> anyhow::Result<()> {
        let mode = MODES[usize::try_from(chance.below(2)).unwrap_or(0)];
        let data = self.data();
        self.does("pg_ctl", &["--pgdata", &data, "--mode", mode, "--wait", "stop"])
            .await?;
        tokio::time::sleep(gone).await;
        self.up().await
    }

    /// The address of a new database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new_database(&mut self) -> anyhow::Result<String> {
        self.databases += 1;
        let name = format!("hub{}", self.databases);
        let port = self.port.to_string();
        let arguments = ["--host=127.0.0.1", "--port", &port, "--username=postgres", &name];
        self.does("createdb", &arguments).await?;
        Ok(format!("postgres://postgres@127.0.0.1:{port}/{name}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        if Path::new(&data).join("postmaster.pid").exists() {
            let arguments = ["--pgdata", &data, "--mode", "immediate", "--wait", "stop"];
            if let Err(error) = self.command("pg_ctl", &arguments).status() {
                eprintln!("PostgreSQL in {data} could not be stopped: {error}");
            }
        }
    }
}
