//! A vendor's stand-in: a raw server that answers each request as a test says, and what the tests share.

use async_trait::async_trait;
use connect::http::{Bearer, Http, HttpOptions};
use connect::{Error, Kind, NewGrant, Outbound};
use jiff::{SignedDuration, Timestamp};
use model::{Clock, Random};
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use url::Url;

/// What a stand does with a request.
pub enum Say {
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Sends these bytes after a while.
    Late(Duration, Vec<u8>),
    /// Sends these bytes once the gate gives a permit.
    Gated(Arc<Semaphore>, Vec<u8>),
    /// Closes without a word.
    Nothing,
    /// Keeps the connection open and never answers.
    Hang,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }

    pub fn field(&self, name: &str) -> Option<String> {
        self.form()
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }
}

pub struct Stand {
    pub url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stand {
    /// Answers the n-th request, from 0, with what `answer` says.
    pub async fn start(answer: impl Fn(usize, &Seen) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut stream).await else {
                        return;
                    };
                    let say = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        answer(log.len() - 1, &request)
                    };
                    match say {
                        Say::Raw(bytes) => drop(stream.write_all(&bytes).await),
                        Say::Late(wait, bytes) => {
                            tokio::time::sleep(wait).await;
                            drop(stream.write_all(&bytes).await);
                        }
                        Say::Gated(gate, bytes) => {
                            gate.acquire().await.unwrap().forget();
                            drop(stream.write_all(&bytes).await);
                        }
                        Say::Nothing => {}
                        Say::Hang => std::future::pending().await,
                    }
                    drop(stream.shutdown().await);
                });
            }
        });
        Self { url, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// An [`Http`] below this stand, with short waits.
    pub fn http(&self) -> Http {
        http(self.options())
    }

    pub fn options(&self) -> HttpOptions {
        let mut options = HttpOptions::new(self.url.clone(), private());
        options.backoff = Duration::from_millis(10);
        options
    }
}

/// Reads one HTTP/1.1 request with a Content-Length body.
pub async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let mut start = lines.next()?.split(' ');
    let mut seen = Seen {
        method: start.next()?.to_owned(),
        target: start.next()?.to_owned(),
        headers: lines
            .filter_map(|line| {
                line.split_once(':')
                    .map(|(k, v)| (k.to_owned(), v.trim().to_owned()))
            })
            .collect(),
        body: String::new(),
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8(bytes[head + 4..].to_vec()).ok()?;
    Some(seen)
}

/// An answer with headers, each line ending in `\r\n`.
pub fn answer(status: u16, headers: &str, body: &str) -> Say {
    Say::Raw(answer_bytes(status, headers, body.as_bytes()))
}

pub fn answer_bytes(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub fn json(status: u16, body: &str) -> Say {
    answer(status, "Content-Type: application/json\r\n", body)
}

pub fn html(status: u16, body: &str) -> Say {
    answer(status, "Content-Type: text/html\r\n", body)
}

/// Private hosts are allowed: the stands are on the loopback.
pub fn private() -> Outbound {
    Outbound {
        allow_private_hosts: true,
        ..Outbound::default()
    }
}

pub fn http(options: HttpOptions) -> Http {
    provider();
    Http::new(options, Arc::new(TestClock::new())).unwrap()
}

/// What the program's main does first.
pub fn provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A clock that moves when told.
pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub fn new() -> Self {
        Self(Mutex::new("2026-10-21T07:28:00Z".parse().unwrap()))
    }

    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Counts up: different every time, the same in every run.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.0.fetch_add(0x9d, Ordering::Relaxed) % 251) as u8;
        }
    }
}

/// A token and the one that follows it when it is rejected.
pub struct Tokens {
    now: Mutex<usize>,
    list: Vec<&'static str>,
    pub rejections: AtomicU64,
}

impl Tokens {
    pub fn new(list: &[&'static str]) -> Self {
        Self {
            now: Mutex::new(0),
            list: list.to_vec(),
            rejections: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl Bearer for Tokens {
    async fn token(&self) -> Result<SecretString, Error> {
        Ok(self.list[*self.now.lock().unwrap()].to_owned().into())
    }

    async fn rejected(&self, token: &SecretString) -> Result<SecretString, Error> {
        self.rejections.fetch_add(1, Ordering::Relaxed);
        let mut now = self.now.lock().unwrap();
        if token.expose_secret() == self.list[*now] {
            *now += 1;
        }
        match self.list.get(*now) {
            Some(next) => Ok((*next).to_owned().into()),
            None => Err(Error::new(Kind::Auth, "authorizing", "no more tokens")),
        }
    }
}

pub fn token() -> Tokens {
    Tokens::new(&["token-one"])
}

/// A pair that lives for so many seconds from the test clock's start.
pub fn pair(access: &str, refresh: Option<&str>, clock: &TestClock, seconds: i64) -> NewGrant {
    NewGrant {
        access_token: access.to_owned().into(),
        refresh_token: refresh.map(|text| text.to_owned().into()),
        scopes: vec!["monitoring".to_owned(), "offline_access".to_owned()],
        expires: clock.now() + SignedDuration::from_secs(seconds),
    }
}
