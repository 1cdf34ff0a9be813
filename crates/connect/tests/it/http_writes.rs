//! Writing: sent once, and what is known afterwards.

use crate::stand::*;
use connect::Kind;
use connect::http::{Outgoing, Payload};
use http::{HeaderMap, Method};
use serde_json::json as value;
use tokio::net::TcpListener;

fn post(path: &str) -> Outgoing<'_> {
    Outgoing {
        method: Method::POST,
        path,
        query: &[],
        headers: HeaderMap::new(),
        payload: Payload::Json(value!({"name": "Müller"})),
        send_by: None,
    }
}

#[tokio::test]
async fn a_write_sends_its_body_once() {
    let stand = Stand::start(|_, _| json(201, r#"{"id":7}"#)).await;
    let mut request = post("/clients");
    request.headers.insert("x-own", "1".parse().unwrap());
    let answer = stand
        .http()
        .send_once("creating a client", request, &token())
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    let seen = &stand.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.body.as_str()),
        ("POST", r#"{"name":"Müller"}"#)
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("authorization"), Some("Bearer token-one"));
    assert_eq!(seen.header("x-own"), Some("1"));
}

#[tokio::test]
async fn an_unclear_outcome_is_never_tried_again() {
    for n in 0..7 {
        let stand = Stand::start(move |_, _| match n {
            0 => json(500, "{}"),
            1 => json(503, "{}"),
            2 => Say::Nothing,
            3 => Say::Raw(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{".to_vec()),
            4 => Say::Hang,
            5 => html(200, "<html>too many requests</html>"),
            _ => Say::Raw(answer_bytes(201, "", &vec![b' '; 5000])),
        })
        .await;
        let mut options = stand.options();
        options.deadline = std::time::Duration::from_millis(300);
        options.max_body = 1000;
        let error = http(options)
            .send_once("creating a client", post("/clients"), &token())
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{n}: {error}");
        assert_eq!(error.next, "It may have been carried out all the same");
        assert!(!error.is_unsent(), "{n}: {error}");
        assert_eq!(stand.count(), 1, "{n}");
    }
}

#[tokio::test]
async fn a_refused_write_is_told_by_its_status() {
    for (status, kind) in [
        (400, Kind::Invalid),
        (409, Kind::Conflict),
        (429, Kind::RateLimited { retry_after: None }),
        (302, Kind::Protocol),
    ] {
        let stand = Stand::start(move |_, _| json(status, "{}")).await;
        let error = stand
            .http()
            .send_once("creating a client", post("/clients"), &token())
            .await
            .unwrap_err();
        assert_eq!((error.kind, stand.count()), (kind, 1));
    }
}

#[tokio::test]
async fn a_write_is_sent_again_with_another_token_only() {
    let stand = Stand::start(|n, _| json(if n == 0 { 401 } else { 201 }, "{}")).await;
    let tokens = Tokens::new(&["token-one", "token-two"]);
    stand
        .http()
        .send_once("creating a client", post("/clients"), &tokens)
        .await
        .unwrap();
    let seen = stand.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].header("authorization"), Some("Bearer token-two"));
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_tried_thrice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let mut options = connect::http::HttpOptions::new(base, private());
    options.backoff = std::time::Duration::from_millis(10);
    let http = http(options);
    let host = http.host().to_owned();
    let write = http
        .send_once("creating a client", post("/clients"), &token())
        .await
        .unwrap_err();
    let read = http.get("reading", "/x", &[], &token()).await.unwrap_err();
    for error in [write, read] {
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.is_unsent(), "{error}");
        assert_eq!(
            error.what,
            format!("{host} cannot be reached: it refused the connection (tried 3 times)")
        );
        assert!(error.next.starts_with("Check the region or base URL"), "{error}");
    }
    assert_eq!(http.requests(), 6);
}

#[tokio::test]
async fn a_write_whose_turn_comes_too_late_is_not_sent() {
    let stand = Stand::start(|_, _| json(201, r#"{"id":7}"#)).await;
    let http = stand.http();
    let mut request = post("/clients");
    request.send_by = tokio::time::Instant::now().checked_sub(std::time::Duration::from_millis(1));
    let error = http
        .send_once("adding a client", request, &Tokens::new(&["t"]))
        .await
        .unwrap_err();
    assert!(matches!(error.kind, Kind::RateLimited { .. }), "{error}");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert!(error.is_unsent());
    assert_eq!(http.requests(), 0);
}
