//! ChromeDriver as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Where Debian and others put the two programs, in the order they are looked for after `PATH`.
const PLACES: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// How long ChromeDriver may take to say that it listens.
const START: Duration = Duration::from_secs(30);

/// How long it may take to end its browser and itself.
const END: Duration = Duration::from_secs(5);

/// A running ChromeDriver; dropping it ends it, and with it the browser it started.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    /// The port it chose.
    pub(crate) port: u16,
}

/// The first program of one of these names.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(PLACES.map(PathBuf::from))
        .collect();
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

impl Driver {
    /// Starts `program` on a free port of its own choice.
    pub(crate) fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        let stdout = child.stdout.take().expect("standard output is piped");
        let (sender, port) = mpsc::channel();
        // Reads on to the end, so that ChromeDriver never waits for a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(port) = port_of(&line) {
                    let _ = sender.send(port);
                }
            }
        });
        match port.recv_timeout(START) {
            Ok(port) => Self { child, port },
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "{} did not say within {START:?} which port it listens on",
                    program.display()
                );
            }
        }
    }
}

/// `ChromeDriver was started successfully on port 40000.`
fn port_of(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?
        .1
        .trim_end_matches('.')
        .parse()
        .ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to end, ChromeDriver ends its browser first; killed, it would leave it behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let asked = Instant::now();
        while asked.elapsed() < END {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_line_that_names_it() {
        assert_eq!(
            port_of("ChromeDriver was started successfully on port 40123."),
            Some(40123)
        );
        assert_eq!(port_of("Starting ChromeDriver 156.0 on port 0"), None);
    }
}
