//! An identity provider in a browser: an Owner sets it up and tests it, links their account, signs in with it, is refused
//! in words where they decline or are not known, and unlinks it again.

use crate::program::Program;
use e2e::Browser;
use simulators::identity::{Identity, Options};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_at_a_provider_is_linked_signs_in_and_is_unlinked() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let identity = Identity::start_on_loopback(Options::default()).await.unwrap();
    let program = Program::new();
    program.works(&["people", "add", "ada@example.test", "--role", "owner"]);
    let serving = program.start(&["serve", "--listen", "127.0.0.1:0"]);
    let ready = serving.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let listen = address.strip_prefix("http://").unwrap();
    let page = |path: &str| format!("{address}{path}");
    let shown = program.json(&["people", "provider", "show", "--listen", listen]);
    let redirect = shown["redirect_uri"].as_str().unwrap();
    assert_eq!(redirect, page("/sign-in/provider/callback"));
    identity.register_redirect(redirect);

    let link = program.json(&["people", "link", "ada@example.test", "--listen", listen]);
    browser.go(link["link"].as_str().unwrap()).await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;
    browser.go(&page("/settings/sign-in")).await;
    browser.heading("Sign-in").await;
    browser.sees(redirect).await;
    browser.picture("sign-in-provider-new").await;
    browser.fill("Name", "Company account").await;
    browser.fill("Issuer", &identity.issuer()).await;
    browser.fill("Client ID", "demo-oidc").await;
    browser.fill("Client secret", "demo-oidc-secret").await;
    // A loopback host is for whoever says so.
    browser.press("Save").await;
    browser.sees("It has to begin with https://").await;
    browser.picture("sign-in-provider-problem").await;
    browser.fill("Client secret", "demo-oidc-secret").await;
    browser.unfold("More settings").await;
    browser.tick("Allow a private or loopback host").await;
    browser.press("Save").await;
    browser.sees("Company account is saved").await;
    browser.press("Test").await;
    browser.sees("Every point is as it should be.").await;
    browser.picture("sign-in-provider-tested").await;

    browser.go(&page("/settings/you")).await;
    browser.follow("Link sign-in of Company account").await;
    browser.heading("Link sign-in of Company account").await;
    browser.picture("sign-in-link").await;
    browser.press("Link it").await;
    browser.heading("Who are you?").await;
    browser.press("Sign in as ada").await;
    browser.heading("Your account").await;
    browser.sees("Your account at Company account is linked").await;
    browser.picture("sign-in-linked").await;
    browser.close().await;

    let Some(browser) = Browser::open().await else {
        return;
    };
    browser.go(&page("/settings/you")).await;
    browser.heading("Sign in").await;
    browser.picture("sign-in-with-provider").await;
    for (choice, why) in [
        ("Decline", "declined"),
        ("Sign in as grace", "Nobody here is called grace@example.test"),
    ] {
        browser.press("Sign in with Company account").await;
        browser.heading("Who are you?").await;
        browser.press(choice).await;
        browser.heading("Sign in").await;
        let alert = browser.alert().await;
        assert!(alert.contains(why), "{alert}");
        browser.picture("sign-in-refused").await;
    }
    browser.press("Sign in with Company account").await;
    browser.heading("Who are you?").await;
    browser.press("Sign in as ada").await;
    browser.heading("Your account").await;
    browser.sees("by Company account").await;

    // It is the only way in until there is a password.
    browser.press("Unlink").await;
    browser.sees("Choose a password first").await;
    browser.fill("New password", "four words in a row").await;
    browser.fill("The same once more", "four words in a row").await;
    browser.press("Choose this password").await;
    browser.sees("Your password is changed").await;
    browser.press("Unlink").await;
    browser.sees("Your account is unlinked").await;
    browser.close().await;
    serving.signal("INT");
    let ended = serving.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!ended.err.contains("demo-oidc-secret"), "{}", ended.err);
    identity.shutdown().await;
}
