//! `serve` as an operator runs it: figures, health, TLS, and what cannot work.

use crate::program::Program;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A plain request; the whole answer.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn figures_are_served_on_a_listener_of_their_own() {
    let program = Program::new().with("RMMBRIDGE_LOG_FORMAT", "json");
    let serving = program.start(&["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    let said = serving.says("serve: figures on http://");
    let figures = said
        .rsplit_once("http://")
        .unwrap()
        .1
        .trim_end_matches("/metrics")
        .to_owned();
    let said = serving.says("serve: ready on http://");
    let pages = said
        .rsplit_once("http://")
        .unwrap()
        .1
        .trim_end_matches('/')
        .to_owned();
    assert!(get(&pages, "/health").ends_with("ok\n"));
    let ready = get(&pages, "/ready");
    assert!(
        ready.contains("200 OK") && ready.contains("workers: 1"),
        "{ready}"
    );
    get(&pages, "/clients/a-secret-looking-thing?token=abc");

    let shown = get(&figures, "/metrics");
    for part in [
        "rmmbridge_jobs_due 0",
        "rmmbridge_workers 1",
        "rmmbridge_writes_paused 0",
        "rmmbridge_audit_log_broken 0",
        "rmmbridge_http_requests_total{method=\"GET\",path=\"/ready\",status=\"200\"} 1",
        "rmmbridge_http_requests_total{method=\"GET\",path=\"/clients/{id}\"",
        "rmmbridge_http_request_seconds_bucket{le=\"0.05\"}",
        "process_resident_memory_bytes ",
    ] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    assert!(
        !shown.contains("secret-looking") && !shown.contains("token"),
        "{shown}"
    );
    let on_the_pages = get(&pages, "/metrics");
    assert!(
        on_the_pages.starts_with("HTTP/1.1 404") && !on_the_pages.contains("rmmbridge_jobs_due"),
        "the pages do not show them: {on_the_pages}"
    );
    assert!(
        get(&figures, "/").starts_with("HTTP/1.1 404"),
        "there is nothing else"
    );
    serving.signal("TERM");
    let ended = serving.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    // Every line that is a log is a JSON document.
    let logs = ended.err.lines().filter(|line| line.starts_with('{'));
    for line in logs {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_before_anything_is() {
    let program = Program::new();
    let none = program.file("none.pem", "nothing");
    fn serve<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["serve", "--listen", "127.0.0.1:0"][..], more].concat()
    }
    program.refuses(
        &serve(&["--tls-cert", &none, "--tls-key", &none]),
        &["none.pem", "no certificate"],
    );
    let half = program.ends(2, &serve(&["--tls-cert", &none]));
    assert!(half.err.contains("--tls-key"), "{half:?}");
    let named = program.ends(2, &serve(&["--trusted-proxy", "proxy.example"]));
    assert!(
        named.err.contains("proxy.example") && named.err.contains("10.0.0.0/8"),
        "{named:?}"
    );
    // A vendor that sends people back to a page of ours would take that page away.
    for page in ["/", "/settings", "/bridges/one", "//api"] {
        program.refuses(
            &serve(&["--callback-path", page]),
            &[page, "a page of rmmbridge's own"],
        );
    }
}
