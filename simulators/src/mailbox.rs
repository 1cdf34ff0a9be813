//! A mail server for tests, from RFC 5321 (SMTP), RFC 4954 (AUTH) and RFC 3207 (STARTTLS is not offered): it takes
//! messages and keeps them, or refuses as it is told to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// User and password it asks for before it takes mail.
    pub credentials: Option<(String, String)>,
}

/// A message it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// From whom, by the envelope.
    pub from: String,
    /// To whom, by the envelope.
    pub to: Vec<String>,
    /// Headers and text, as they came.
    pub data: String,
}

/// A running mail server; it ends when it is dropped.
#[derive(Debug)]
pub struct Mailbox {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Letter>,
    refusal: Option<String>,
    conversations: u64,
}

impl Mailbox {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, options) = (shared.clone(), options.clone());
                tokio::spawn(async move { converse(stream, &shared, &options).await });
            }
        });
        Ok(Self { address, state, task })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The messages it took.
    pub fn letters(&self) -> Vec<Letter> {
        locked(&self.state).letters.clone()
    }

    /// How often somebody came.
    pub fn conversations(&self) -> u64 {
        locked(&self.state).conversations
    }

    /// Answers every message with this line from now on, e.g. `451 4.3.0 try again`; `None` takes them again.
    pub fn refuse(&self, with: Option<&str>) {
        locked(&self.state).refusal = with.map(str::to_owned);
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn converse(stream: TcpStream, state: &Mutex<State>, options: &Options) -> io::Result<()> {
    locked(state).conversations += 1;
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mail.example.test ESMTP\r\n").await?;
    let mut letter = Letter {
        from: String::new(),
        to: Vec::new(),
        data: String::new(),
    };
    let mut known = options.credentials.is_none();
    while let Some(line) = lines.next_line().await? {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.example.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "HELO" | "RSET" | "NOOP" => "250 OK".to_owned(),
            "AUTH" => match plain(&line) == options.credentials {
                true => {
                    known = true;
                    "235 2.7.0 Authentication successful".to_owned()
                }
                false => "535 5.7.8 Authentication credentials invalid".to_owned(),
            },
            _ if !known && verb != "QUIT" => "530 5.7.0 Authentication required".to_owned(),
            "MAIL" => {
                letter.from = path(&line);
                "250 2.1.0 OK".to_owned()
            }
            "RCPT" => {
                letter.to.push(path(&line));
                "250 2.1.5 OK".to_owned()
            }
            "DATA" => {
                write.write_all(b"354 Go ahead\r\n").await?;
                letter.data.clear();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    // A leading point was doubled (RFC 5321, 4.5.2).
                    letter.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    letter.data.push('\n');
                }
                let mut state = locked(state);
                match state.refusal.clone() {
                    Some(refusal) => refusal,
                    None => {
                        state.letters.push(letter.clone());
                        letter.to.clear();
                        format!("250 2.0.0 taken as letter {}", state.letters.len())
                    }
                }
            }
            "QUIT" => {
                write.write_all(b"221 2.0.0 Bye\r\n").await?;
                return Ok(());
            }
            _ => "502 5.5.1 not here".to_owned(),
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// User and password of `AUTH PLAIN <base64>`.
fn plain(line: &str) -> Option<(String, String)> {
    let bytes = BASE64.decode(line.split(' ').nth(2)?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(path, _)| path.to_owned()).unwrap_or_default()
}
