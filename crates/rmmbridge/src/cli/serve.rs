//! `serve`: the web pages, and a worker in the same process.

mod beside;

use self::beside::Beside;
use super::connect::CALLBACK_PATHS;
use crate::figures;
use crate::output::Output;
use crate::session::Session;
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use jobs::{Queue, WorkerOptions};
use secrecy::ExposeSecret as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use url::Url;
use web::{Site, TlsFiles, TrustedProxy, Web};

/// Where it listens unless told otherwise: the port of `connect`'s redirect URI, so that one registration does for both.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8411);

/// Where browsers and vendors find the pages.
#[derive(Clone, Debug, Args)]
pub struct SiteArguments {
    /// Address and port to listen on; only this machine reaches the default
    #[arg(long, default_value_t = DEFAULT_LISTEN, value_name = "ADDRESS:PORT", env = "RMMBRIDGE_LISTEN", hide_env = true)]
    pub listen: SocketAddr,

    /// What people type into their browser, when that is another address: https://bridge.example.com
    #[arg(long, value_name = "URL", env = "RMMBRIDGE_PUBLIC_URL", hide_env = true)]
    pub public_url: Option<Url>,

    /// Path a consent comes back to, part of the redirect URI to register
    #[arg(long, default_value = CALLBACK_PATHS[0], value_name = "PATH", env = "RMMBRIDGE_CALLBACK_PATH", hide_env = true)]
    pub callback_path: String,

    /// Another installation's redirect URI on the same app, shown too; repeatable, or several by comma
    #[arg(
        long,
        value_name = "URI",
        value_delimiter = ',',
        env = "RMMBRIDGE_OTHER_REDIRECT",
        hide_env = true
    )]
    pub other_redirect: Vec<String>,

    /// Certificate with those that sign it (PEM), read again when it changes: TLS alone is served then
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        env = "RMMBRIDGE_TLS_CERT",
        hide_env = true
    )]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key (PEM)
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        env = "RMMBRIDGE_TLS_KEY",
        hide_env = true
    )]
    pub tls_key: Option<PathBuf>,

    /// Reverse proxy whose X-Forwarded-For is believed: 127.0.0.1, or a range as 10.0.0.0/8; repeatable
    #[arg(
        long,
        value_name = "ADDRESS",
        value_delimiter = ',',
        env = "RMMBRIDGE_TRUSTED_PROXY",
        hide_env = true
    )]
    pub trusted_proxy: Vec<TrustedProxy>,

    /// Serve figures for Prometheus at http://ADDRESS:PORT/metrics, to whoever reaches that address
    #[arg(long, value_name = "ADDRESS:PORT", env = "RMMBRIDGE_METRICS", hide_env = true)]
    pub metrics: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    site: SiteArguments,

    /// How many jobs run at once, each on a bridge of its own
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
}

impl SiteArguments {
    /// The site these describe.
    pub fn site(&self) -> anyhow::Result<Site> {
        let public_url = match &self.public_url {
            Some(url) => url.clone(),
            None if self.listen.ip().is_unspecified() => bail!(
                "--listen {} is every address of this machine: say by --public-url which one people type",
                self.listen
            ),
            None if self.tls_cert.is_some() => Url::parse(&format!("https://{}", self.listen))?,
            None => Url::parse(&format!("http://{}", self.listen))?,
        };
        ensure!(
            matches!(public_url.scheme(), "http" | "https") && public_url.query().is_none(),
            "--public-url {public_url} must begin with http:// or https:// and have no query"
        );
        ensure!(
            public_url.path() == "/",
            "--public-url {public_url} has a path: rmmbridge needs a host name of its own"
        );
        ensure!(
            self.callback_path.starts_with('/') && !self.callback_path.contains(['?', '#', '{', '}']),
            "--callback-path {} must begin with / and have no query",
            self.callback_path
        );
        ensure!(
            !web::is_of_pages(&self.callback_path),
            "--callback-path {} is where a page of rmmbridge's own is: take another, as /oauth/callback",
            self.callback_path
        );
        Ok(Site {
            public_url,
            callback_path: self.callback_path.clone(),
            other_redirects: self.other_redirect.clone(),
            prefill: None,
            trusted_proxies: self.trusted_proxy.clone(),
        })
    }

    /// Listens, and the site as it is then: port 0 takes any.
    pub async fn bind(&self) -> anyhow::Result<(Doors, Site)> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let tls = files.map(|(certificate, key)| TlsFiles { certificate, key });
        if let Some(files) = &tls {
            files.check().context("reading certificate and key for TLS")?;
        }
        let pages = listen(self.listen, "--listen").await?;
        let metrics = match self.metrics {
            Some(address) => Some(listen(address, "--metrics").await?),
            None => None,
        };
        let bound = Self {
            listen: pages.local_addr()?,
            ..self.clone()
        };
        let doors = Doors { pages, tls, metrics };
        Ok((doors, bound.site()?))
    }
}

/// Where requests come in.
pub struct Doors {
    pages: TcpListener,
    tls: Option<TlsFiles>,
    metrics: Option<TcpListener>,
}

async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("listening on {address}; is another program there? Choose another with {option}")
    })
}

pub async fn run(session: &Session, arguments: ServeArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (doors, site) = arguments.site.bind().await?;
    let token = session.engine.set_up_token(&session.actor).await?;
    let set_up = token.map(|token| site.address(&format!("/set-up?token={}", token.expose_secret())));
    let document = serde_json::json!({ "url": site.public_url, "set_up": set_up });
    output.show(&document, || match &set_up {
        None => format!("rmmbridge: {}\nCtrl-C stops it at the next safe point.", site.public_url),
        Some(address) => format!(
            "rmmbridge: {}\n\nNobody can sign in yet. Open this address once, to become the first Owner:\n{address}\n\n\
             Ctrl-C stops it at the next safe point.",
            site.public_url
        ),
    })?;
    pages_and_worker(session, doors, site, usize::from(arguments.concurrency)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the pages and runs jobs until asked to stop.
pub async fn pages_and_worker(
    session: &Session,
    doors: Doors,
    site: Site,
    concurrency: usize,
) -> anyhow::Result<()> {
    let queue = Queue::open(session.store.clone()).await?;
    let address = site.public_url.clone();
    let figures = match doors.metrics {
        Some(listener) => {
            let figures = figures::begin(session.engine.clone(), queue.clone(), session.stop.clone())?;
            eprintln!("serve: figures on http://{}/metrics", listener.local_addr()?);
            Some((figures, listener))
        }
        None => None,
    };
    let web = Web::new(session.engine.clone(), Arc::new(queue.clone()), site);
    let options = WorkerOptions { concurrency };
    let beside = Beside::begin(session, &queue, options).await?;
    eprintln!("serve: ready on {address}");
    let pages = web::serve(web, doors.pages, doors.tls, session.stop.clone());
    let counting = async {
        if let Some((figures, listener)) = figures
            && let Err(error) = web::serve_figures(figures, listener, session.stop.clone()).await
        {
            tracing::error!(error = %error, "The figures are not served any more.");
        }
    };
    let work = beside.run(session, &queue, options);
    let (served, (), ()) = tokio::join!(
        async {
            let served = pages.await;
            // Without pages there is nobody to ask: the worker ends too.
            session.stop.cancel();
            served
        },
        work,
        counting
    );
    served.context("serving the pages")
}
