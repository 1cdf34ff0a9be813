//! Reading: what is sent, when it is tried again, how many at once.

use crate::stand::*;
use connect::Kind;
use connect::budget::Quota;
use connect::http::Concurrency;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_read_sends_path_query_and_token() {
    let stand = Stand::start(|_, _| json(200, "\u{feff}[1,2]")).await;
    let mut options = stand.options();
    options.base.set_path("/prefix/");
    let http = http(options);
    let query = [("df", "org = 1 & x".to_owned()), ("after", "7".to_owned())];
    let answer = http
        .get("reading devices", "/v2/devices", &query, &token())
        .await
        .unwrap();
    assert_eq!(answer.json::<Vec<u32>>("reading devices").unwrap(), [1, 2]);
    let seen = &stand.seen()[0];
    assert_eq!(seen.method, "GET");
    assert_eq!(seen.target, "/prefix/v2/devices?df=org+%3D+1+%26+x&after=7");
    assert_eq!(seen.header("authorization"), Some("Bearer token-one"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("accept-encoding"), Some("gzip"));
    assert!(seen.header("user-agent").unwrap().starts_with("rmmbridge/"));
    assert_eq!(http.requests(), 1);
}

#[tokio::test]
async fn a_path_cannot_leave_the_host_or_begin_a_query() {
    let stand = Stand::start(|_, _| json(200, "1")).await;
    stand
        .http()
        .get("reading", "//elsewhere.test/a?b#c", &[], &token())
        .await
        .unwrap();
    assert_eq!(stand.seen()[0].target, "//elsewhere.test/a%3Fb%23c");
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    let page = "<html><body>Request limit exceeded, sorry</body></html>";
    let stand = Stand::start(move |n, _| match n {
        0 => json(503, "{}"),
        1 => Say::Nothing,
        2 => Say::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,".to_vec()),
        3 => html(200, page),
        4 => json(500, "{}"),
        _ => json(200, "[1]"),
    })
    .await;
    let http = stand.http();
    let answer = http.get("reading", "/x", &[], &token()).await.unwrap();
    assert_eq!(&answer.body[..], b"[1]");
    assert_eq!((stand.count(), http.requests()), (6, 6));
}

#[tokio::test]
async fn retries_end_and_the_error_says_how_many() {
    let stand = Stand::start(|_, _| json(502, r#"{"message":"down"}"#)).await;
    let mut options = stand.options();
    options.retries = 2;
    let error = http(options)
        .get("reading devices", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    let host = stand.url.authority();
    assert_eq!(
        error.to_string(),
        format!("reading devices: {host} answered 502: {{\"message\":\"down\"}} (tried 3 times)")
    );
    assert_eq!(stand.count(), 3);
}

#[tokio::test]
async fn answers_that_stay_are_not_tried_again() {
    for status in [400, 403, 404, 409, 422, 501] {
        let stand = Stand::start(move |_, _| json(status, "{}")).await;
        stand
            .http()
            .get("reading", "/x", &[], &token())
            .await
            .unwrap_err();
        assert_eq!(stand.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_out_by_everybody() {
    let stand = Stand::start(|n, _| match n {
        0 => answer(429, "Retry-After: 1\r\nContent-Type: application/json\r\n", "{}"),
        _ => json(200, "1"),
    })
    .await;
    let http = stand.http();
    let start = Instant::now();
    http.get("reading", "/x", &[], &token()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(http.limit(), 2);

    let stand = Stand::start(|n, _| match n {
        0 => answer(429, "Retry-After: 1\r\n", "{}"),
        _ => json(200, "1"),
    })
    .await;
    let mut options = stand.options();
    options.retries = 0;
    let http = crate::stand::http(options);
    let error = http.get("reading", "/x", &[], &token()).await.unwrap_err();
    assert_eq!(
        error.kind,
        Kind::RateLimited {
            retry_after: Some(Duration::from_secs(1))
        }
    );
    // Another request of the same connection holds off, too.
    let start = Instant::now();
    http.get("reading", "/y", &[], &token()).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(900),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_date_in_retry_after_counts_from_our_clock() {
    // The test clock stands at 07:28:00.
    let date = "Retry-After: Wed, 21 Oct 2026 07:28:01 GMT\r\n";
    let stand = Stand::start(move |n, _| {
        if n == 0 {
            answer(503, date, "{}")
        } else {
            json(200, "1")
        }
    })
    .await;
    let start = Instant::now();
    stand.http().get("reading", "/x", &[], &token()).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_request_ends_at_its_deadline() {
    for late in [false, true] {
        let stand = Stand::start(move |_, _| match late {
            false => Say::Hang,
            // The head comes, the body does not.
            true => Say::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        })
        .await;
        let mut options = stand.options();
        (options.deadline, options.retries) = (Duration::from_millis(200), 0);
        let http = http(options);
        let start = Instant::now();
        let error = http
            .get("reading devices", "/x", &[], &token())
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(start.elapsed() < Duration::from_secs(5));
        if !late {
            let host = stand.url.authority();
            assert_eq!(error.what, format!("no complete answer from {host} within 0.2 s"));
            assert_eq!(http.limit(), 2, "a time-out is a sign of overload");
        }
    }
}

#[tokio::test]
async fn concurrency_starts_at_four_and_stays_below_the_maximum() {
    let gate = Arc::new(Semaphore::new(0));
    let at_the_gate = Arc::clone(&gate);
    let stand =
        Stand::start(move |_, _| Say::Gated(Arc::clone(&at_the_gate), answer_bytes(200, "", b"1"))).await;
    let mut options = stand.options();
    options.concurrency = Concurrency { start: 4, max: 6 };
    let http = http(options);
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let http = http.clone();
            tokio::spawn(async move { http.get("reading", "/x", &[], &token()).await.unwrap() })
        })
        .collect();
    let mut arrived = 0;
    // Every round is answered well, so the next has one more, up to the maximum.
    for round in [4, 5, 6, 6, 6] {
        arrived += round;
        while stand.count() < arrived {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!((stand.count(), http.limit()), (arrived, round));
        gate.add_permits(round);
    }
    gate.add_permits(60);
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_quota_is_kept() {
    let stand = Stand::start(|_, _| json(200, "1")).await;
    let mut options = stand.options();
    options.quota = Some(Quota {
        requests: 5,
        per: Duration::from_millis(500),
    });
    let http = http(options);
    let start = Instant::now();
    for _ in 0..8 {
        http.get("reading", "/x", &[], &token()).await.unwrap();
    }
    // Five at once, the next five when the first no longer count.
    assert!(
        start.elapsed() >= Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_rejected_token_is_exchanged_once() {
    let stand = Stand::start(|_, seen| match seen.header("authorization") {
        Some("Bearer token-two") => json(200, "1"),
        _ => json(401, r#"{"error":"not_authenticated"}"#),
    })
    .await;
    let tokens = Tokens::new(&["token-one", "token-two"]);
    stand.http().get("reading", "/x", &[], &tokens).await.unwrap();
    assert_eq!((stand.count(), tokens.rejections.load(Ordering::Relaxed)), (2, 1));

    let tokens = Tokens::new(&["token-a", "token-b", "token-c"]);
    let error = stand.http().get("reading", "/x", &[], &tokens).await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth);
    assert!(error.next.contains("Reconnect"), "{error}");
    assert_eq!(tokens.rejections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_missing_right_is_not_a_rejected_token() {
    for (headers, body) in [
        ("", r#"{"error":"insufficient_privileges"}"#),
        ("WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n", "{}"),
    ] {
        let stand = Stand::start(move |_, _| answer(401, headers, body)).await;
        let tokens = Tokens::new(&["token-one", "token-two"]);
        let error = stand.http().get("reading", "/x", &[], &tokens).await.unwrap_err();
        assert_eq!(
            (error.kind, tokens.rejections.load(Ordering::Relaxed)),
            (Kind::Forbidden, 0)
        );
    }
}
