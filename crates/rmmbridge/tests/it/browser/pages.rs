//! The web pages in a browser: signing in by the demo's link, connecting NinjaOne by consent, testing it.

use crate::program::Program;
use e2e::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn h05_h20_h26_h27_ninjaone_is_connected_from_the_demo_s_link() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let program = Program::new();
    let demo = program.start(&["demo", "--serve", "--listen", "127.0.0.1:0", "--devices", "60"]);
    let ready = demo.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let hub = Program::in_directory(&program.data_dir().join("demo"));
    let listen = address.strip_prefix("http://").unwrap();
    let link = hub.json(&["people", "link", "demo", "--listen", listen]);
    browser.go(link["link"].as_str().unwrap()).await;
    browser.heading("Sign in by link").await;
    browser.picture("pages-link").await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;
    browser.picture("pages-overview-empty").await;

    let page = |path: &str| format!("{address}{path}");
    browser.go(&page("/connections")).await;
    browser.heading("Connections").await;
    browser.picture("pages-connections").await;
    browser.go(&page("/connections/new?kind=ninjaone")).await;
    browser.heading("Connect NinjaOne").await;
    browser.picture("pages-connect").await;
    browser.fill("Client secret", "demo-web-secret").await;
    browser.press("Save and authorize").await;

    browser.heading("Sign in to NinjaOne").await;
    browser.fill("E-mail address", "tech@example.test").await;
    browser.fill("Password", "demo-password").await;
    browser.press("Sign in").await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
    browser.press("Approve").await;
    browser.heading("ninjaone").await;
    let text = browser.text().await;
    assert!(text.contains("ninjaone is connected: the grant works."), "{text}");
    browser.press("Test").await;
    browser.heading("ninjaone").await;
    let text = browser.text().await;
    assert!(text.contains("Every point is as it should be."), "{text}");
    browser.picture("pages-connection").await;
    browser.go(&page("/runs")).await;
    browser.heading("Runs").await;
    browser.picture("pages-runs").await;
    browser.close().await;
    demo.signal("INT");
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
