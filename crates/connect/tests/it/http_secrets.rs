//! Nothing secret in errors, logs or debug output.

use crate::stand::*;
use connect::http::{Answer, Outgoing, Payload};
use http::{HeaderMap, Method};
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test]
async fn an_echoed_secret_is_not_in_the_error() {
    let body =
        r#"{"message":"key token-one is unknown","access_token":"hunter22","request":"?code=hunter33&x=1"}"#;
    let stand = Stand::start(move |_, _| json(400, body)).await;
    let error = stand
        .http()
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    for secret in ["token-one", "hunter22", "hunter33"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert!(error.what.contains("is unknown"), "{error}");
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let body = format!("{{\"message\":\"{}\"}}", "ä".repeat(5000));
    let stand = Stand::start(move |_, _| json(400, &body)).await;
    let error = stand
        .http()
        .get("reading", "/x", &[], &token())
        .await
        .unwrap_err();
    assert!(error.what.chars().count() < 350, "{}", error.what.chars().count());
    assert!(error.what.ends_with('…'));
}

#[test]
fn an_answer_does_not_show_its_body() {
    let answer = Answer {
        status: 200,
        headers: HeaderMap::new(),
        body: "hunter2".into(),
    };
    assert_eq!(format!("{answer:?}"), "Answer { status: 200, body_bytes: 7, .. }");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// With every library at its most talkative.
#[tokio::test]
async fn the_log_holds_method_host_path_and_status_and_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let stand = Stand::start(|_, _| json(200, r#"{"refresh_token":"hunter22"}"#)).await;
    let http = stand.http();
    let query = [("filter", "hunter33".to_owned())];
    http.get("reading", "/v2/devices", &query, &Tokens::new(&["hunter44"]))
        .await
        .unwrap();
    let request = Outgoing {
        method: Method::PUT,
        path: "/v2/secret",
        query: &[],
        headers: HeaderMap::new(),
        payload: Payload::Json(serde_json::json!({"password": "hunter55"})),
        send_by: None,
    };
    http.send_once("writing", request, &Tokens::new(&["hunter44"]))
        .await
        .unwrap();
    http.form("asking", &stand.url, HeaderMap::new(), &[("code", "hunter66")])
        .await
        .unwrap();
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for want in [
        "http.method=GET".to_owned(),
        format!("http.host={}", stand.url.authority()),
        "http.path=/v2/devices".to_owned(),
        "http.status=200".to_owned(),
        "http.ms=".to_owned(),
    ] {
        assert!(text.contains(&want), "{want} is not in {text}");
    }
    assert!(
        !text.contains("hunter"),
        "{}",
        text.lines().find(|l| l.contains("hunter")).unwrap_or_default()
    );
}
