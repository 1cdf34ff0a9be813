//! The listener's HTTP side: GET on the callback paths, nothing else.

use super::Ending;
use super::page::{POLICY, Page};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

/// Connections served at once; a browser needs two or three.
const CONNECTIONS: usize = 32;
/// How long a connection may take to send its request.
const HEADERS: Duration = Duration::from_secs(10);

/// What the browser brought back, and the line to its page.
pub(super) struct Arrived {
    pub(super) query: SecretString,
    pub(super) reply: oneshot::Sender<Ending>,
    pub(super) shown: oneshot::Receiver<()>,
}

/// Where callbacks are taken in.
pub(super) struct Desk {
    state: SecretString,
    port: u16,
    paths: Vec<String>,
    /// Taken by the one request that carries the state.
    arrived: Mutex<Option<oneshot::Sender<Arrived>>>,
    /// Requests on a callback path that did not carry it.
    strangers: Mutex<u32>,
}

impl Desk {
    pub(super) fn new(
        state: SecretString,
        port: u16,
        paths: Vec<String>,
        arrived: oneshot::Sender<Arrived>,
    ) -> Self {
        Self {
            state,
            port,
            paths,
            arrived: Mutex::new(Some(arrived)),
            strangers: Mutex::new(0),
        }
    }

    /// How many came that were not ours, in words.
    pub(super) fn strangers(&self) -> Option<String> {
        let count = *self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        (count > 0).then(|| format!("{count} came with a state that was not this sign-in's"))
    }

    async fn page(&self, request: &Request<Incoming>) -> (Page, Option<oneshot::Sender<()>>) {
        // Another Host would be a page elsewhere that had its name point here.
        if !self.is_our_host(request) {
            return (Page::plain(421, "Misdirected request"), None);
        }
        if !self.paths.iter().any(|path| path == request.uri().path()) {
            return (Page::plain(404, "Not found"), None);
        }
        if request.method() != Method::GET {
            return (Page::plain(405, "Method not allowed"), None);
        }
        let query = request.uri().query().unwrap_or_default();
        if !self.is_our_state(query) {
            *self.strangers.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            return (Page::stranger(), None);
        }
        let taken = self.arrived.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(arrived) = taken else {
            return (Page::already(), None);
        };
        let (reply, ending) = oneshot::channel();
        let (show, shown) = oneshot::channel();
        let query = query.to_owned().into();
        if arrived.send(Arrived { query, reply, shown }).is_err() {
            return (Page::cut_short(), None);
        }
        match ending.await {
            Ok(ending) => (Page::of(&ending), Some(show)),
            Err(_) => (Page::cut_short(), Some(show)),
        }
    }

    fn is_our_host(&self, request: &Request<Incoming>) -> bool {
        let Some(host) = request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
        else {
            return false;
        };
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
            host.eq_ignore_ascii_case(&format!("{name}:{}", self.port))
                || (self.port == 80 && host.eq_ignore_ascii_case(name))
        })
    }

    fn is_our_state(&self, query: &str) -> bool {
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "state")
            .any(|(_, value)| bool::from(value.as_bytes().ct_eq(self.state.expose_secret().as_bytes())))
    }
}

/// Serves until it is dropped.
pub(super) async fn serve(v4: TcpListener, v6: Option<TcpListener>, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = v4.accept() => accepted,
            accepted = accept_v6(v6.as_ref()) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                // Beyond that many, connections are closed at once.
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let desk = Arc::clone(&desk);
                    connections.spawn(async move {
                        connection(stream, desk).await;
                        drop(place);
                    });
                }
            }
            // Out of descriptors, say: it passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn accept_v6(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    let shown = Arc::new(Mutex::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        let (desk, shown) = (Arc::clone(&desk), Arc::clone(&shown));
        async move {
            let (page, show) = desk.page(&request).await;
            if show.is_some() {
                *shown.lock().unwrap_or_else(PoisonError::into_inner) = show;
            }
            Ok::<_, Infallible>(respond(page))
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error = %error, "a connection to the callback listener ended early");
    }
    // The connection is closed, so the page is out.
    if let Some(show) = shown.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = show.send(());
    }
}

fn respond(page: Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page.html)));
    *response.status_mut() =
        hyper::StatusCode::from_u16(page.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if page.status == 405 {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
