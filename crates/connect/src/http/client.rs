//! The two HTTP clients of a connection: one that speaks TLS, one that speaks plain `http` with private hosts only.

use super::guard::{self, Guard, Reach, Refused};
use crate::connector::Outbound;
use crate::error::{Error, Kind};
use reqwest::{Certificate, Client, NoProxy, Proxy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::{Host, Url};

const CONNECT: Duration = Duration::from_secs(10);

/// Longest time for making a connection, when one request may take `deadline`.
pub(super) fn connect_deadline(deadline: Duration) -> Duration {
    CONNECT.min(deadline / 2)
}

/// The clients of a connection, made when first needed: reading the system's certificates takes a while, and a
/// machine without any can still speak with a simulator.
pub(super) struct Clients {
    outbound: Outbound,
    certificates: Vec<Certificate>,
    connect: Duration,
    tls: OnceCell<Client>,
    plain: OnceCell<Client>,
}

impl Clients {
    pub(super) fn new(outbound: Outbound, deadline: Duration) -> Result<Self, Error> {
        const DOING: &str = "preparing requests";
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Error::new(
                Kind::Configuration,
                DOING,
                "no TLS provider is installed in this program",
            ));
        }
        if let Some(proxy) = &outbound.proxy
            && !matches!(proxy.scheme(), "http" | "https")
        {
            let what = format!("the proxy URL begins with {}://", proxy.scheme());
            return Err(
                Error::new(Kind::Configuration, DOING, what).advise("Use an http:// or https:// proxy")
            );
        }
        let certificates = match &outbound.extra_ca {
            None => vec![],
            Some(pem) => Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|list| !list.is_empty())
                .ok_or_else(|| {
                    Error::new(
                        Kind::Configuration,
                        DOING,
                        "the extra certificate authorities hold no PEM certificate",
                    )
                    .advise("Give a file with one or more -----BEGIN CERTIFICATE----- blocks")
                })?,
        };
        Ok(Self {
            outbound,
            certificates,
            connect: connect_deadline(deadline),
            tls: OnceCell::new(),
            plain: OnceCell::new(),
        })
    }

    /// The client for `url`, when it may be asked at all.
    pub(super) async fn for_url(&self, doing: &str, url: &Url) -> Result<&Client, Error> {
        let refuse = |refused: &Refused| {
            Error::new(Kind::Configuration, doing, refused.to_string()).advise(refused.advice())
        };
        match url.scheme() {
            "https" => {
                let reach = self.tls_reach();
                guard::check_literal(url, reach).map_err(|r| refuse(&r))?;
                self.check_behind_proxy(url, reach)
                    .await
                    .map_err(|r| refuse(&r))?;
                self.tls
                    .get_or_try_init(|| async { self.build(doing, reach, true) })
                    .await
            }
            "http" if self.outbound.allow_private_hosts => {
                guard::check_literal(url, Reach::Private).map_err(|r| refuse(&r))?;
                self.plain
                    .get_or_try_init(|| async { self.build(doing, Reach::Private, false) })
                    .await
            }
            "http" => Err(Error::new(
                Kind::Configuration,
                doing,
                format!(
                    "{} is to be asked over http, where a token would be readable",
                    host_of(url)
                ),
            )
            .advise("Use https; for a private host an owner can allow private hosts for this connection")),
            other => Err(Error::new(
                Kind::Configuration,
                doing,
                format!("{other}:// is not http or https"),
            )
            .advise("Check the base URL")),
        }
    }

    fn tls_reach(&self) -> Reach {
        if self.outbound.allow_private_hosts {
            Reach::Any
        } else {
            Reach::Public
        }
    }

    /// A proxy resolves names itself, out of the guard's sight: what this machine knows of the name is checked, and
    /// a name it does not know is left to the proxy.
    async fn check_behind_proxy(&self, url: &Url, reach: Reach) -> Result<(), Refused> {
        let Some(Host::Domain(name)) = url.host().filter(|_| self.outbound.proxy.is_some()) else {
            return Ok(());
        };
        match guard::resolve(name, reach).await {
            Err(error) => match error.downcast::<Refused>() {
                Ok(refused) => Err(*refused),
                Err(_) => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }

    fn build(&self, doing: &str, reach: Reach, tls: bool) -> Result<Client, Error> {
        let proxy = self.outbound.proxy.as_ref().filter(|_| tls);
        let guard = Guard {
            reach,
            proxy: proxy.and_then(|url| url.host_str()).map(str::to_owned),
        };
        let mut builder = Client::builder()
            .user_agent(concat!("rmmbridge/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.connect)
            .dns_resolver(Arc::new(guard))
            .no_proxy();
        if let Some(url) = proxy {
            let proxy = Proxy::all(url.clone()).map_err(|error| unusable(doing, &error))?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string("localhost,127.0.0.0/8,::1")));
        }
        builder = if tls {
            builder.tls_certs_merge(self.certificates.iter().cloned())
        } else {
            builder.tls_certs_only([])
        };
        builder.build().map_err(|error| unusable(doing, &error))
    }
}

fn unusable(doing: &str, error: &reqwest::Error) -> Error {
    let mut what = format!("the HTTP client cannot be set up: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    Error::new(Kind::Configuration, doing, super::redact(&what))
        .advise("Check the system's certificate store (package ca-certificates) and the proxy setting")
}

/// Host and, where it is not the usual one, port.
pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => "(no host)".to_owned(),
    }
}
