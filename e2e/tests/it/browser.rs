//! The simulated NinjaOne's sign-in and consent pages, as a person without a mouse meets them.

use e2e::Browser;
use simulators::ninjaone::{NinjaOne, Options};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// The address of a consent page. Nobody listens at the redirect URI: the browser's address tells where it was sent.
fn consent_page(ninja: &NinjaOne) -> String {
    format!(
        "{}/ws/oauth/authorize?response_type=code&client_id=demo-web&state=seven&scope=monitoring%20offline_access\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A8411%2Fninja%2Foauth%2Fresp",
        ninja.base_url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_and_consent_work_by_keyboard_alone() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let ninja = NinjaOne::start_on_loopback(Options {
        devices: 10,
        ..Options::default()
    })
    .await
    .unwrap();
    browser.go(&consent_page(&ninja)).await;
    browser.heading("Sign in to NinjaOne").await;
    // The first input has the focus: nothing has to be searched for.
    browser.keys(&format!("tech@example.test{TAB}")).await;
    browser.keys(&format!("demo-password{ENTER}")).await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
    let text = browser.text().await;
    for word in [
        "monitoring",
        "stay connected while you are away",
        "Signed in as tech@example.test",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Approve is the first thing Tab reaches; the browser is then on its way to the redirect URI.
    browser.keys(TAB).await;
    browser.keys(ENTER).await;
    let address = browser.sent_to("http://127.0.0.1:8411/").await;
    assert!(
        address.contains("code=") && address.contains("state=seven"),
        "{address}"
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_on_a_desk_and_on_a_phone() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let ninja = NinjaOne::start_on_loopback(Options {
        devices: 10,
        ..Options::default()
    })
    .await
    .unwrap();
    browser.go(&consent_page(&ninja)).await;
    browser.heading("Sign in to NinjaOne").await;
    browser.picture("sign-in").await;
    browser.fill("E-mail address", "tech@example.test").await;
    browser.fill("Password", "wrong").await;
    browser.press("Sign in").await;
    assert!(!browser.alert().await.is_empty());
    browser.picture("sign-in-wrong").await;
    browser.fill("Password", "demo-password").await;
    browser.press("Sign in").await;
    browser.heading("Allow Demo web app to use NinjaOne?").await;
    browser.picture("consent").await;
    browser.press("Use another account").await;
    browser.heading("Sign in to NinjaOne").await;
    browser.close().await;
}
