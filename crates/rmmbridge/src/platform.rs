//! What the operating system gives: time, randomness, who runs us, where data lives, logs.

use engine::Processes;
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

/// Asks to stop: Ctrl-C, and what a service manager sends.
pub struct StopSignals {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

impl StopSignals {
    /// From now on these signals no longer end the process by themselves.
    pub fn new() -> Self {
        Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next; `false` when none can be received.
    pub async fn next(&mut self) -> bool {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            return tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
                terminated = terminate.recv() => terminated.is_some(),
            };
        }
        tokio::signal::ctrl_c().await.is_ok()
    }
}

/// Tells processes of this machine apart, by what Linux says of them; elsewhere nobody is ever found gone.
#[derive(Debug)]
pub struct MachineProcesses;

/// This boot of the machine and the namespace its process numbers are of: two containers have a process 1 each.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let number: String = namespace.to_str()?.chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}.{number}", boot.trim()))
}

/// When a process began, in the kernel's ticks since boot (proc(5), field 22 of stat), unless it has ended.
fn began(process: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything, brackets and spaces too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    (!ended).then(|| fields.nth(18).map(str::to_owned)).flatten()
}

impl Processes for MachineProcesses {
    fn mine(&self) -> String {
        let process = std::process::id().to_string();
        match (machine(), began(&process)) {
            (Some(machine), Some(began)) => format!("{machine}.{process}.{began}"),
            _ => String::new(),
        }
    }

    fn is_gone(&self, mark: &str) -> bool {
        let Some(of_machine) = machine().and_then(|machine| mark.strip_prefix(&machine)) else {
            return false;
        };
        match of_machine.trim_start_matches('.').split_once('.') {
            Some((process, since)) => began(process).as_deref() != Some(since),
            None => false,
        }
    }
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

/// Logs go to standard error, warnings only unless asked for more; `RMMBRIDGE_LOG` takes tracing's filter syntax,
/// `RMMBRIDGE_LOG_FORMAT=json` makes each line a JSON document.
pub fn start_logging(verbose: u8) {
    // PostgreSQL's notices are warnings to the library that passes them on: a transaction that is given up before it had
    // begun is rolled back all the same, and nobody needs to know.
    let default = match verbose {
        0 => "warn,sqlx::postgres::notice=error",
        1 => "info,apalis_core=warn,sqlx::postgres::notice=error",
        _ => "debug",
    };
    let filter = environment("RMMBRIDGE_LOG")
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match environment("RMMBRIDGE_LOG_FORMAT").as_deref() {
        Some("json") => logs.json().flatten_event(true).init(),
        _ => logs.init(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_ended_or_its_number_is_anothers() {
        let mine = MachineProcesses.mine();
        assert!(!MachineProcesses.is_gone(&mine), "{mine}");
        let (machine, began) = (
            machine().unwrap(),
            began(&std::process::id().to_string()).unwrap(),
        );
        let another = format!("{machine}.{}.{}", std::process::id(), began.len());
        assert!(MachineProcesses.is_gone(&another), "the number was given again");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = format!("{machine}.{}.{began}", child.id());
        child.wait().unwrap();
        assert!(MachineProcesses.is_gone(&ended));
    }

    #[test]
    fn a_process_of_another_machine_is_never_called_gone() {
        assert!(!MachineProcesses.is_gone("another-boot.4026531836.4711.99"));
        assert!(!MachineProcesses.is_gone(""));
    }
}
