//! What the operating system gives: time, randomness, who runs us, where data lives, logs.

use jiff::Timestamp;
use model::{Actor, Clock, Random, Steady};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Installation;
use tracing_subscriber::EnvFilter;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    // Linux only; elsewhere the time of day has to do.
    fn steady(&self) -> Option<Steady> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        Some(Steady {
            boot: boot.trim().to_owned(),
            up: Duration::try_from_secs_f64(seconds).ok()?,
        })
    }
}

/// The operating system's randomness.
#[derive(Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        use rand::TryRng as _;
        // Without randomness there are no keys and no states: going on would be worse than stopping.
        if let Err(error) = rand::rngs::SysRng.try_fill_bytes(bytes) {
            eprintln!("error: the operating system gives no randomness: {error}");
            std::process::exit(1);
        }
    }
}

/// A variable of the environment, when it is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whoever started this process.
pub fn console_actor() -> Actor {
    let user = environment("USER")
        .or_else(|| environment("USERNAME"))
        .unwrap_or_else(|| "unknown".to_owned());
    Actor::Console { user }
}

/// Where data lives unless told otherwise: `~/.rmmbridge`.
pub fn default_data_dir() -> PathBuf {
    std::env::home_dir()
        .unwrap_or_else(|| PathBuf::from("."))
        .join(".rmmbridge")
}

/// What this process calls itself towards others.
pub fn holder(command: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host
        .as_deref()
        .map(str::trim)
        .filter(|h| !h.is_empty())
        .map(str::to_owned);
    let host = host
        .or_else(|| environment("COMPUTERNAME"))
        .unwrap_or_else(|| "this machine".to_owned());
    format!("rmmbridge {command}, process {} on {host}", std::process::id())
}

/// Where this program is installed: what a copied hub is told by.
pub fn installation(data_dir: &Path) -> Installation {
    // machine-id(5): it stays over restarts, and a container has one only when it was given one.
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    Installation {
        data_dir: data_dir.to_owned(),
        machine: machine.trim().to_owned(),
    }
}

/// Logs go to standard error, warnings only unless asked for more; `RMMBRIDGE_LOG` takes tracing's filter syntax.
pub fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = environment("RMMBRIDGE_LOG")
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
