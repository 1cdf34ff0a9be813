//! The guard against private hosts, plain http and odd proxies.

use crate::stand::*;
use connect::http::{Http, HttpOptions};
use connect::{Kind, Outbound};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

fn options(base: &str, outbound: Outbound) -> HttpOptions {
    let mut options = HttpOptions::new(Url::parse(base).unwrap(), outbound);
    options.deadline = Duration::from_secs(2);
    options.backoff = Duration::from_millis(10);
    options
}

#[tokio::test]
async fn private_hosts_are_refused_unless_an_owner_allows_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "169.254.1.1",
    ] {
        let http = http(options(&format!("https://{host}:{port}"), Outbound::default()));
        let error = http.get("reading", "/x", &[], &token()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration, "{host}: {error}");
        assert!(
            error.what.ends_with("is a private or reserved address"),
            "{error}"
        );
        assert_eq!(error.next, "An owner can allow private hosts for this connection");
    }
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "nothing was connected to");
}

#[tokio::test]
async fn metadata_services_are_refused_whatever_an_owner_allows() {
    for outbound in [Outbound::default(), private()] {
        let http = http(options("https://169.254.169.254", outbound));
        let error = http.get("reading", "/latest", &[], &token()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration, "{error}");
        assert!(error.what.ends_with("is a cloud's metadata service"), "{error}");
        assert!(error.next.contains("Correct the base URL"), "{error}");
    }
}

#[tokio::test]
async fn plain_http_is_for_private_hosts_that_are_allowed() {
    let stand = Stand::start(|_, _| json(200, "1")).await;
    let http_of = |base: &str, outbound| http(options(base, outbound));
    // Allowed, and by name as well.
    let by_name = format!("http://localhost:{}", stand.url.port().unwrap());
    http_of(&by_name, private())
        .get("reading", "/x", &[], &token())
        .await
        .unwrap();
    // Not allowed.
    let error = http_of(stand.url.as_str(), Outbound::default())
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.next.contains("Use https"), "{error}");
    // A public host is not asked over http, whatever is allowed.
    let error = http_of("http://93.184.216.34", private())
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.what, "93.184.216.34 is a public host and the URL says http");
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn a_name_that_does_not_exist_points_at_the_region() {
    // Longer than a name may be: no name server is asked.
    let base = format!("http://{}.invalid", "a".repeat(64));
    let error = http(options(&base, private()))
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.what.contains("could not be resolved"), "{error}");
    assert!(error.next.starts_with("Check the region or base URL"), "{error}");
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let proxy = Stand::start(|_, _| answer(403, "", "not from here")).await;
    let outbound = Outbound {
        proxy: Some(proxy.url.clone()),
        ..Outbound::default()
    };
    let http = http(options("https://93.184.216.34", outbound));
    let error = http.get("reading", "/x", &[], &token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    let seen = &proxy.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("CONNECT", "93.184.216.34:443")
    );
    assert_eq!(
        seen.header("authorization"),
        None,
        "the token is for the vendor alone"
    );
    // The guard stands before the proxy, too.
    let asked = proxy.count();
    let outbound = Outbound {
        proxy: Some(proxy.url.clone()),
        ..Outbound::default()
    };
    for base in ["https://10.0.0.1", "https://localhost"] {
        let http = crate::stand::http(options(base, outbound.clone()));
        assert_eq!(
            http.get("reading", "/x", &[], &token()).await.unwrap_err().kind,
            Kind::Configuration
        );
    }
    assert_eq!(proxy.count(), asked);
}

#[tokio::test]
async fn settings_that_cannot_work_are_told_at_once() {
    provider();
    let bad_ca = Outbound {
        extra_ca: Some(b"no certificate".to_vec()),
        ..Outbound::default()
    };
    let bad_proxy = Outbound {
        proxy: Some("socks5://127.0.0.1:1".parse().unwrap()),
        ..Outbound::default()
    };
    for (base, outbound, words) in [
        ("https://a.test", bad_ca, "no PEM certificate"),
        ("https://a.test", bad_proxy, "begins with socks5://"),
        ("mailto:someone", Outbound::default(), "is not a base URL"),
    ] {
        let error = Http::new(options(base, outbound), Arc::new(TestClock::new()))
            .err()
            .unwrap();
        assert_eq!(error.kind, Kind::Configuration);
        assert!(error.what.contains(words) && !error.next.is_empty(), "{error}");
    }
    let ftp = http(options("ftp://a.test", Outbound::default()));
    let error = ftp.get("reading", "/x", &[], &token()).await.unwrap_err();
    assert!(error.what.contains("is not http or https"), "{error}");
}
