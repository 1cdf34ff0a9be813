//! `serve`: the web pages, and a worker in the same process.

use super::connect::CALLBACK_PATHS;
use crate::output::Output;
use crate::session::Session;
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use jobs::{Queue, Worker, WorkerOptions};
use secrecy::ExposeSecret as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use url::Url;
use web::{Site, Web};

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

    /// Redirect URI of another installation on the same app, to be shown too; may be repeated
    #[arg(long, value_name = "URI")]
    pub other_redirect: Vec<String>,
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
        Ok(Site {
            public_url,
            callback_path: self.callback_path.clone(),
            other_redirects: self.other_redirect.clone(),
            prefill: None,
        })
    }

    /// Listens, and the site as it is then: port 0 takes any.
    pub async fn bind(&self) -> anyhow::Result<(TcpListener, Site)> {
        let listener = TcpListener::bind(self.listen).await.with_context(|| {
            format!(
                "listening on {}; is another program there? Choose another with --listen",
                self.listen
            )
        })?;
        let bound = Self {
            listen: listener.local_addr()?,
            ..self.clone()
        };
        Ok((listener, bound.site()?))
    }
}

pub async fn run(session: &Session, arguments: ServeArguments, output: Output) -> anyhow::Result<ExitCode> {
    let (listener, site) = arguments.site.bind().await?;
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
    pages_and_worker(session, listener, site, usize::from(arguments.concurrency)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the pages and runs jobs until asked to stop.
pub async fn pages_and_worker(
    session: &Session,
    listener: TcpListener,
    site: Site,
    concurrency: usize,
) -> anyhow::Result<()> {
    let queue = Queue::open(session.store.clone()).await?;
    let address = site.public_url.clone();
    let web = Web::new(session.engine.clone(), Arc::new(queue.clone()), site);
    let options = WorkerOptions { concurrency };
    let begun = Worker::begin(
        session.engine.clone(),
        queue,
        &session.actor,
        options,
        session.stop.clone(),
    );
    let worker = match begun.await {
        Ok(worker) => Some(worker),
        Err(jobs::Error::Engine(error @ engine::Error::Store(store::Error::Busy { .. }))) => {
            eprintln!("serve: the pages only; jobs are run by another process: {error}");
            None
        }
        Err(error) => return Err(error.into()),
    };
    eprintln!("serve: ready on {address}");
    let pages = web::serve(web, listener, session.stop.clone());
    let work = async {
        match worker {
            Some(worker) => worker.run().await,
            None => session.stop.cancelled().await,
        }
    };
    let (served, ()) = tokio::join!(
        async {
            let served = pages.await;
            // Without pages there is nobody to ask: the worker ends too.
            session.stop.cancel();
            served
        },
        work
    );
    served.context("serving the pages")
}
