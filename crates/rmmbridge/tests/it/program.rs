//! The built program with a home of its own.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::vault::MasterKey;
use store::{DatabaseUrl, Store};
use tempfile::TempDir;
use testkit::{CountingRandom, FixedClock};

/// What never may be printed: the demo apps' secrets, the technician's password, a master key.
const SECRETS: [&str; 4] = [
    "demo-web-secret",
    "demo-machine-secret",
    "demo-password",
    MASTER_KEY,
];

/// The master key of databases that `testkit` made.
pub const MASTER_KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";

/// How long a command may take; the slowest takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with a home directory and variables of its own.
pub struct Program {
    home: TempDir,
    data_dir: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command under way.
pub struct Running {
    child: Child,
    /// What it prints on standard output, line by line.
    printed: Receiver<String>,
    lines: Receiver<String>,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
}

impl Program {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("data");
        Self {
            home,
            data_dir,
            variables: vec![],
        }
    }

    /// The same with another data directory.
    pub fn in_directory(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            ..Self::new()
        }
    }

    /// Gives it a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its database, opened as another program with the same key would: to act as a person between two commands.
    pub async fn store(&self) -> Store {
        let given = self
            .variables
            .iter()
            .find(|(name, _)| name == "RMMBRIDGE_MASTER_KEY");
        let key = given.map_or_else(
            || std::fs::read_to_string(self.data_dir.join("master.key")).unwrap(),
            |(_, key)| key.clone(),
        );
        let key = MasterKey::from_hex(&key.into(), "a test").unwrap();
        let url = DatabaseUrl::Sqlite(self.data_dir.join("rmmbridge.db"));
        let (clock, random) = (
            Arc::new(FixedClock::default()),
            Arc::new(CountingRandom::default()),
        );
        Store::open(&url, Arc::new(key), clock, random).await.unwrap()
    }

    /// A file beside the data directory.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rmmbridge"));
        // Nothing of whoever runs the tests: no data directory, no proxy, no colours.
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "tester")
            .env("TZ", "UTC");
        command.env("RMMBRIDGE_DATA_DIR", &self.data_dir);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::of(self.command(arguments))
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// Runs a command that must end with this code.
    pub fn ends(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:#?}");
        ran
    }

    /// Runs a command that must work; what it printed.
    pub fn works(&self, arguments: &[&str]) -> String {
        self.ends(0, arguments).out
    }

    /// The same with something on its standard input.
    pub fn works_with(&self, arguments: &[&str], input: &str) -> String {
        let file = self.file("input", input);
        let mut command = self.command(arguments);
        command.stdin(std::fs::File::open(file).unwrap());
        let ran = Running::of(command).end();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:#?}");
        ran.out
    }

    /// Runs a command that must print one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.works(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {out}"))
    }

    /// Runs a command that must fail with code 1; its error, which must be one line and hold `words`.
    pub fn refuses(&self, arguments: &[&str], words: &[&str]) -> String {
        self.refuses_with(1, arguments, words)
    }

    /// The same with another code.
    pub fn refuses_with(&self, code: i32, arguments: &[&str], words: &[&str]) -> String {
        let ran = self.ends(code, arguments);
        let errors: Vec<&str> = ran
            .err
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {ran:#?}");
        assert!(
            ran.err.trim_end().ends_with(errors[0]),
            "the error is the last word: {ran:#?}"
        );
        for word in words {
            assert!(
                errors[0].contains(word),
                "{arguments:?} should say {word:?}: {}",
                errors[0]
            );
        }
        errors[0].to_owned()
    }
}

impl Running {
    pub fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (out, printed) = gathered(child.stdout.take().unwrap());
        let (err, lines) = gathered(child.stderr.take().unwrap());
        Self {
            child,
            printed,
            lines,
            out: Some(out),
            err: Some(err),
        }
    }

    /// Waits for a line on standard output that contains `part`, and gives it.
    pub fn prints(&self, part: &str) -> String {
        first_with(&self.printed, part)
    }

    /// Waits for a line on standard error that contains `part`, and gives it.
    pub fn says(&self, part: &str) -> String {
        first_with(&self.lines, part)
    }

    /// Sends it a signal, as `kill -INT` does.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it ends; nothing it printed may be secret.
    pub fn end(mut self) -> Ran {
        let began = Instant::now();
        while self.runs() {
            assert!(began.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().unwrap().code();
        let text = |thread: Option<JoinHandle<String>>| thread.unwrap().join().unwrap();
        let ran = Ran {
            code,
            out: text(self.out.take()),
            err: text(self.err.take()),
        };
        // The simulator prints its made-up secrets on purpose; nothing else does.
        if !ran.out.starts_with("A simulated NinjaOne") {
            for secret in SECRETS {
                assert!(
                    !ran.out.contains(secret) && !ran.err.contains(secret),
                    "{secret} was printed: {ran:#?}"
                );
            }
        }
        ran
    }
}

/// Reads a stream to its end on a thread of its own, and hands on each line as it comes.
fn gathered(stream: impl Read + Send + 'static) -> (JoinHandle<String>, Receiver<String>) {
    let (sender, lines) = channel();
    let whole = std::thread::spawn(move || {
        let (mut stream, mut text) = (BufReader::new(stream), String::new());
        loop {
            let begins = text.len();
            if stream.read_line(&mut text).unwrap() == 0 {
                return text;
            }
            let _ = sender.send(text[begins..].trim_end_matches('\n').to_owned());
        }
    });
    (whole, lines)
}

fn first_with(lines: &Receiver<String>, part: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let line = lines
            .recv_timeout(left)
            .unwrap_or_else(|_| panic!("nothing with {part:?} was said"));
        if line.contains(part) {
            return line;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
