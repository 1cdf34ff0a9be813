//! TLS: whom we trust, and what is said when we do not.

use crate::stand::*;
use connect::http::HttpOptions;
use connect::{Kind, Outbound};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server for `name` says it is, valid until `year`, and the authority that signed it.
pub fn identity(name: &str, year: i32) -> (TlsAcceptor, Vec<u8>) {
    provider();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(2000, 1, 1);
    leaf.not_after = date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem().into_bytes())
}

/// A server for `name`, valid until `year`, and the authority that signed it.
async fn server(name: &str, year: i32) -> (u16, Vec<u8>) {
    let (acceptor, authority) = identity(name, year);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await
                && read_request(&mut stream).await.is_some()
            {
                drop(stream.write_all(&answer_bytes(200, "", b"1")).await);
                drop(stream.shutdown().await);
            }
        }
    });
    (port, authority)
}

async fn get(port: u16, extra_ca: Option<Vec<u8>>) -> Result<connect::http::Answer, connect::Error> {
    let outbound = Outbound {
        allow_private_hosts: true,
        extra_ca,
        ..Outbound::default()
    };
    let mut options = HttpOptions::new(format!("https://localhost:{port}").parse().unwrap(), outbound);
    options.deadline = Duration::from_secs(5);
    options.backoff = Duration::from_millis(10);
    let http = http(options);
    let result = http.get("reading", "/x", &[], &token()).await;
    if result.is_err() {
        assert_eq!(
            http.requests(),
            1,
            "a certificate does not get better by asking again"
        );
    }
    result
}

#[tokio::test]
async fn an_extra_authority_is_trusted() {
    let (port, ca) = server("localhost", 2099).await;
    assert_eq!(get(port, Some(ca)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_explained() {
    let (unknown, _) = server("localhost", 2099).await;
    let (expired, expired_ca) = server("localhost", 2001).await;
    let (other, other_ca) = server("elsewhere.test", 2099).await;
    for (port, ca, words, next) in [
        (
            unknown,
            None,
            "is not signed by an authority this machine trusts",
            "add its certificate as an extra CA",
        ),
        (
            expired,
            Some(expired_ca),
            "has expired",
            "Check this machine's clock",
        ),
        (
            other,
            Some(other_ca),
            "is for another name",
            "Check the region or base URL",
        ),
    ] {
        let error = get(port, ca).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration, "{error}");
        assert!(error.what.contains(words) && error.next.contains(next), "{error}");
    }
}

#[tokio::test]
async fn a_port_without_tls_is_told() {
    provider();
    let stand = Stand::start(|_, _| json(200, "1")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let error = get(port, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration, "{error}");
    assert!(error.what.contains("does not speak TLS on this port"), "{error}");
    drop(stand);
}
