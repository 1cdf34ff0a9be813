//! Connections that cannot work: each error names the thing, the cause and the next step, and nothing is half-written.

use crate::program::Program;
use crate::tenant::{bridged, connect_machine, free_port, ninja};
use simulators::faults::Effect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What `connect` says when it fails.
fn refused(program: &Program, base_url: &str, more: &[&str]) -> String {
    let ran = connect_machine(program, base_url, more);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let error = ran.err.lines().last().unwrap_or_default().to_owned();
    assert!(
        error.starts_with("error: ") && error.contains("ninjaone"),
        "{ran:#?}"
    );
    error
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} should be in: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_region_lists_the_regions_and_stores_nothing() {
    let program = Program::new();
    program.refuses(
        &["connect", "--region", "mars", "--client-id", "abc"],
        &[
            "region",
            "\"mars\" is no region",
            "app.ninjarmm.com",
            "eu.ninjarmm.com",
            "custom with base_url",
        ],
    );
    program.refuses(&["connect", "--client-id", "abc"], &["region: choose the region"]);
    program.refuses(&["connect", "--region", "eu"], &["client_id", "Administration"]);
    program.refuses(
        &["connect", "--base-url", "nonsense", "--client-id", "a"],
        &["base_url", "e.g. https://"],
    );
    program.refuses(
        &[
            "connect",
            "--region",
            "eu",
            "--client-id",
            "a",
            "--set",
            "nonsense=1",
        ],
        &["nonsense"],
    );
    program.refuses(
        &["connect", "nonsense", "--region", "eu"],
        &["nonsense", "ninjaone"],
    );
    assert_eq!(program.json(&["check"]), serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_known_there_asks_for_the_region() {
    let ninja = ninja(10).await;
    let port = free_port().to_string();
    let base_url = ninja.base_url();
    let program = Program::new().with("RMMBRIDGE_CLIENT_SECRET", "demo-web-secret");
    let error = program.refuses(
        &[
            "connect",
            "--base-url",
            &base_url,
            "--client-id",
            "of-another-region",
            "--allow-private-hosts",
            "--callback-port",
            &port,
        ],
        &[
            "this app is not known there",
            "404",
            "one region only",
            "check the client ID",
        ],
    );
    assert!(error.contains("us2.ninjarmm.com"), "{error}");
    assert_eq!(
        program.json(&["check"])[0]["state"]["state"],
        "needs_authorization"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_says_where_a_new_one_is_made() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let secret = program.file("secret", "not-the-secret");
    let base_url = ninja.base_url();
    let error = program.refuses(
        &[
            "connect",
            "--machine",
            "--base-url",
            &base_url,
            "--client-id",
            "demo-machine",
            "--allow-private-hosts",
            "--client-secret-file",
            &secret,
        ],
        &["client secret", "401", "make a new one"],
    );
    assert!(!error.contains("not-the-secret"), "{error}");
    // A file that is not there is told as such.
    program.refuses(
        &["connect", "--client-secret-file", "/nowhere/secret"],
        &["/nowhere/secret", "No such file"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_names_host_and_cause() {
    let program = Program::new();
    let address = format!("http://127.0.0.1:{}", free_port());
    has(
        &refused(&program, &address, &[]),
        &[
            &address[7..],
            "refused the connection",
            "Check the region or base URL",
        ],
    );
    let error = refused(&program, "http://no-such-host.invalid", &[]);
    has(
        &error,
        &[
            "no-such-host.invalid",
            "could not be resolved",
            "Check the region or base URL",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_failures_say_what_is_wrong_with_tls() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let error = refused(&program, &ninja.base_url().replace("http:", "https:"), &[]);
    has(&error, &["does not speak TLS", "begin with http"]);
    // Over plain HTTP tokens would be readable: only where private hosts are allowed.
    let secret = program.file("s", "demo-machine-secret");
    let base_url = ninja.base_url();
    program.refuses(
        &[
            "connect",
            "--name",
            "plain",
            "--machine",
            "--base-url",
            &base_url,
            "--client-id",
            "demo-machine",
            "--client-secret-file",
            &secret,
        ],
        &["private_hosts", "without encryption", "https"],
    );
    assert!(
        !program.works(&["connection", "list"]).contains("plain"),
        "nothing was stored"
    );
    // A private address needs the owner's word even with https.
    let private = base_url.replace("http:", "https:");
    program.refuses(
        &[
            "connect",
            "--name",
            "private",
            "--machine",
            "--base-url",
            &private,
            "--client-id",
            "demo-machine",
            "--client-secret-file",
            &secret,
        ],
        &["private", "127.0.0.1", "llow"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn html_where_json_belongs_is_told_as_such() {
    let ninja = ninja(60).await;
    let program = bridged(&ninja, "default");
    ninja.faults().always("/v2/devices-detailed", Effect::LoginPage);
    program.refuses(&["sync"], &["ninjaone", "reading devices", "HTML", "sign-in"]);
    ninja.faults().clear();
    ninja.faults().always("/v2/organizations", Effect::InvalidJson);
    program.refuses(
        &["sync"],
        &[
            "ninjaone",
            "organizations",
            "the answer is no list",
            "Try again later",
        ],
    );
    ninja.faults().clear();
    program.ends(3, &["sync"]);
    // A server that is no NinjaOne at all.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let page = "<html><title>Printer 3rd floor</title></html>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let error = refused(&Program::new(), &address, &[]);
    has(&error, &["HTML", "Check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_the_scope_is_told_which_one_to_tick() {
    use simulators::ninjaone::oauth::App;
    let mut options = crate::tenant::small(10);
    options
        .oauth
        .apps
        .push(App::machine("no-monitoring", "its-secret", "App", &["control"]));
    let ninja = simulators::ninjaone::NinjaOne::start_on_loopback(options)
        .await
        .unwrap();
    let base_url = ninja.base_url();
    let program = Program::new().with("RMMBRIDGE_CLIENT_SECRET", "its-secret");
    program.refuses(
        &[
            "connect",
            "--machine",
            "--base-url",
            &base_url,
            "--client-id",
            "no-monitoring",
            "--allow-private-hosts",
        ],
        &["ninjaone", "monitoring", "Administration"],
    );
}
