//! What answers mean: statuses, pages, redirects, sizes, broken JSON.

use crate::stand::*;
use connect::Kind;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

#[tokio::test]
async fn every_status_has_its_kind() {
    for (status, kind) in [
        (400, Kind::Invalid),
        (401, Kind::Auth),
        (403, Kind::Forbidden),
        (404, Kind::NotFound),
        (405, Kind::Invalid),
        (407, Kind::Configuration),
        (409, Kind::Conflict),
        (410, Kind::NotFound),
        (412, Kind::Conflict),
        (415, Kind::Invalid),
        (422, Kind::Invalid),
        (429, Kind::RateLimited { retry_after: None }),
        (500, Kind::Unavailable),
        (504, Kind::Unavailable),
    ] {
        let stand = Stand::start(move |_, _| json(status, r#"{"message":"no"}"#)).await;
        let mut options = stand.options();
        options.retries = 0;
        let http = http(options);
        let tokens = Tokens::new(&["token-one", "token-two"]);
        let error = http.get("reading", "/x", &[], &tokens).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status}");
        let host = stand.url.authority();
        assert_eq!(
            error.what,
            format!("{host} answered {status}: {{\"message\":\"no\"}}")
        );
        // A connector that wants the vendor's own words gets the answer itself.
        let tokens = Tokens::new(&["token-one", "token-two"]);
        let answer = http.get_answer("reading", "/x", &[], &tokens).await.unwrap();
        assert_eq!(
            (answer.status, &answer.body[..]),
            (status, br#"{"message":"no"}"#.as_slice())
        );
    }
}

#[tokio::test]
async fn a_throttling_page_is_throttling() {
    for (status, body) in [
        (200, "<!DOCTYPE html><title>Rate Limit</title>"),
        (403, "<html><h1>Too Many Requests</h1></html>"),
        (200, "<html>request LIMIT exceeded</html>"),
        (429, "<html>slow</html>"),
        (503, "<html>maintenance</html>"),
    ] {
        let stand = Stand::start(move |_, _| html(status, body)).await;
        let mut options = stand.options();
        options.retries = 1;
        let http = http(options);
        let error = http.get("reading", "/x", &[], &token()).await.unwrap_err();
        assert_eq!(
            error.kind,
            Kind::RateLimited { retry_after: None },
            "{status} {body}"
        );
        assert!(http.get_answer("reading", "/x", &[], &token()).await.is_err());
        assert_eq!(stand.count(), 4);
        assert_eq!(http.limit(), 1);
    }
}

#[tokio::test]
async fn another_page_is_a_proxy_or_a_sign_in() {
    let page = "<!doctype HTML><html><head><script>var secret='x'</script></head><body><h1>Please sign in</h1></body>";
    // The content type may lie.
    let stand = Stand::start(move |_, _| answer(200, "Content-Type: application/json\r\n", page)).await;
    let error = stand
        .http()
        .get("reading devices", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert_eq!(
        error.what,
        "answered 200 with an HTML page instead of JSON: Please sign in"
    );
    assert!(error.next.starts_with("A proxy or sign-in page?"), "{error}");
    assert_eq!(stand.count(), 1);
}

#[tokio::test]
async fn json_that_is_said_to_be_a_page_is_json() {
    for body in ["[1]", "\u{feff} {\"a\": 1}"] {
        let stand = Stand::start(move |_, _| html(200, body)).await;
        let answer = stand.http().get("reading", "/x", &[], &token()).await.unwrap();
        assert!(!answer.is_html());
        answer.json::<serde_json::Value>("reading").unwrap();
    }
    let stand = Stand::start(|_, _| html(200, "Please sign in")).await;
    let error = stand.http().get("reading", "/x", &[], &token()).await;
    assert_eq!(error.unwrap_err().kind, Kind::Protocol);
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let elsewhere = Stand::start(|_, _| json(200, "1")).await;
    let target = format!("Location: {}signin?token=hunter2#x\r\n", elsewhere.url);
    let stand = Stand::start(move |_, _| answer(302, &target, "")).await;
    let error = stand
        .http()
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    let (host, other) = (stand.url.authority(), elsewhere.url.authority());
    assert_eq!(
        error.what,
        format!("{host} answered 302 and points to http://{other}/signin")
    );
    assert_eq!(elsewhere.count(), 0);

    let stand = Stand::start(|_, _| answer(301, "Location: /login?code=hunter2\r\n", "")).await;
    let error = stand
        .http()
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert!(error.what.ends_with("/login"), "{error}");
}

#[tokio::test]
async fn a_body_is_cut_off_at_the_cap() {
    let stand = Stand::start(|_, _| Say::Raw(answer_bytes(200, "", &vec![b' '; 200_000]))).await;
    let mut options = stand.options();
    options.max_body = 100_000;
    let error = http(options)
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.what.contains("larger than 100000 bytes"), "{error}");
    assert_eq!(stand.count(), 1, "asking again would not make it smaller");
}

#[tokio::test]
async fn a_gzip_bomb_is_counted_unpacked() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        packed.write_all(&vec![b'0'; 1 << 20]).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 100_000);
    let stand =
        Stand::start(move |_, _| Say::Raw(answer_bytes(200, "Content-Encoding: gzip\r\n", &packed))).await;
    let mut options = stand.options();
    options.max_body = 1 << 20;
    let error = http(options)
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
}

#[tokio::test]
async fn packed_answers_are_unpacked_and_broken_ones_asked_for_again() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(b"[1,2,3]").unwrap();
    let packed = packed.finish().unwrap();
    let stand = Stand::start(move |n, _| {
        let mut bytes = packed.clone();
        if n == 0 {
            bytes[12] ^= 0xff;
        }
        Say::Raw(answer_bytes(200, "Content-Encoding: gzip\r\n", &bytes))
    })
    .await;
    let answer = stand.http().get("reading", "/x", &[], &token()).await.unwrap();
    assert_eq!(answer.json::<Vec<u8>>("reading").unwrap(), [1, 2, 3]);
    assert_eq!(stand.count(), 2);
}

#[tokio::test]
async fn what_is_not_the_json_expected_is_told_with_its_first_words() {
    for (body, words) in [
        ("", "is empty where JSON belongs"),
        ("  \n", "is empty where JSON belongs"),
        (
            "[1,2",
            "EOF while parsing a list at line 1 column 4; it begins: [1,2",
        ),
        ("{\"a\":1}", "it begins: {\"a\":1}"),
        ("Service Unavailable", "it begins: Service Unavailable"),
    ] {
        let stand = Stand::start(move |_, _| json(200, body)).await;
        let answer = stand.http().get("reading", "/x", &[], &token()).await.unwrap();
        let error = answer.json::<Vec<u32>>("reading roles").unwrap_err();
        assert_eq!(error.kind, Kind::Protocol);
        assert!(error.what.contains(words), "{error}");
        assert_eq!(error.doing, "reading roles");
    }
}

#[tokio::test]
async fn deep_json_is_an_error_and_not_a_crash() {
    let body = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let stand = Stand::start(move |_, _| json(200, &body)).await;
    let answer = stand.http().get("reading", "/x", &[], &token()).await.unwrap();
    assert_eq!(
        answer.json::<serde_json::Value>("reading").unwrap_err().kind,
        Kind::Protocol
    );
}
