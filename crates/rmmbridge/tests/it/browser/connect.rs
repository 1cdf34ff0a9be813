//! `connect`: the way through NinjaOne's pages and back.

use crate::program::Program;
use crate::tenant::{connect_web, free_port, ninja};
use e2e::Browser;
use simulators::ninjaone::NinjaOne;
use url::Url;

const CALLBACK: &str = "/ninja/oauth/resp";

async fn sign_in(browser: &Browser) {
    browser.heading("Sign in to NinjaOne").await;
    browser.fill("E-mail address", "tech@example.test").await;
    browser.fill("Password", "demo-password").await;
    browser.press("Sign in").await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
}

/// Paths asked for so far, without the simulator's own.
fn paths(ninja: &NinjaOne) -> Vec<String> {
    ninja.seen().into_iter().map(|seen| seen.path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h05_h26_h27_consent_is_asked_for_on_a_page_and_completes_the_connection() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let (program, ninja) = (Program::new(), ninja(60).await);
    let (running, page) = connect_web(&program, &ninja, free_port(), CALLBACK, &[]);
    // Client ID and secret are stored before the page is shown.
    let stored = program.json(&["check"]);
    assert_eq!(stored[0]["state"]["state"], "needs_authorization", "{stored}");

    browser.go(page.as_str()).await;
    browser.heading("Sign in to NinjaOne").await;
    browser.fill("E-mail address", "tech@example.test").await;
    browser.fill("Password", "not the password").await;
    browser.press("Sign in").await;
    let alert = browser.alert().await;
    assert!(alert.contains("password is wrong"), "{alert}");
    assert_eq!(browser.value("E-mail address").await, "tech@example.test");
    sign_in(&browser).await;
    let consent = browser.text().await;
    // H15: monitoring and nothing beyond it, kept up by refresh tokens.
    assert!(
        consent.contains("monitoring") && consent.contains("offline_access"),
        "{consent}"
    );
    assert!(
        !consent.contains("management") && !consent.contains("control"),
        "{consent}"
    );

    browser.press("Approve").await;
    browser.heading("Connected").await;
    let text = browser.text().await;
    assert!(
        text.contains("rmmbridge is connected.") && text.contains("close this window"),
        "{text}"
    );
    browser.looked_at("callback-complete").await;
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.out.contains("ninjaone: Connected"), "{ran:#?}");
    browser.close().await;

    // No further step: every point passes, and a sync reads the estate.
    let points = program.works(&["check", "ninjaone"]);
    assert!(
        points.contains('✓') && !points.contains('✗') && !points.contains('·'),
        "{points}"
    );
    program.works(&["bridge", "add", "--preset", "humanizeit"]);
    let synced = program.run(&["sync"]);
    assert!(synced.out.contains("Read 60 devices"), "{synced:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h06_a_denied_consent_leaves_the_connection_incomplete_and_says_so() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let (program, ninja) = (Program::new(), ninja(10).await);
    let (running, page) = connect_web(&program, &ninja, free_port(), CALLBACK, &[]);
    browser.go(page.as_str()).await;
    sign_in(&browser).await;
    browser.press("Deny").await;
    browser.heading("Not connected").await;
    let text = browser.text().await;
    assert!(
        text.contains("was not connected") && text.contains("refused"),
        "{text}"
    );
    browser.looked_at("callback-refused").await;
    let ran = running.end();
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(
        ran.err.contains("error: ninjaone: ") && ran.err.contains("refused"),
        "{ran:#?}"
    );
    assert!(!ran.out.contains("Connected"), "{ran:#?}");
    let stored = program.json(&["check"]);
    assert_eq!(stored[0]["state"]["state"], "needs_authorization", "{stored}");
    assert!(ninja.grants().issued().is_empty());

    // A second try, with the other answer, completes it.
    let (running, page) = connect_web(&program, &ninja, free_port(), CALLBACK, &[]);
    browser.go(page.as_str()).await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
    browser.press("Approve").await;
    browser.heading("Connected").await;
    assert_eq!(running.end().code, Some(0));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_the_flow_can_be_another() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let (program, ninja) = (Program::new(), ninja(60).await);
    let more = [
        ["--set", "authorize_path=/oauth/authorize"],
        ["--set", "token_path=/oauth/token"],
        ["--set", "revoke_path=/oauth/revoke"],
        ["--set", "api_path=/ws/api/v2"],
        ["--callback-path", "/somewhere/else"],
    ];
    let (running, page) = connect_web(&program, &ninja, free_port(), "/somewhere/else", &more.concat());
    assert_eq!(page.path(), "/oauth/authorize");
    browser.go(page.as_str()).await;
    sign_in(&browser).await;
    browser.press("Approve").await;
    browser.heading("Connected").await;
    let came_back = Url::parse(&browser.address().await).unwrap();
    assert_eq!(came_back.path(), "/somewhere/else");
    assert_eq!(running.end().code, Some(0));
    browser.close().await;
    program.works(&["check", "ninjaone"]);
    let paths = paths(&ninja);
    assert!(paths.iter().any(|path| path == "/oauth/token"), "{paths:?}");
    assert!(!paths.iter().any(|path| path == "/ws/oauth/token"), "{paths:?}");
}
