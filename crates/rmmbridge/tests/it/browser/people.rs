//! People in a browser: an Owner invites somebody, who chooses a password, sets up a second factor, and signs in with it.

use crate::program::Program;
use e2e::Browser;
use testkit::Authenticator;

#[expect(
    clippy::disallowed_methods,
    reason = "the program under test has the time of this machine"
)]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_and_signs_in_with_a_second_factor() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let program = Program::new();
    let demo = program.start(&["demo", "--serve", "--listen", "127.0.0.1:0", "--devices", "20"]);
    let ready = demo.says("serve: ready on ");
    let address = ready.rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
    let hub = Program::in_directory(&program.data_dir().join("demo"));
    let listen = address.strip_prefix("http://").unwrap();
    let link = hub.json(&["people", "link", "demo", "--listen", listen]);
    let page = |path: &str| format!("{address}{path}");
    browser.go(link["link"].as_str().unwrap()).await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;

    // The Owner invites, and looks at every page of Settings.
    browser.go(&page("/settings/people")).await;
    browser.heading("People").await;
    browser.looked_at("settings-people").await;
    browser.fill("Name", "ada@example.test").await;
    browser.press("Invite").await;
    browser.heading("Invitation for ada@example.test").await;
    browser.looked_at("settings-invited").await;
    let text = browser.text().await;
    let token = text
        .split("token=")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    for (path, heading, name) in [
        ("/settings/you", "Your account", "you"),
        ("/settings/keys", "API keys", "keys"),
        ("/settings/notifications", "Notifications", "notifications"),
        (
            "/settings/notifications/new?kind=mail",
            "Notify by E-mail",
            "notifications-mail",
        ),
        ("/settings/pause", "Pause writes", "pause"),
        ("/settings/hub", "Hub", "hub"),
        ("/settings/audit", "Audit log", "audit"),
    ] {
        browser.go(&page(path)).await;
        browser.heading(heading).await;
        browser.looked_at(&format!("settings-{name}")).await;
    }
    browser.press("Verify").await;
    browser.heading("Audit log").await;
    assert!(browser.text().await.contains("The audit log is whole"));
    browser.go(&page("/settings/pause")).await;
    browser.fill("Why", "A new tenant is connected today").await;
    browser.press("Pause all writes").await;
    browser.heading("Pause writes").await;
    browser.looked_at("settings-paused").await;
    browser.press("Let writes go on").await;
    browser.heading("Pause writes").await;
    browser.go(&page("/settings/keys")).await;
    browser.fill("Name", "Grafana").await;
    browser.press("Make the key").await;
    browser.heading("The key Grafana").await;
    browser.looked_at("settings-key-made").await;
    browser.go(&page("/settings/keys")).await;
    browser.heading("API keys").await;
    browser.looked_at("settings-keys-listed").await;

    // Ada, in the same browser: the Owner's session ends when hers begins.
    browser
        .go(&page(&format!("/sign-in/invitation?token={token}")))
        .await;
    browser.heading("Welcome to rmmbridge").await;
    browser.looked_at("settings-invitation").await;
    browser.fill("New password", "four words in a row").await;
    browser.fill("The same once more", "four words in a row").await;
    browser.press("Sign in").await;
    browser.heading("Overview").await;
    browser.go(&page("/settings/you/second-factor")).await;
    browser.heading("Second factor").await;
    browser.fill("Your password", "four words in a row").await;
    browser.press("Set it up").await;
    browser.heading("Second factor").await;
    let text = browser.text().await;
    browser.looked_at("settings-second-factor").await;
    // Eight groups of four letters.
    let is_group =
        |word: &&str| word.len() == 4 && word.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    let key: String = text.split_whitespace().filter(is_group).collect();
    assert_eq!(key.len(), 32, "{text}");
    let app = Authenticator::new(&key);
    browser
        .fill("The code your app shows now", &app.code(now()))
        .await;
    browser.press("Switch it on").await;
    browser.heading("Recovery codes").await;
    browser.looked_at("settings-recovery-codes").await;
    let text = browser.text().await;
    let recovery = text
        .split_whitespace()
        .find(|word| word.matches('-').count() == 3)
        .unwrap();
    let recovery = recovery.to_owned();
    browser.go(&page("/settings/you")).await;
    browser.heading("Your account").await;
    browser.looked_at("settings-you-with-factor").await;

    // Signing in takes both. The code of this half minute is used up, so that of the next one is waited for.
    let used = now() / 30;
    while now() / 30 == used {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    browser.close().await;
    for code in [app.code(now()), recovery] {
        let Some(browser) = Browser::open().await else {
            return;
        };
        browser.go(&page("/settings/you")).await;
        browser.heading("Sign in").await;
        browser.fill("Name", "ada@example.test").await;
        browser.fill("Password", "four words in a row").await;
        browser.press("Sign in").await;
        browser.heading("Your second factor").await;
        browser.looked_at("settings-code").await;
        browser.fill("Code", &code).await;
        browser.press("Sign in").await;
        browser.heading("Your account").await;
        browser.close().await;
    }
    demo.signal("INT");
    let ended = demo.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
