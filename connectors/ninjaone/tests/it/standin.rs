//! A server of a few lines, for answers no simulator of a working product gives.

use crate::tenant::{Now, connector, context, secrets, settings};
use connect::oauth::MemoryGrants;
use connect::{NewGrant, Source};
use jiff::SignedDuration;
use model::Clock as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The query of a request.
pub type Query = BTreeMap<String, String>;

/// Answers every request with what a function says.
pub struct StandIn {
    pub base: String,
    /// Paths with their queries, in the order they came.
    pub seen: Arc<Mutex<Vec<(String, Query)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    /// `answer` gets path and query and gives status and body.
    pub async fn start(answer: impl Fn(&str, &Query) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (answer, seen) = (Arc::new(answer), Arc::new(Mutex::new(vec![])));
        let book = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, book) = (answer.clone(), book.clone());
                tokio::spawn(async move { serve(stream, answer.as_ref(), &book).await });
            }
        });
        Self { base, seen, task }
    }

    /// A connection to it with a living grant.
    pub fn source(&self, more: Value) -> Arc<dyn Source> {
        let pair = NewGrant {
            access_token: "token".into(),
            refresh_token: None,
            scopes: vec![],
            expires: Now::default().now() + SignedDuration::from_secs(3600),
        };
        let grants = Arc::new(MemoryGrants::with(pair));
        let cx = context(settings(&self.base, more), secrets("secret"), grants);
        connector().source(&cx).unwrap()
    }

    pub fn count(&self, path: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|(seen, _)| seen == path)
            .count()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(impl Fn(&str, &Query) -> (u16, String) + Sync),
    book: &Mutex<Vec<(String, Query)>>,
) {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let url = url::Url::parse(&format!("http://stand.in{target}")).unwrap();
    let query: Query = url.query_pairs().into_owned().collect();
    book.lock().unwrap().push((url.path().to_owned(), query.clone()));
    let (status, body) = answer(url.path(), &query);
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The page a query asks for out of rows in ascending order of id.
pub fn page(rows: &[Value], query: &Query) -> String {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let (after, size) = (number("after").unwrap_or(0), number("pageSize").unwrap_or(1000));
    let page: Vec<_> = rows
        .iter()
        .filter(|row| row["id"].as_u64().unwrap() > after)
        .take(size as usize)
        .collect();
    serde_json::to_string(&page).unwrap()
}
