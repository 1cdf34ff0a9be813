//! `connect` without a browser: what is stored, kept, refused and waited for.

use crate::program::Program;
use crate::tenant::{connect_web, consented, free_port, ninja};
use simulators::ninjaone::NinjaOne;
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_authorized_again_by_its_name_alone() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let ran = consented(&program, &ninja, &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let before = program.json(&["check"])[0].clone();
    // The secret is kept, and so is everything that was not given anew.
    let ran = consented(&program, &ninja, &["--json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let after: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&after["id"], &after["settings"]),
        (&before["id"], &before["settings"])
    );
    assert_eq!(after["state"]["state"], "connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_is_refused_and_the_old_grant_stays() {
    let (program, first) = (Program::new(), ninja(60).await);
    consented(&program, &first, &[]).await;
    program.works(&["bridge", "add"]);
    program.ends(3, &["sync"]);
    // Small ids exist in both, names and device uids differ.
    let options = simulators::ninjaone::Options {
        seed: 99,
        ..crate::tenant::small(60)
    };
    let second = NinjaOne::start_on_loopback(options).await.unwrap();
    let ran = consented(&program, &second, &[]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(
        ran.err.contains("is not the one `ninjaone` belongs to"),
        "{ran:#?}"
    );
    assert!(ran.err.contains("make a new connection"), "{ran:#?}");
    // Nothing was stored: the old grant stands beside what was read with it.
    assert!(program.run(&["match"]).out.contains("4 open questions"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_and_the_wait_ends() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let (running, _) = connect_web(
        &program,
        &ninja,
        free_port(),
        "/ninja/oauth/resp",
        &["--wait", "1"],
    );
    let ran = running.end();
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(
        ran.err.contains("nobody") || ran.err.contains("within 1"),
        "{ran:#?}"
    );
    assert_eq!(
        program.json(&["check"])[0]["state"]["state"],
        "needs_authorization"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_callback_port_is_named_before_anybody_is_sent_away() {
    let (program, ninja) = (Program::new(), ninja(10).await);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let base_url = ninja.base_url();
    let program = program.with("RMMBRIDGE_CLIENT_SECRET", "demo-web-secret");
    let connect = [
        "connect",
        "--base-url",
        &base_url,
        "--client-id",
        "demo-web",
        "--allow-private-hosts",
    ];
    let error = program.refuses(
        &[&connect[..], &["--callback-port", &port]].concat(),
        &[&port, "in use"],
    );
    assert!(error.contains("another"), "{error}");
    assert_eq!(ninja.requests().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_the_redirect_uri_is_told_which_one_to_register() {
    let ninja = ninja(10).await;
    let port = free_port().to_string();
    let base_url = ninja.base_url();
    let program = Program::new().with("RMMBRIDGE_CLIENT_SECRET", "demo-web-secret");
    let connect = [
        "connect",
        "--base-url",
        &base_url,
        "--client-id",
        "demo-web",
        "--allow-private-hosts",
    ];
    let uri = format!("http://127.0.0.1:{port}/ninja/oauth/resp");
    let arguments = [&connect[..], &["--callback-port", &port]].concat();
    program.refuses(&arguments, &["127.0.0.1", "add the redirect URI shown here"]);
    let ran = program.run(&arguments);
    let shown = ran.err.lines().find(|line| line.starts_with("Redirect URI"));
    assert!(shown.is_some_and(|line| line.ends_with(&uri)), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_needs_attention_until_it_is_given_again() {
    // H04: the grant hangs on its user.
    let (program, ninja) = (Program::new(), ninja(60).await);
    consented(&program, &ninja, &[]).await;
    program.works(&["bridge", "add"]);
    assert!(ninja.grants().revoke_all() > 0);
    program.refuses(
        &["sync"],
        &[
            "ninjaone",
            "the grant is no longer valid",
            "rmmbridge connect --name ninjaone",
        ],
    );
    assert_eq!(program.json(&["check"])[0]["state"]["state"], "needs_attention");
    let points = program.ends(3, &["check", "ninjaone"]).out;
    assert!(points.contains('✗'), "{points}");
    consented(&program, &ninja, &[]).await;
    program.ends(3, &["sync"]);
}
