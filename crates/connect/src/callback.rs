//! The loopback listener for an OAuth callback, used where no web server of ours runs (RFC 8252 §7.3).
//!
//! Bind first, so that the port is known to be free before a browser is sent away; then wait. The page in the
//! browser is answered only once the caller says how the sign-in ended: "complete" is never shown for a grant that
//! did not work. What does not carry the state of this sign-in does not end the wait.
//!
//! ```no_run
//! # async fn example(auth: &dyn connect::Authorization) -> Result<(), connect::Error> {
//! use connect::callback::{CallbackListener, Ending};
//! let listener = CallbackListener::bind(8790, &["/ninja/oauth/resp"]).await?;
//! let pending = auth.begin(&listener.redirect())?;
//! // … send the browser to pending.url …
//! let callback = listener.wait(&pending.state, std::time::Duration::from_secs(300)).await?;
//! let grant = auth.finish(&pending, callback.query()).await;
//! callback.answer(Ending::of(&grant)).await;
//! # Ok(()) }
//! ```

mod page;
mod server;

use crate::error::{Error, Kind};
use secrecy::{ExposeSecret, SecretString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const DOING: &str = "listening for the browser's return";

/// How long the browser may take to fetch the last page.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// A bound listener that nobody has been sent to yet.
#[derive(Debug)]
pub struct CallbackListener {
    v4: TcpListener,
    /// The same port on `::1`, where there is one: browsers try it first for `localhost`.
    v6: Option<TcpListener>,
    port: u16,
    paths: Vec<String>,
}

/// The browser came back; it waits for its page.
#[derive(Debug)]
pub struct Callback {
    query: SecretString,
    reply: oneshot::Sender<Ending>,
    shown: oneshot::Receiver<()>,
    _server: Running,
}

/// How a sign-in ended, for the page in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The grant works.
    Complete,
    /// It does not; what happened and what to do next, in words for a person.
    Failed {
        /// What happened.
        what: String,
        /// What to do next; may be empty.
        next: String,
    },
}

impl Ending {
    /// The ending that a result means.
    pub fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Complete,
            Err(error) => Self::Failed {
                what: error.what.clone(),
                next: error.next.clone(),
            },
        }
    }
}

/// Ends the server when it is dropped.
#[derive(Debug)]
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl CallbackListener {
    /// Binds 127.0.0.1:`port`, and ::1 where there is one; port 0 takes any. The first of `paths` is the one sent
    /// to the vendor, the others are answered as well.
    ///
    /// # Errors
    /// [`Kind::Configuration`] when the port cannot be had.
    pub async fn bind(port: u16, paths: &[&str]) -> Result<Self, Error> {
        if paths.is_empty()
            || paths
                .iter()
                .any(|path| !path.starts_with('/') || path.contains(['?', '#']))
        {
            return Err(Error::new(
                Kind::Configuration,
                DOING,
                format!("{paths:?} are not callback paths"),
            )
            .advise("A callback path begins with / and has no query"));
        }
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| no_port(port, &error))?;
        let port = v4.local_addr().map_err(|error| no_port(port, &error))?.port();
        let v6 = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port)))
            .await
            .ok();
        Ok(Self {
            v4,
            v6,
            port,
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The redirect URI to register with the vendor and to send there, e.g. `http://127.0.0.1:8790/ninja/oauth/resp`.
    pub fn redirect(&self) -> String {
        format!(
            "http://127.0.0.1:{}{}",
            self.port,
            self.paths.first().map_or("/", String::as_str)
        )
    }

    /// Waits for the request that carries `state`.
    ///
    /// # Errors
    /// [`Kind::Auth`] when nobody came back `within` the time.
    pub async fn wait(self, state: &SecretString, within: Duration) -> Result<Callback, Error> {
        let (port, path) = (self.port, self.paths.first().cloned().unwrap_or_default());
        let (arrived, arrival) = oneshot::channel();
        let desk = Arc::new(server::Desk::new(
            state.expose_secret().to_owned().into(),
            port,
            self.paths,
            arrived,
        ));
        let server = Running(tokio::spawn(server::serve(self.v4, self.v6, Arc::clone(&desk))));
        match tokio::time::timeout(within, arrival).await {
            Ok(Ok(arrived)) => Ok(Callback {
                query: arrived.query,
                reply: arrived.reply,
                shown: arrived.shown,
                _server: server,
            }),
            Ok(Err(_)) => Err(Error::new(
                Kind::Unavailable,
                DOING,
                "the listener ended by itself",
            )),
            Err(_) => {
                let mut what = format!(
                    "nobody came back to port {port}{path} within {} s",
                    within.as_secs()
                );
                if let Some(strangers) = desk.strangers() {
                    what = format!("{what}; {strangers}");
                }
                Err(Error::new(Kind::Auth, DOING, what).advise(
                    "Start again. If the vendor's page showed an error instead of the consent, the redirect URI \
                     registered on the app is not exactly the one sent",
                ))
            }
        }
    }
}

impl Callback {
    /// The query as it came, without `?`. It holds the code: not for logs.
    pub fn query(&self) -> &str {
        self.query.expose_secret()
    }

    /// Shows how it ended, and closes the listener once the page was delivered.
    pub async fn answer(self, ending: Ending) {
        if self.reply.send(ending).is_ok() {
            // A browser that is gone does not keep us.
            let _ = tokio::time::timeout(LAST_PAGE, self.shown).await;
        }
    }
}

fn no_port(port: u16, error: &std::io::Error) -> Error {
    let what = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} is in use by another program"),
        std::io::ErrorKind::PermissionDenied => format!("this user may not open port {port}"),
        _ => format!("port {port} cannot be opened: {error}"),
    };
    Error::new(Kind::Configuration, DOING, what).advise(format!(
        "End whatever uses port {port} (a second connect?), or choose another port and register its redirect URI on the app"
    ))
}
